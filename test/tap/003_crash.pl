# The server is killed in the middle of inserts and of a vacuum; after the
# recovery every row that survived is found.

use strict;
use warnings;

use Test::More;
use SphxTest;

my $node = new_node('crash', conf => "restart_after_crash = on\nmax_wal_size = 64MB\ncheckpoint_timeout = 30s");
my %shape = (d => 32, clusters => 40);
my @source = make_vectors(n => 6000, seed => 1, %shape);

$node->safe_psql('postgres', 'CREATE TABLE source (id integer, embedding vector(32));
	CREATE TABLE items (id integer, embedding vector(32))');
load_items($node, 'source', 1, @source);
make_queries($node, '<->', make_vectors(n => 50, seed => 2, %shape));
$node->safe_psql('postgres', 'CREATE INDEX ON items USING sphx (embedding)');

# Rows of source one at a time, each committed; with some deletions in between.
sub start_inserts
{
	my ($offset) = @_;

	return start_psql($node, <<"SQL");
SET synchronous_commit = off;
DO \$\$
BEGIN
	FOR i IN 1 .. 6000 LOOP
		INSERT INTO items SELECT id + $offset, embedding FROM source WHERE id = i;
		COMMIT;
	END LOOP;
END \$\$;
SQL
}

sub rows
{
	return $node->safe_psql('postgres', 'SELECT count(*) FROM items');
}

sub check_recovered
{
	my ($name) = @_;
	my $recall;

	check_complete($node, 'items', '<->', $name);
	$recall = recall($node, 'items', 10, 100);
	cmp_ok($recall, '>=', 0.95, sprintf('%s: recall@10 %.4f', $name, $recall));
	return;
}

# How the server dies: each of these leaves it to recovery.
my %deaths = (
	'kill -9 of the postmaster' => sub { kill_and_start($node); },
	'immediate stop' => sub { $node->stop('immediate'); $node->start; },
	'kill -9 of a backend' => sub {
		my $pid = $node->safe_psql('postgres',
			"SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1");
		kill(9, $pid);
		select(undef, undef, undef, 0.5);
		wait_until($node, 'SELECT true') or die 'no restart';
	});

my $offset = 0;
for my $death (sort keys %deaths)
{
	my $before = rows();
	# of the same vectors, so that both sessions change the same nodes
	my @sessions = map { start_inserts($offset + 500000 * $_) } 0, 1;

	ok(wait_until($node, "SELECT count(*) > $before + 700 FROM items"), "$death: inserts run");
	$deaths{$death}->();
	finish_psql($_) for @sessions;
	cmp_ok(rows(), '>', $before, "$death: rows survive");
	check_recovered("$death in inserts");
	$offset += 10000;
}

# A vacuum slow enough to be met in its middle.
my $phase = 'SELECT count(*) > 0 FROM pg_stat_progress_vacuum WHERE phase = \'vacuuming indexes\'';

for my $death (sort keys %deaths)
{
	for my $delay (0.05, 0.3, 1)
	{
		load_items($node, 'items', $offset, @source[ 0 .. 999 ]);
		$node->safe_psql('postgres', 'DELETE FROM items WHERE random() < 0.3');
		my $before = rows();
		my $session = start_psql($node,
			"SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 20; VACUUM items;");

		ok(wait_until($node, $phase), "$death: a vacuum runs");
		select(undef, undef, undef, $delay);
		$deaths{$death}->();
		finish_psql($session);
		is(rows(), $before, "$death: rows survive");
		check_recovered("$death after $delay s of vacuum");
		$node->safe_psql('postgres', 'VACUUM items');
		check_recovered("$death, vacuumed again");
		$offset += 10000;
	}
}

# An unlogged index is empty after a crash, as its table, and works.
$node->safe_psql('postgres', 'CREATE UNLOGGED TABLE fleeting (id integer, embedding vector(32));
	CREATE INDEX ON fleeting USING sphx (embedding);
	INSERT INTO fleeting SELECT * FROM source LIMIT 500;
	CHECKPOINT');
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', 'SELECT count(*) FROM fleeting'), '0', 'unlogged table is empty after a crash');
$node->safe_psql('postgres', 'INSERT INTO fleeting SELECT * FROM source LIMIT 500');
check_complete($node, 'fleeting', '<->', 'unlogged, after a crash');

$node->stop;
done_testing();
