# A build whose rows do not fit in maintenance_work_mem stays within it, and
# what it builds is about as good as what more memory gives.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);
use SphxTest;

my $rows = 12000;
my $dims = 64;

# kB of memory of its own that a process has now
sub own_memory
{
	my ($pid) = @_;

	open(my $file, '<', "/proc/$pid/status") or return 0;
	my ($memory) = map { /^RssAnon:\s+(\d+) kB/ ? $1 : () } <$file>;
	close($file);
	return $memory // 0;
}

my $own = own_memory('self');
plan skip_all => 'the system does not tell how much memory a process has' if $own == 0;

my $node = new_node('memory');

$node->safe_psql('postgres', "CREATE TABLE items (id integer, embedding vector($dims))");
load_items($node, 'items', 1, make_vectors(n => $rows, d => $dims, clusters => 30, seed => 1));
make_queries($node, '<->', make_vectors(n => 100, d => $dims, clusters => 30, seed => 2));

# Build with this much memory; returns by how much that of the backend grew at most, in MB.
sub build
{
	my ($memory) = @_;
	my $session = start_psql($node, "SELECT pg_sleep(0.5), '[1]'::vector;
		SET maintenance_work_mem = '${memory}MB';
		CREATE INDEX items_idx ON items USING sphx (embedding)");
	my $pid;
	my $before;
	my $most = 0;

	while (running($session))
	{
		$pid ||= $node->safe_psql('postgres',
			"SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND wait_event = 'PgSleep'");
		my $now = $pid ? own_memory($pid) : 0;
		$before //= $now if $now;
		$most = $now if $now > $most;
		sleep(0.005);
	}
	my ($status, $out, $err) = finish_psql($session);
	is($status, 0, "$memory MB: built") or diag($err);
	return ($most - ($before // 0)) / 1024;
}

my %recall;

foreach my $memory (4, 16, 256)
{
	my $grown = build($memory);

	cmp_ok($grown, '<=', $memory, sprintf('%d MB: the build takes %.1f MB', $memory, $grown));
	cmp_ok($grown, '>', 1, "$memory MB: and was seen to take some");
	check_sound($node, 'items', "$memory MB");
	$recall{$memory} = recall($node, 'items', 10);
	note("recall at $memory MB: $recall{$memory}");
	$node->safe_psql('postgres', 'DROP INDEX items_idx');
}
cmp_ok($recall{4}, '>=', $recall{256} - 0.03, 'recall with 4 MB is about that with 256 MB');
cmp_ok($recall{16}, '>=', $recall{256} - 0.02, 'recall with 16 MB is about that with 256 MB');

done_testing();
