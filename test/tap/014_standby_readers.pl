# Sessions that read a hot standby while it replays everything that changes an
# index: replay never stops, no reader sees half of a change, and the standby
# can be shut down.
#
# Replay locks the pages of a record one after the other and keeps them locked
# (src/README, "Recovery").  In builds with assertions some of the readers are
# slow where they hold the page of a node and are about to lock an overflow
# page, so that an order of locks other than theirs hangs at once.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);
use SphxTest;
use PostgreSQL::Test::Cluster;

my $seconds = 12;
my $patience = 60;				# seconds

my $primary = new_node('primary', streaming => 1);
$primary->backup('start');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'start', has_streaming => 1);
# replay waits for queries whose rows it removes, it does not cancel them
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = -1\nwal_receiver_status_interval = 1\n");
$standby->start;

my $hot = '[' . join(',', map { $_ % 7 - 3 } 1 .. 24) . ']';
my $near = $hot =~ s/^\[-2/[-2.000001/r;	# the same to the index

# Whether the standby has replayed all there is.
sub caught_up
{
	my $lsn = $primary->lsn('insert');
	my $end = time + $patience;

	while (time < $end)
	{
		return 1 if $primary->safe_psql('postgres', "SELECT replay_lsn >= '$lsn' FROM pg_stat_replication") eq 't';
		select(undef, undef, undef, 0.05);
	}
	return 0;
}

# Sessions that run a query again and again until the time is up.  It must give
# a row of one column that is not NULL, and fail where the answer is wrong.
sub start_readers
{
	my ($sql, %option) = @_;
	my $readers = { sql => $sql, out => '', script => File::Temp->new(SUFFIX => '.sql') };

	$readers->{script}->print("$sql\n");
	$readers->{script}->flush;
	local $ENV{PGOPTIONS} = '-c enable_seqscan=off -c enable_sort=off' . ($option{slow} ? ' -c sphx.stop_point=scan-chain' : '');
	$readers->{run} = IPC::Run::start(
		[ $standby->installed_command('pgbench'), '-n', '-f', $readers->{script}->filename,
			'-T', $seconds, '-c', $option{sessions}, $standby->connstr('postgres') ],
		'<', \undef, '>&', \$readers->{out}, IPC::Run::timeout($seconds + $patience));
	return $readers;
}

sub check_readers
{
	my ($readers, $name) = @_;
	my $finished = eval { $readers->{run}->finish; 1 };

	$readers->{run}->kill_kill(grace => 1) unless $finished;
	my ($count) = $readers->{out} =~ /transactions actually processed: (\d+)/;
	ok($finished && $readers->{run}->result(0) == 0 && ($count // 0) > 10, "$name: no error") or diag($readers->{out});
	note("$name: " . ($count // 'no') . ' queries');
	return;
}

# the division fails when a row has another vector than it should
sub nearest
{
	my ($limit) = @_;

	return "SELECT 1 / (coalesce(max(embedding <-> '$hot'), 0) < 1e-4)::integer
		FROM (SELECT embedding FROM items ORDER BY embedding <-> '$hot' LIMIT $limit) n;" =~ s/\s+/ /gr;
}

sub primary_does
{
	my (@commands) = @_;

	$primary->safe_psql('postgres', $_) for @commands;
	return;
}

# rows around the hot vector, and a table whose cells are filled and emptied
primary_does(
	'CREATE TABLE items (id serial, embedding vector(24))',
	"INSERT INTO items (embedding) SELECT (SELECT array_agg(10 * random() + 5 + i % 2 + 0 * g) FROM generate_series(1, 24) g)::vector FROM generate_series(1, 500) i",
	'CREATE INDEX items_embedding ON items USING sphx (embedding) WITH (lists = 4)',
	"INSERT INTO items (embedding) SELECT '$hot' FROM generate_series(1, 3000)",
	'CREATE TABLE cells (id integer, v vector(3))',
	"INSERT INTO cells SELECT i, ARRAY[i, i % 5, 1]::vector FROM generate_series(1, 400) i",
	'CREATE INDEX cells_v ON cells USING sphx (v) WITH (lists = 16)');
ok(caught_up(), 'the standby has the index');
like($standby->safe_psql('postgres', "SET enable_seqscan = off; EXPLAIN SELECT embedding FROM items ORDER BY embedding <-> '$hot' LIMIT 1"),
	qr/items_embedding/, 'readers use the index');

my $cells = "SELECT 1 / (coalesce(bool_and(v[1] = id), true))::integer
	FROM (SELECT id, v::real[] AS v FROM cells ORDER BY v <-> '[200,1,1]' LIMIT 100) n;" =~ s/\s+/ /gr;
my %readers = (
	'first row' => start_readers(nearest(1), sessions => 2),
	'first row, slowly' => start_readers(nearest(1), sessions => 2, slow => 1),
	'whole chain' => start_readers(nearest(2000), sessions => 1),
	'whole chain, slowly' => start_readers(nearest(2000), sessions => 3, slow => 1),
	'cells' => start_readers($cells, sessions => 1));

# The hot vector's oldest rows are at the chain's end, the newest ones behind the
# node's own record.
my $end = time + $seconds - 1;
my $rounds = 0;
my $extended = 0;
my $hung = 0;
while (($rounds < 2 || time < $end) && !$hung)
{
	my $size = $primary->safe_psql('postgres', "SELECT pg_relation_size('items_embedding')");
	my $vector = $rounds % 2 == 1 ? $near : $hot;

	primary_does(
		# a chain grows: pages are added, then records at its head
		"INSERT INTO items (embedding) SELECT '$vector' FROM generate_series(1, 2000)",
		"INSERT INTO items (embedding) SELECT (SELECT array_agg(10 * random() + 5 + i % 2 + 0 * g) FROM generate_series(1, 24) g)::vector FROM generate_series(1, 200) i",
		# records leave it in its middle, then at its head and everywhere
		(map { ("DELETE FROM items WHERE id IN (SELECT id FROM items WHERE embedding <-> '$hot' < 1e-4 ORDER BY id DESC OFFSET 300 LIMIT 600)",
			'VACUUM items') } 1 .. 4),
		"DELETE FROM items WHERE id IN (SELECT id FROM items WHERE embedding <-> '$hot' < 1e-4 ORDER BY id DESC LIMIT 300)",
		'DELETE FROM items WHERE id % 11 = 0 AND id > 500',
		'VACUUM items',
		"INSERT INTO items (embedding) SELECT '$hot' FROM generate_series(1, 700)",
		# cells lose their entries and get others, and their first pages
		'DELETE FROM cells WHERE id BETWEEN 150 AND 250', 'VACUUM cells',
		"INSERT INTO cells SELECT i, ARRAY[i, i % 5, 1]::vector FROM generate_series(150, 250) i");
	primary_does('TRUNCATE cells',
		"INSERT INTO cells SELECT i, ARRAY[i, i % 5, 1]::vector FROM generate_series(1, 400) i")
	  if $rounds % 2 == 1;
	$extended += $primary->safe_psql('postgres', "SELECT pg_relation_size('items_embedding') > $size") eq 't';
	$hung = !caught_up();
	$rounds++;
}
note("$rounds rounds, $extended of which extended the index");
ok(!$hung, 'replay goes on under readers');
cmp_ok($extended, '>', 0, 'the index was extended');
check_readers($readers{$_}, $_) for $hung ? () : sort keys %readers;

SKIP:
{
	skip 'replay hangs', 3 if $hung;
	check_complete($standby, 'items', '<->', 'standby');
}

# with readers at work, which the shutdown has to end
my $last = start_readers(nearest(2000), sessions => 2, slow => 1);
select(undef, undef, undef, 0.3);
{
	local $ENV{PGCTLTIMEOUT} = $patience;
	ok($standby->stop('fast', fail_ok => 1), 'fast shutdown of the standby');
}
$standby->stop('immediate', fail_ok => 1);
for my $readers ($last, $hung ? values %readers : ())
{
	eval { $readers->{run}->finish; 1 } or $readers->{run}->kill_kill(grace => 1);
}

$primary->stop;
done_testing();
