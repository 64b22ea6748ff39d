# Parallel CREATE INDEX: the same index whatever the number of workers, and what
# becomes of a build that is cancelled, loses a worker, or gets none.

use strict;
use warnings;

use Digest::MD5;
use Test::More;
use Time::HiRes qw(time sleep);
use SphxTest;

my $rows = 4000;
my $dims = 32;
my @vectors = make_vectors(n => $rows, d => $dims, clusters => 20, seed => 1);
my $node = new_node('parallel', conf => "max_parallel_workers = 8\nmax_worker_processes = 8");

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

# What is in the index's file, but for LSNs and the server's checksums.
sub content
{
	my ($index) = @_;
	my $digest = Digest::MD5->new;
	my $page;

	sql('CHECKPOINT');
	my $path = $node->data_dir . '/' . sql("SELECT pg_relation_filepath('$index')");
	open(my $file, '<:raw', $path) or die "$path: $!";
	while (read($file, $page, 8192))
	{
		substr($page, 0, 10) = "\0" x 10;
		$digest->add($page);
	}
	close($file);
	return $digest->hexdigest;
}

# Build; returns how many workers the build says that it has.
sub build
{
	my ($workers, $memory, $command, $name) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "SET max_parallel_maintenance_workers = $workers;
		SET maintenance_work_mem = '$memory'; SET client_min_messages = debug1; $command");

	is($status, 0, "$name: built") or diag($err);
	return $err =~ /with (\d+) parallel workers/ ? $1 : 0;
}

my $no_workers = "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker'";

sql("CREATE TABLE items (id integer, embedding vector($dims))");
load_items($node, 'items', 1, @vectors);
make_queries($node, '<->', make_vectors(n => 100, d => $dims, clusters => 20, seed => 2));
is(build(2, '64MB', 'CREATE INDEX few ON items USING sphx (embedding); DROP INDEX few', 'small table'),
	0, 'a small table has no workers');
sql('ALTER TABLE items SET (parallel_workers = 3)');

# all rows at once, and shard by shard
for my $case (['l2', '64MB', 3], ['cosine', '64MB', 3], ['ip', '64MB', 3], ['l2', '2MB', 0], ['l2', '4MB', 1],
	['ip', '4MB', 1])
{
	my ($metric, $memory, $most) = @$case;
	my $command = "CREATE INDEX items_idx ON items USING sphx (embedding vector_${metric}_ops)";
	my %content;

	for my $workers (0 .. 3)
	{
		my $name = "$metric, $memory, $workers workers";
		my $expected = $workers < $most ? $workers : $most;

		# without room for a worker there is nothing to compare
		next if $most == 0 && $workers > 0 && $workers < 3;
		next if $most == 1 && $workers == 3;
		is(build($workers, $memory, $command, $name), $expected, "$name: has $expected");
		$content{content('items_idx')} = 1;
		is(recall($node, 'items', 10) > 0.9 ? 1 : 0, 1, "$name: recall") if $metric eq 'l2' && $workers == 2;
		check_sound($node, 'items', $name) if $workers == 2;
		sql('DROP INDEX items_idx');
	}
	is(scalar(keys %content), 1, "$metric, $memory: the same index whatever the number of workers");
}

# centroids that are read before there are workers
sql('CREATE TABLE centres AS SELECT embedding FROM items WHERE id <= 20');
my %content;
for my $workers (0, 2)
{
	build($workers, '64MB', q{CREATE INDEX items_idx ON items USING sphx (embedding) WITH (centroids = 'centres')},
		"centroids, $workers workers");
	$content{content('items_idx')} = 1;
	sql('DROP INDEX items_idx');
}
is(scalar(keys %content), 1, 'the same index with centroids');

# other commands that build
my $create = 'INDEX items_idx ON items USING sphx (embedding)';
is(build(2, '64MB', "CREATE $create", 'create'), 2, 'create: has workers');
my $content = content('items_idx');
is(build(2, '64MB', 'REINDEX INDEX items_idx', 'reindex'), 2, 'reindex: has workers');
is(content('items_idx'), $content, 'reindex: the same index');
is(build(2, '64MB', 'REINDEX INDEX CONCURRENTLY items_idx', 'reindex concurrently'), 2, 'reindex concurrently: has workers');
is(content('items_idx'), $content, 'reindex concurrently: the same index');
sql('DROP INDEX items_idx');
is(build(2, '64MB', 'CREATE INDEX CONCURRENTLY items_idx ON items USING sphx (embedding)', 'concurrently'), 2,
	'concurrently: has workers');
is(content('items_idx'), $content, 'concurrently: the same index');
is(build(2, '64MB', 'VACUUM FULL items', 'vacuum full'), 2, 'vacuum full: has workers');
check_complete($node, 'items', '<->', 'vacuum full');
sql('DROP INDEX items_idx');
is(build(2, '64MB', 'CREATE UNLOGGED TABLE unlogged WITH (parallel_workers = 2) AS SELECT * FROM items;
	CREATE INDEX ON unlogged USING sphx (embedding)', 'unlogged'), 2, 'unlogged: has workers');
check_sound($node, 'unlogged', 'unlogged');
is(build(2, '64MB', 'CREATE TEMP TABLE passing WITH (parallel_workers = 2) AS SELECT * FROM items;
	CREATE INDEX ON passing USING sphx (embedding)', 'temporary'), 0, 'temporary: has none');
is(build(2, '64MB', "CREATE TABLE parent (id integer, embedding vector($dims)) PARTITION BY LIST (id);
	CREATE TABLE part PARTITION OF parent DEFAULT WITH (parallel_workers = 2);
	INSERT INTO parent SELECT * FROM items; CREATE INDEX ON parent USING sphx (embedding)", 'partitioned'), 2,
	'partitioned: has workers');
is(build(2, '64MB', "BEGIN; SAVEPOINT s; CREATE $create; ROLLBACK TO s; CREATE $create; COMMIT", 'subtransaction'), 2,
	'subtransaction: has workers');
is(content('items_idx') ne '', 1, 'subtransaction: committed');
sql('DROP INDEX items_idx');

# Interrupt a build, or one of its workers, after some time.
my $settings = "SET max_parallel_maintenance_workers = 2; SET maintenance_work_mem = '64MB'";

sub interrupt
{
	my ($delay, $name, $victims) = @_;
	my $session = start_psql($node, "SET application_name = 'victim'; $settings; CREATE $create");
	my $started = time();
	my $hit = 0;

	sleep($delay);
	while (running($session) && !$hit)
	{
		$hit = sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE $victims");
	}
	$started = time();
	my ($status, $out, $err) = finish_psql($session);
	if ($status == 0)
	{
		note("$name: done before it could be interrupted");
		sql('DROP INDEX items_idx');
		return;
	}
	cmp_ok(time() - $started, '<', 10, "$name: ends promptly");
	like($err, qr/57P01|server closed|terminating connection|lost connection/, "$name: says so");
	is(sql("SELECT count(*) FROM pg_class WHERE relname = 'items_idx'"), '0', "$name: no index");
	ok(wait_until($node, $no_workers), "$name: workers are gone");
	return;
}

interrupt($_, "worker terminated after $_ s", "backend_type = 'parallel worker'") for (0.1, 0.4, 0.8, 1.5);
interrupt($_, "leader terminated after $_ s", "application_name = 'victim' AND backend_type = 'client backend'")
  for (0.2, 1);

my $cancelled = 0;
for (my $delay = 50; $delay < 3000; $delay = int(1.5 * $delay))
{
	my ($status, $out, $err) = $node->psql('postgres', "$settings; SET statement_timeout = $delay; CREATE $create");

	if ($status == 0)
	{
		sql('DROP INDEX items_idx');
		last;
	}
	$cancelled++;
	like($err, qr/canceling statement due to statement timeout/, "cancelled after $delay ms: says so");
	ok(wait_until($node, $no_workers), "cancelled after $delay ms: workers are gone");
}
cmp_ok($cancelled, '>', 0, 'builds were cancelled');

# An error caught within a transaction: the session builds on.
sql("$settings; DO \$\$ BEGIN
		SET LOCAL statement_timeout = 0;
		CREATE $create WITH (centroids = 'centres', lists = 7);
	EXCEPTION WHEN invalid_parameter_value THEN
		CREATE $create;
	END \$\$");
is(content('items_idx'), $content, 'after an error: the same index');

# nobody to take part
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
is(build(2, '64MB', 'REINDEX INDEX items_idx', 'no worker processes'), 0, 'no worker processes: has no workers');
is(content('items_idx'), $content, 'no worker processes: the same index');
check_complete($node, 'items', '<->', 'at last');

$node->stop;
done_testing();
