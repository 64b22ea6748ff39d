# Readers on a hot standby while its primary changes what they read: chains of
# equal vectors that grow, shrink and vanish, cells that get their first rows,
# pages added to the file.  The replay never stops, no reader meets an error or
# a row of another vector, and the standby shuts down when told to.

use strict;
use warnings;

use Test::More;
use SphxTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

my $rounds = $ENV{STANDBY_ROUNDS} // 10;
my $primary = new_node('primary', streaming => 1);
my %shape = (d => 32, clusters => 40);
# no row of the clusters is near it
my $equal = '[' . join(',', (9) x 32) . ']';

# sparse has 80 cells, nearly all of them empty
$primary->safe_psql('postgres', <<"SQL");
CREATE TABLE centres (centroid vector(32));
CREATE TABLE items (id serial, embedding vector(32));
CREATE TABLE sparse (id serial, embedding vector(32));
SQL
load_items($primary, 'items', 1, make_vectors(n => 2000, seed => 1, %shape));
$primary->safe_psql('postgres', <<"SQL");
INSERT INTO centres SELECT embedding FROM items WHERE id <= 80;
CREATE INDEX items_idx ON items USING sphx (embedding);
CREATE INDEX sparse_idx ON sparse USING sphx (embedding) WITH (centroids = 'centres');
SELECT setval('items_id_seq', 10000);
INSERT INTO items (embedding) SELECT '$equal' FROM generate_series(1, 1000);
INSERT INTO sparse (embedding) SELECT '$equal' FROM generate_series(1, 2);
SQL

$primary->backup('start');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'start', has_streaming => 1);
# replay waits for readers, whose statements are short
$standby->append_conf('postgresql.conf', 'max_standby_streaming_delay = -1');
$standby->start;

# An error where a row has another vector, or none is found: division by zero.
my %scripts = (
	nearest => "SELECT 1 / count(*) FILTER (WHERE embedding = '$equal') FROM
		(SELECT embedding FROM items ORDER BY embedding <-> '$equal' LIMIT 1) s;",
	chain => "SELECT 1 / (count(*) = 150 AND count(DISTINCT id) = 150 AND bool_and(embedding = '$equal'))::int FROM
		(SELECT id, embedding FROM items ORDER BY embedding <-> '$equal' LIMIT 150) s;",
	whole => "SELECT 1 / (count(*) = count(DISTINCT id) AND count(*) FILTER (WHERE embedding = '$equal') >= 2)::int FROM
		(SELECT id, embedding FROM sparse ORDER BY embedding <-> '$equal') s;");
my @readers;
for my $name (sort keys %scripts)
{
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$name.sql";
	my $reader = { name => $name, out => '' };

	# one reader's steps along a chain take longer than the replay of a record
	local $ENV{PGOPTIONS} = '-c enable_seqscan=off' . ($name eq 'chain' ? ' -c sphx.stop_point=scan-chain' : '');
	append_to_file($file, "$scripts{$name}\n");
	$reader->{run} = IPC::Run::start(
		[ $standby->installed_command('pgbench'), '-n', '-c', $name eq 'chain' ? 1 : 2, '-T', '300', '-f', $file,
			$standby->connstr('postgres') ],
		'<', \undef, '&>', \$reader->{out},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	push @readers, $reader;
}

# True when the standby has replayed all there is, within half a minute.
sub caught_up
{
	my $lsn = $primary->lsn('insert');

	return wait_until($standby, "SELECT pg_last_wal_replay_lsn() >= '$lsn'");
}

for my $round (1 .. $rounds)
{
	# chains grow at their heads, and records of new ones are pushed
	$primary->safe_psql('postgres', "INSERT INTO items (embedding) SELECT '$equal' FROM generate_series(1, 400)");
	# cells get their first rows, and pages
	load_items($primary, 'sparse', 100000 * $round, make_vectors(n => 40, seed => 10 + $round, %shape));
	$primary->safe_psql('postgres', "INSERT INTO sparse (embedding) SELECT '$equal' FROM generate_series(1, 40)");
	# records in the middle of chains become empty, and their slots are used again
	$primary->safe_psql('postgres', $_) for (
		"DELETE FROM items WHERE embedding = '$equal' AND id % 1000 >= 200 AND id % 3 < 2",
		'VACUUM items',
		"DELETE FROM items WHERE embedding = '$equal' AND id NOT IN
			(SELECT id FROM items WHERE embedding = '$equal' ORDER BY id LIMIT 150)",
		'VACUUM items',
		"INSERT INTO items (embedding) SELECT embedding FROM items WHERE id <= 200",
		'DELETE FROM items WHERE id > 10000 AND embedding <> ' . "'$equal'",
		"DELETE FROM sparse WHERE id > 2 AND id % 2 = 0",
		'VACUUM items', 'VACUUM sparse');
	last unless ok(caught_up(), "round $round: the standby has caught up");
}

for my $reader (@readers)
{
	my $run = $reader->{run};

	$run->signal('TERM');
	$run->finish;
	unlike($reader->{out}, qr/error|aborted/i, "$reader->{name}: no reader met an error")
	  or diag($reader->{out});
}
check_complete($standby, 'items', '<->', 'standby');
ok($standby->stop('fast', fail_ok => 1), 'a fast shutdown of the standby');
unlike(slurp_file($standby->logfile), qr/XX00|PANIC|terminated by signal/, 'nothing of corruption in its log');
$primary->stop;
done_testing();
