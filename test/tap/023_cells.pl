# The cells of an index are made anew by vacuum: the server is killed in the
# middle of it and behind it; a standby replays it under readers that count all rows.

use strict;
use warnings;

use Test::More;
use SphxTest;
use PostgreSQL::Test::Cluster;

my $patience = 60;				# seconds
my $primary = new_node('primary', streaming => 1, conf => 'restart_after_crash = on');
my %shape = (d => 16, clusters => 30);
my @vectors = make_vectors(n => 5000, seed => 1, %shape);

sub cells
{
	my ($node) = @_;

	return $node->safe_psql('postgres', "SELECT cells FROM sphx_index_stats('items_embedding_idx')");
}

$primary->safe_psql('postgres', 'CREATE TABLE items (id integer, embedding vector(16));
	CREATE INDEX ON items USING sphx (embedding)');
make_queries($primary, '<->', make_vectors(n => 50, seed => 2, %shape));
load_items($primary, 'items', 1, @vectors[ 0 .. 1799 ]);
is(cells($primary), 1, 'an index built over nothing has one cell');

# written, and nothing leads there
SKIP:
{
	skip 'needs a build with assertions', 4
		if $primary->safe_psql('postgres', "LOAD 'sphx'; SELECT count(*) FROM pg_settings WHERE name = 'sphx.stop_point'") == 0;

	my $blocker = start_psql($primary, 'SELECT pg_advisory_lock(1); SELECT pg_sleep(60)');
	wait_until($primary, "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND granted") or die 'no lock';
	my $vacuum = start_psql($primary, "SET sphx.stop_point = 'cells-written'; VACUUM items");

	ok(wait_until($primary, "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"),
		'vacuum is stopped');
	my @backends = split /\n/, $primary->safe_psql('postgres',
		"SELECT pid FROM pg_locks WHERE locktype = 'advisory'");
	kill_and_start($primary, @backends);
	finish_psql($_) for $blocker, $vacuum;
	is(cells($primary), 1, 'killed before the new cells are in use');
	check_complete($primary, 'items', '<->', 'killed before the new cells are in use');
}

my $before = $primary->safe_psql('postgres', "SELECT pg_relation_size('items_embedding_idx')");
$primary->safe_psql('postgres', 'VACUUM items');
# a vacuum's commit does not wait for its WAL
$primary->safe_psql('postgres', 'CREATE TABLE flushed ()');
my $cells = cells($primary);
cmp_ok($cells, '>', 1, 'vacuum makes cells');
cmp_ok($primary->safe_psql('postgres', "SELECT pg_relation_size('items_embedding_idx')"), '>', $before, 'behind what was there');
kill_and_start($primary);
is(cells($primary), $cells, 'killed behind it');
check_complete($primary, 'items', '<->', 'killed behind it');

# On a standby, with readers that fail when a row is missing.
$primary->backup('start');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'start', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'max_standby_streaming_delay = -1');
$standby->start;

my $script = File::Temp->new(SUFFIX => '.sql');
$script->print("SELECT 1 / (indexed.n = stored.n)::integer
	FROM (SELECT count(*) AS n FROM (SELECT id FROM items ORDER BY embedding <-> '$vectors[0]') i) indexed,
		(SELECT count(*) AS n FROM items) stored;" =~ s/\s+/ /gr . "\n");
$script->flush;
my $out = '';
my $readers;
{
	local $ENV{PGOPTIONS} = '-c enable_seqscan=off -c enable_sort=off';
	$readers = IPC::Run::start(
		[ $standby->installed_command('pgbench'), '-n', '-f', $script->filename, '-T', 10, '-c', 3, $standby->connstr('postgres') ],
		'<', \undef, '>&', \$out, IPC::Run::timeout($patience));
}
# one row a transaction, so that some are in the new cells before the vacuum's commit is replayed
my $writer = start_psql($primary, <<"SQL");
DO \$\$
BEGIN
	FOR i IN 1 .. 4000 LOOP
		INSERT INTO items SELECT 20000 + i, (SELECT array_agg(x * (1 + i / 1e5)) FROM unnest(embedding::real[]) x)::vector
			FROM items WHERE id = i % 1800 + 1;
		COMMIT;
	END LOOP;
END \$\$;
SQL
for my $rows (2, 4)
{
	load_items($primary, 'items', 1800 * $rows, @vectors[ 1800 .. 4999 ]);
	$primary->safe_psql('postgres', 'VACUUM items');
}
finish_psql($writer);
$primary->safe_psql('postgres', 'VACUUM items');
my $grown = cells($primary);
cmp_ok($grown, '>', $cells, 'as the index grows it gets more');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
my $finished = eval { $readers->finish; 1 };
$readers->kill_kill(grace => 1) unless $finished;
my ($count) = $out =~ /transactions actually processed: (\d+)/;
ok($finished && $readers->result(0) == 0 && ($count // 0) > 10, 'readers of the standby find all rows') or diag($out);
is(cells($standby), $grown, 'the standby has the same cells');
check_complete($standby, 'items', '<->', 'the standby');
check_complete($primary, 'items', '<->', 'the primary');

$standby->stop;
$primary->stop;
done_testing();
