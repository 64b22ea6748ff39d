# What pg_stat_progress_create_index shows of a build: known phases, rows done
# that only grow and never exceed their total.  PostgreSQL's own "initializing"
# is seen until the access method names its first phase.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);
use SphxTest;

my $node = new_node('progress');
my $rows = 20000;
my @phases = ('initializing', 'loading tuples', 'training centroids', 'assigning tuples to cells',
	'writing nodes', 'finding neighbours', 'writing edges', 'measuring recall');

$node->safe_psql('postgres', <<"SQL");
CREATE TABLE items (id integer, embedding vector(32));
SELECT setseed(0.5);
INSERT INTO items SELECT i / 32, array_agg(random())::real[]::vector
FROM generate_series(0, 32 * $rows - 1) i GROUP BY 1;
ANALYZE items;
SQL

# Build and look on: lists of [phase, total, done].
sub watch
{
	my ($memory) = @_;
	my @seen;
	my $session = start_psql($node, "SET maintenance_work_mem = '$memory';
		CREATE INDEX items_idx ON items USING sphx (embedding)");

	while (running($session))
	{
		my $line = $node->safe_psql('postgres',
			'SELECT phase, tuples_total, tuples_done FROM pg_stat_progress_create_index');

		push @seen, [ split /\|/, $line ] if $line =~ /\d$/;
		sleep(0.02);
	}
	my ($status, $out, $err) = finish_psql($session);
	is($status, 0, "$memory: built") or diag($err);
	$node->safe_psql('postgres', 'DROP INDEX items_idx');
	return grep { $_->[0] =~ s/^building index: // } @seen;
}

# all rows at once, and shard by shard
foreach my $memory ('256MB', '8MB')
{
	my @seen = watch($memory);
	my %known = map { $_ => 1 } @phases;
	my %last;
	my %total;
	my @wrong;

	# a total of 0 is not known yet: the sample to train on is being drawn
	foreach (@seen)
	{
		my ($phase, $total, $done) = @$_;

		push @wrong, "$phase: $done of $total"
		  if !$known{$phase} || $done > $total || $done < ($last{$phase} // 0) ||
			$total > $rows || ($total{$phase} && $total != $total{$phase});
		$last{$phase} = $done;
		$total{$phase} = $total;
	}
	is("@wrong", '', "$memory: rows done grow up to their total");
	is($total{'finding neighbours'}, $rows, "$memory: neighbours of all rows are found");
	cmp_ok($last{'finding neighbours'} // 0, '>', 0, "$memory: some of them are known meanwhile");
	note(join(', ', map { "$_: $last{$_} of $total{$_}" } sort keys %last));
}

done_testing();
