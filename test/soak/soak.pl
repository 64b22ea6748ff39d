# make soak: what the tests do once, for as long as is wanted and with other
# random choices each time.  SOAK_MINUTES (30) are divided among the kinds, or
# those that SOAK_KINDS names; SOAK_SEED (the time) is where the seeds of their
# rounds begin; SOAK_MIXED_SECONDS (30) is the length of a round of mixed load.
# Ends with a table, and fails when anything was violated.

use strict;
use warnings;

use File::Basename qw(dirname);
use IPC::Run ();
use PostgreSQL::Test::Utils;
use SphxTest;
use Test::More;

my $minutes = $ENV{SOAK_MINUTES} // 30;
my $first_seed = $ENV{SOAK_SEED} // time;
my $tests = dirname(__FILE__) . '/../tap';
my @metrics = ([ '<->', 'vector_l2_ops' ], [ '<=>', 'vector_cosine_ops' ], [ '<#>', 'vector_ip_ops' ]);
# kind => its round; returns operations, faults (inflicted, or met and reported
# as they should be), rows checked
my %kinds = (crash => \&crash, standby => \&standby, churn => \&churn, damage => \&damage, mixed => \&mixed,
	property => \&property);
my %nodes;

# A node of this kind, made in its first round, with a table of random vectors.
sub kind_node
{
	my ($kind, %option) = @_;

	return $nodes{$kind} if $nodes{$kind};
	$nodes{$kind} = new_node($kind, %option);
	make_tables($nodes{$kind}, operator => '<->', opclass => 'vector_l2_ops', d => 32, seed => 1, queries => 50);
	return $nodes{$kind};
}

# Rows that there may be (source), half of them, with an index (items), and queries.
sub make_tables
{
	my ($node, %table) = @_;
	my %shape = (d => $table{d}, clusters => 40);

	make_queries($node, $table{operator}, make_vectors(n => $table{queries}, seed => $table{seed} + 1, %shape));
	$node->safe_psql('postgres', "CREATE TABLE source (id integer, embedding vector($table{d}));
		CREATE TABLE items (id serial, embedding vector($table{d}), changes integer DEFAULT 0)");
	load_items($node, 'source', 1, make_vectors(n => 6000, seed => $table{seed}, %shape));
	$node->safe_psql('postgres', "INSERT INTO items (embedding) SELECT embedding FROM source WHERE id <= 3000;
		CREATE INDEX items_idx ON items USING sphx (embedding $table{opclass})");
	return;
}

sub rows
{
	return $_[0]->safe_psql('postgres', 'SELECT count(*) FROM items');
}

# Mixed load that commits after each change until it is stopped: inserts, some of
# vectors that are there, updates of the vector and of another column, deletes, queries.
sub start_load
{
	my ($node, $seed) = @_;

	return start_psql($node, <<"SQL");
SET synchronous_commit = off;
SET enable_seqscan = off;
SELECT setseed(($seed % 1000) / 1000.0) \\g /dev/null
DO \$\$
DECLARE
	n int;
	v vector;
BEGIN
	LOOP
		n := 1 + floor(random() * 6000);
		SELECT embedding INTO v FROM source WHERE id = n;
		CASE floor(random() * 6)::int
			WHEN 0, 1 THEN INSERT INTO items (embedding) VALUES (v);
			WHEN 2 THEN INSERT INTO items (embedding) SELECT v FROM generate_series(1, 20);
			WHEN 3 THEN UPDATE items SET embedding = v WHERE id = (SELECT id FROM items ORDER BY embedding <-> v OFFSET 3 LIMIT 1);
			WHEN 4 THEN UPDATE items SET changes = changes + 1 WHERE id IN (SELECT id FROM items ORDER BY embedding <-> v LIMIT 20);
			ELSE DELETE FROM items WHERE id IN (SELECT id FROM items ORDER BY embedding <-> v LIMIT 15);
		END CASE;
		IF random() < 0.9 THEN COMMIT; ELSE ROLLBACK; END IF;
	END LOOP;
END \$\$;
SQL
}

# Everything is killed at random moments of a mixed load.
sub crash
{
	my ($seed) = @_;
	my $node = kind_node('crash', conf => "restart_after_crash = on\nmax_wal_size = 64MB\nmax_connections = 30\n");
	my @sessions = map { start_load($node, $seed + $_) } 1 .. 3;
	my $vacuum = start_psql($node, "VACUUM items;\n" x 1000);

	select(undef, undef, undef, 0.5 + rand(4));
	kill_and_start($node, split /\n/, $node->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()'));
	for my $session (@sessions, $vacuum)
	{
		eval { $session->{run}->finish; };
	}
	check_complete($node, 'items', '<->', "crash, seed $seed");
	my $rows = rows($node);
	$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 2 = 0; VACUUM items') if $rows > 20000;
	return ($node->safe_psql('postgres', "SELECT last_value FROM items_id_seq"), 1, $rows);
}

# A test of the suite as it is, in a process of its own; what it printed.
sub run_test
{
	my ($name, %environment) = @_;
	my $out = '';
	my $run;

	local @ENV{ keys %environment } = values %environment;
	local @ENV{qw(TESTDIR TESTDATADIR TESTLOGDIR)} = map { "$ENV{TESTDIR}/child$_" } '', '/tmp_check', '/tmp_check/log';
	mkdir $ENV{TESTDIR};
	$run = IPC::Run::run([ $^X, (map { "-I$_" } @INC), "$tests/$name" ], '<', \undef, '&>', \$out);
	ok($run, "$name, " . join(' ', %environment)) or diag($out);
	system('rm', '-rf', $ENV{TESTDIR});
	return $out;
}

# Readers on a standby under everything that changes an index.
sub standby
{
	my ($seed) = @_;
	my $out = run_test('014_standby_readers.pl');
	my $queries = 0;

	$queries += $1 while $out =~ /: (\d+) queries/g;
	return ($queries, 0, 0);
}

# How much of the exact 10 nearest a new index finds that the index as it was
# did not: the mean over the queries and its standard error, by ef_search.
sub losses
{
	my ($node, @ef) = @_;
	my $near = '(SELECT count(*) FROM unnest(%s.distances) d WHERE d <= t.worst + 1e-6 * abs(t.worst))';
	my $loss = join(' - ', map { sprintf($near, $_) } qw(anew kept));
	my %losses;

	$node->safe_psql('postgres', "SET sphx.ef_search = $_; CREATE TABLE kept_$_ AS SELECT * FROM nearest('items', false, 10)") for @ef;
	$node->safe_psql('postgres', "REINDEX TABLE items;
		CREATE TABLE truth AS SELECT query, (SELECT max(d) FROM unnest(distances) d) AS worst FROM nearest('items', true, 10)");
	for my $ef (@ef)
	{
		$losses{$ef} = [ split /\|/, $node->safe_psql('postgres', "SET sphx.ef_search = $ef;
			SELECT avg(loss), stddev(loss) / sqrt(count(*)) FROM (SELECT ($loss) / 10.0 AS loss
				FROM kept_$ef kept JOIN nearest('items', false, 10) anew USING (query) JOIN truth t USING (query)) l") ];
	}
	$node->safe_psql('postgres', 'DROP TABLE truth, ' . join(', ', map { "kept_$_" } @ef));
	return %losses;
}

# Ten rounds in which a fifth of the rows is replaced: the recall stays that of a
# new index, but for .003.  Both answer the same 1,000 queries, so the standard
# error of the loss is mostly below .001 at ef_search 20 and less above; four of
# them are allowed for: by chance, one comparison in 30,000 exceeds that.
sub churn
{
	my ($seed) = @_;
	my $node = $nodes{churn} //= new_node('churn');
	my ($operator, $opclass) = @{ $metrics[ $seed % 3 ] };
	my $dims = (32, 50, 100)[ $seed / 3 % 3 ];
	my $name = "churn, seed $seed, $operator, $dims dimensions";
	my %losses;
	my $rows;

	$node->safe_psql('postgres', 'DROP TABLE IF EXISTS source, items, queries, truth, kept_20, kept_40, kept_80;
		DROP FUNCTION IF EXISTS recall; DROP FUNCTION IF EXISTS nearest');
	make_tables($node, operator => $operator, opclass => $opclass, d => $dims, seed => $seed, queries => 1000);
	for my $round (1 .. 10)
	{
		$node->safe_psql('postgres', "SELECT setseed(" . (($seed + $round) % 1000) / 1000 . ");
			DELETE FROM items WHERE random() < 0.2;
			INSERT INTO items (embedding) SELECT embedding FROM source WHERE random() < 0.1;");
		$node->safe_psql('postgres', 'VACUUM items');
	}
	check_complete($node, 'items', $operator, $name);
	%losses = losses($node, 20, 40, 80);
	cmp_ok($losses{$_}[0], '<=', 0.003 + 4 * $losses{$_}[1], sprintf('%s: at ef_search %d %.4f below a new index (error %.4f)', $name, $_, @{ $losses{$_} }))
	  for 20, 40, 80;
	$rows = rows($node);
	return (20, 0, $rows);
}

# A session of the mixed load: repeats the statements until the time is up.
sub start_mixed
{
	my ($node, $seed, $seconds, $statements) = @_;

	return start_psql($node, <<"SQL");
SET enable_seqscan = off;
SELECT setseed(($seed % 1000) / 1000.0) \\g /dev/null
DO \$\$
DECLARE
	until timestamptz := clock_timestamp() + $seconds * interval '1 s';
	n int;
	written int := 0;
	v vector;
BEGIN
	WHILE clock_timestamp() < until LOOP
		n := 1 + floor(random() * 6000);
		SELECT embedding + (SELECT array_agg(random() + random() + random() - 1.5)::vector FROM generate_series(1, vector_dims(embedding)))
			INTO v FROM source WHERE id = n;
		$statements
		COMMIT;
	END LOOP;
	INSERT INTO written VALUES (written);
END \$\$;
SQL
}

# 8 sessions insert, 4 search, one updates and one vacuums: nobody meets an error
# or a deadlock, no row is lost, and the recall is that of a new index, but for .01
# (and four standard errors, see churn).
sub mixed
{
	my ($seed) = @_;
	my $seconds = $ENV{SOAK_MIXED_SECONDS} // 30;
	my $node = $nodes{mixed} //= new_node('mixed', conf => "max_connections = 30\nsynchronous_commit = off\ndeadlock_timeout = 200ms\n");
	my ($operator, $opclass) = @{ $metrics[ $seed % 2 ] };
	my $name = "mixed, seed $seed, $operator";
	my $until = time + $seconds;
	my ($vacuums, $rows, %losses, @sessions) = (0);

	$node->safe_psql('postgres', 'DROP TABLE IF EXISTS source, items, queries, truth, written, kept_20, kept_40, kept_80;
		DROP FUNCTION IF EXISTS recall; DROP FUNCTION IF EXISTS nearest; CREATE TABLE written (rows int)');
	make_tables($node, operator => $operator, opclass => $opclass, d => 64, seed => $seed, queries => 300);
	push @sessions, start_mixed($node, $seed + $_, $seconds, 'INSERT INTO items (embedding) VALUES (v); written := written + 1;') for 1 .. 8;
	push @sessions, start_mixed($node, $seed + $_, $seconds, "SELECT count(*) INTO n FROM (SELECT id FROM items ORDER BY embedding $operator v LIMIT 10) s;
		IF n <> 10 THEN RAISE 'a search for 10 rows gives %', n; END IF;") for 9 .. 12;
	push @sessions, start_mixed($node, $seed + 13, $seconds, "UPDATE items SET embedding = v WHERE id IN (SELECT id FROM items ORDER BY embedding $operator v OFFSET 3 LIMIT 2);");
	while (time < $until)
	{
		$node->safe_psql('postgres', 'VACUUM items');
		$vacuums++;
	}
	for my $session (@sessions)
	{
		my ($status, $out, $err) = finish_psql($session);

		is($status, 0, "$name: a session ends well") or diag($err);
	}
	$rows = rows($node);
	note("$name: $rows rows, $vacuums vacuums");
	is($rows, $node->safe_psql('postgres', 'SELECT 3000 + sum(rows) FROM written'), "$name: no row is lost");
	check_complete($node, 'items', $operator, $name);
	%losses = losses($node, 20, 40, 80);
	cmp_ok($losses{$_}[0], '<=', 0.01 + 4 * $losses{$_}[1], sprintf('%s: at ef_search %d %.4f below a new index (error %.4f)', $name, $_, @{ $losses{$_} }))
	  for 20, 40, 80;
	return ($rows - 3000, 0, $rows);
}

# Random bytes of the index's file: a clear error, or the right answer where the check says sound.
sub damage
{
	my ($seed) = @_;
	my $node = kind_node('damage', no_checksums => 1);
	my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('items_idx')");
	my $rows = rows($node);
	my $sound;
	my ($contents, $faults) = ('', 0);
	my $scan = "SET enable_seqscan = off; SET statement_timeout = '30s';
		SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> (SELECT embedding FROM source WHERE id = 5) OFFSET 0) s;";

	$node->stop;
	$sound = $contents = slurp_file($path);
	for (1 .. 1 + int(rand(4)))
	{
		my $place = int(rand(length($contents)));
		substr($contents, $place, 1) = chr(int(rand(256)));
	}
	write_file($path, $contents);
	$node->start;
	my @answers = map { [ finish_psql(start_psql($node, $_)) ] } ("SELECT * FROM sphx_check('items_idx', true)", $scan,
		"SET statement_timeout = '30s'; BEGIN; INSERT INTO items (embedding) SELECT embedding FROM source WHERE id <= 20; ROLLBACK;",
		"SET statement_timeout = '30s'; VACUUM items");
	for my $answer (@answers)
	{
		$faults++ if $answer->[0] != 0;
		ok($answer->[0] == 0 || $answer->[2] =~ /ERROR:\s+XX00[12]/, "damage, seed $seed: a clear error, if any") or diag($answer->[2]);
	}
	is($answers[1][1], "$rows\n", "damage, seed $seed: sound, and complete") if $answers[0][0] == 0 && $answers[1][0] == 0;
	is($answers[1][0], 0, "damage, seed $seed: sound, and no error") if $answers[0][0] == 0;
	$node->stop;
	write_file($path, $sound);
	$node->start;
	return (4, $faults, $rows);
}

sub write_file
{
	my ($path, $contents) = @_;

	open my $file, '>:raw', $path or die "$path: $!";
	print $file $contents;
	close $file or die "$path: $!";
	return;
}

sub property
{
	my ($seed) = @_;
	my $out = run_test('015_property.pl', PROPERTY_SEED => $seed, PROPERTY_QUERIES => 500);

	return ($out =~ /approximate queries of (\d+)/ ? $1 : 0, 0, 0);
}

my %sums;
my $end = time + 60 * $minutes;
my @names = $ENV{SOAK_KINDS} ? split(' ', $ENV{SOAK_KINDS}) : sort keys %kinds;
my $round = 0;
srand($first_seed);
while (time < $end)
{
	my $kind = $names[ $round++ % @names ];
	my $share = time + 60 * $minutes / @names / 4;

	# a quarter of its share of the time at once
	do
	{
		my $sum = $sums{$kind} //= { rounds => 0, seed => $first_seed + 1000 * $round, operations => 0, faults => 0, rows => 0, violations => 0 };
		my $failed = grep { !$_ } Test::More->builder->summary;
		my @counts = eval { $kinds{$kind}->($sum->{seed} + $sum->{rounds}) };

		ok(0, "$kind ended with: $@") if $@;
		$sum->{rounds}++;
		$sum->{operations} += $counts[0] // 0;
		$sum->{faults} += $counts[1] // 0;
		$sum->{rows} += $counts[2] // 0;
		$sum->{violations} += grep({ !$_ } Test::More->builder->summary) - $failed;
	} while (time < $share && time < $end);
}
$_->stop for values %nodes;
ok(scalar(keys %sums) == @names || $minutes < 5, 'every kind had its turn');

my @table = ("seed $first_seed, $minutes minutes", '',
	sprintf('%-9s %7s %11s %11s %7s %13s %11s', 'kind', 'rounds', 'seed', 'operations', 'faults', 'rows checked', 'violations'),
	map { sprintf('%-9s %7d %11d %11d %7d %13d %11d', $_, @{ $sums{$_} }{qw(rounds seed operations faults rows violations)}) } sort keys %sums);
note(join("\n", @table));
done_testing();
