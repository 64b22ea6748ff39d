# Build, scan, insert and vacuum are cancelled or their process is terminated:
# promptly, and the index is usable or cleanly absent.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time sleep);
use SphxTest;

my $node = new_node('cancel');
my %shape = (d => 64, clusters => 40);
my @vectors = make_vectors(n => 8000, seed => 1, %shape);

$node->safe_psql('postgres', "CREATE TABLE items (id integer, embedding vector($shape{d}));
	CREATE TABLE source (id integer, embedding vector($shape{d}))");
load_items($node, 'source', 1, @vectors);
$node->safe_psql('postgres', 'INSERT INTO items SELECT * FROM source; CHECKPOINT');

# Files of the database that no relation owns: what an aborted build left.
my $database = $node->data_dir . '/base/' . $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = 'postgres'");

sub orphans
{
	my %owned;

	# a dropped relation's first file stays, empty, until the next checkpoint
	$node->safe_psql('postgres', 'CHECKPOINT');
	%owned = map { $_ => 1 } split /\n/, $node->safe_psql('postgres',
		'SELECT DISTINCT pg_relation_filenode(oid) FROM pg_class WHERE pg_relation_filenode(oid) IS NOT NULL');
	opendir(my $dir, $database) or die "$database: $!";
	my @orphans = grep { /^(\d+)/ && !$owned{$1} } readdir($dir);
	closedir $dir;
	return join(' ', sort @orphans);
}

# Start a statement and end it after some seconds: cancel it, or terminate its
# process.  Returns whether it was ended before it was done.
sub interrupt
{
	my ($how, $delay, $sql, $name) = @_;
	my $timeout = $how eq 'cancel' ? int(1000 * $delay) + 1 : 0;
	my $session = start_psql($node, "SET application_name = 'victim'; SET statement_timeout = $timeout; $sql");
	my $victim = "FROM pg_stat_activity WHERE application_name = 'victim' AND query NOT LIKE 'SET%'";
	my $started = time();

	if ($how eq 'terminate')
	{
		while (running($session) && $node->safe_psql('postgres', "SELECT count(*) $victim") eq '0')
		{
			die 'the statement does not start' if time() - $started > 60;
		}
		sleep($delay);
		$started = time() - $delay;
		$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) $victim");
	}
	my ($status, $out, $err) = finish_psql($session);
	if ($status == 0)
	{
		note("$name: done before it could be interrupted");
		return 0;
	}
	cmp_ok(time() - $started - $delay, '<', 3, "$name: ends promptly");
	like($err, $how eq 'cancel' ? qr/57014/ : qr/57P01|server closed|terminating connection/, "$name: says so");
	return 1;
}

my $before = orphans();
my $interrupted = 0;
for my $how ('cancel', 'terminate')
{
	for my $delay (0.001, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8)
	{
		my $name = "build, $how after $delay s";

		if (interrupt($how, $delay, 'CREATE INDEX items_idx ON items USING sphx (embedding)', $name))
		{
			$interrupted++;
			is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'items_idx'"), '0', "$name: no index");
			is(orphans(), $before, "$name: no file is left");
		}
		$node->safe_psql('postgres', 'DROP INDEX IF EXISTS items_idx');
	}
}
cmp_ok($interrupted, '>', 0, 'builds were interrupted');

$node->safe_psql('postgres', 'CREATE INDEX items_idx ON items USING sphx (embedding)');
my $whole_scan = "SET enable_seqscan = off; SET enable_sort = off;
	SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> '$vectors[5]' OFFSET 0) s, generate_series(1, 50)";

for my $how ('cancel', 'terminate')
{
	interrupt($how, 0.1, "SET enable_material = off; $whole_scan", "scan, $how");
	check_complete($node, 'items', '<->', "scan, $how");

	interrupt($how, 0.1, q{SELECT sphx_check('items_idx', i > 0) FROM generate_series(1, 100000) i}, "check, $how");
	check_complete($node, 'items', '<->', "check, $how");

	interrupt($how, 0.3, 'INSERT INTO items SELECT id + 100000, embedding FROM source', "insert, $how");
	check_complete($node, 'items', '<->', "insert, $how");

	$node->safe_psql('postgres', 'DELETE FROM items WHERE random() < 0.2');
	interrupt($how, 0.3, "SET vacuum_cost_delay = 20; SET vacuum_cost_limit = 20; VACUUM items", "vacuum, $how");
	check_complete($node, 'items', '<->', "vacuum, $how");
	$node->safe_psql('postgres', 'INSERT INTO items SELECT id + 200000, embedding FROM source LIMIT 500');
	$node->safe_psql('postgres', 'VACUUM items');
	check_complete($node, 'items', '<->', "vacuum, $how, vacuumed again");
}

# An error inside a transaction block gives the session back in working order.
# The time-out leaves room for the block to begin; each row needs another scan.
is($node->safe_psql('postgres', "SET enable_seqscan = off; SET statement_timeout = 300;
		DO \$\$ BEGIN
			PERFORM count(*) FROM generate_series(1, 100000) i,
				LATERAL (SELECT id FROM items ORDER BY embedding <-> '$vectors[5]' OFFSET 0 * i) s;
		EXCEPTION WHEN query_canceled THEN NULL; END \$\$;
		SET statement_timeout = 0;
		SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> '$vectors[5]' LIMIT 10) s"),
	'10', 'the session goes on after a time-out');

# Long computations without an index are cancelled as well, and tell how far
# they are.
for my $query ('SELECT count(*) FROM sphx_optimize_code(2000, 100)',
	"SELECT sphx_query_exponent('antipodal(2000)', 100, 1, samples => 1000000)",
	"SELECT sphx_softmin_separation(point, 1) FROM sphx_code('gaussian(60000)', 100)",
	"SELECT sphx_covering_radius(point, 10) FROM sphx_code('gaussian(2000)', 2000)",
	"SELECT sphx_reference_cosine(point, 1, 1000000000, 7) FROM sphx_code('gaussian(1000)', 100)",
	"SELECT count(*) FROM sphx_kmeans((SELECT array_agg(point) FROM sphx_code('gaussian(60000)', 100)), 50000)",
	q{SELECT count(*) FROM sphx_kmeans('SELECT (''['' || generate_series(1, 100000000) || '']'')::vector', 2, sample => 10)},
	"SELECT sphx_hash('simplex', 4000, s, array_fill(1, ARRAY[16000])::vector) FROM generate_series(1, 100) s",
	"SELECT sphx_ks1(v, v, 'orthoplex', s) FROM l2_normalize(array_fill(1, ARRAY[12000])::vector) v, generate_series(1, 100) s")
{
	my $session = start_psql($node, "SET client_min_messages = debug1; SET statement_timeout = 2500; $query");
	my ($status, $out, $err) = finish_psql($session);

	isnt($status, 0, "$query: cancelled");
	like($err, qr/57014/, "$query: says so");
	like($err, qr/: step \d+( of \d+)?$/m, "$query: reports progress");
}

$node->stop;
done_testing();
