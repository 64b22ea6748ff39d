# sphx.target_recall: what is reached on queries that the index has not seen,
# for each metric and limit; a calibration in WAL; queries and inserts beside
# its renewal.

use strict;
use warnings;

use Test::More;
use SphxTest;

my $node = new_node('recall_target', streaming => 1, conf => "shared_buffers = 256MB\n");
my %shape = (d => 24, clusters => 40);
my %operator = (l2 => '<->', cosine => '<=>', ip => '<#>');
my $rows = 12000;

# how far above its target recall may be, by the limit: a search for many rows
# is not made any narrower than to find them
my %above = (1 => 0.1, 10 => 0.05, 100 => 0.2);

$node->safe_psql('postgres', 'CREATE TABLE items (id integer, embedding vector(24));
	CREATE TABLE queries (id integer, embedding vector(24))');
load_items($node, 'items', 1, make_vectors(n => $rows, seed => 1, %shape));
load_items($node, 'queries', 1, make_vectors(n => 1000, seed => 2, %shape));

foreach my $metric (sort keys %operator)
{
	$node->safe_psql('postgres', "CREATE INDEX items_idx ON items USING sphx (embedding vector_${metric}_ops) WITH (m = 12, ef_construction = 40)");
	foreach my $k (1, 10, 100)
	{
		foreach my $target (0.9, 0.95)
		{
			my ($recall, $lower, $upper, $ef) = split /\|/, $node->safe_psql('postgres', "SET sphx.target_recall = $target;
				SELECT recall, lower, upper, ef_search FROM sphx_recall('items_idx', $k, 'SELECT embedding FROM queries')");
			my $name = "$metric, k = $k, target $target: $recall, from $lower to $upper, ef_search $ef";

			# both the calibration and this are samples
			cmp_ok($upper, '>=', $target - 0.01, "$name: reached");
			cmp_ok($lower, '<=', $target + $above{$k}, "$name: not by far more");
		}
	}
	$node->safe_psql('postgres', 'DROP INDEX items_idx');
}

# Renewed while others write and read
my $index = 'CREATE INDEX items_idx ON items USING sphx (embedding) WITH (m = 12)';

$node->safe_psql('postgres', "$index; INSERT INTO items SELECT id + 20000, embedding FROM queries, generate_series(1, 3)");
my $writer = start_psql($node, "INSERT INTO items SELECT id + 30000, embedding FROM queries; SELECT 'written'");
my $calibrate = start_psql($node, "SELECT count(*) > 10 FROM sphx_calibrate('items_idx')");
like((finish_psql($calibrate))[1], qr/^t$/m, 'calibrated');
like((finish_psql($writer))[1], qr/written/, 'rows are inserted meanwhile');
check_sound($node, 'items', 'after it');

# After a crash, and on a standby, it is there
my $calibration = "SELECT md5(string_agg(c::text, ',' ORDER BY k, ef_search)) FROM sphx_calibration('items_idx') c";
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('recall_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
my $before = $node->safe_psql('postgres', $calibration);
load_items($node, 'items', 40001, make_vectors(n => 1000, seed => 3, %shape));
$node->safe_psql('postgres', "SELECT count(*) FROM sphx_calibrate('items_idx')");
my $after = $node->safe_psql('postgres', $calibration);
isnt($after, $before, 'another calibration');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', $calibration), $after, 'on a standby');
my ($status, $out, $err) = $standby->psql('postgres', "SELECT sphx_calibrate('items_idx')");
like($err, qr/cannot execute sphx_calibrate\(\) (in a read-only transaction|during recovery)/, 'not to be renewed there');
like($standby->safe_psql('postgres', "SELECT recall FROM sphx_recall('items_idx', 10, 50)"), qr/^[01]/, 'recall is measured on a standby');
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', $calibration), $after, 'after a crash');

# A warning where the target is not reached: one a statement
(undef, undef, $err) = $node->psql('postgres', "SET sphx.target_recall = 1; SET enable_seqscan = off;
	SELECT (SELECT i.id FROM items i ORDER BY i.embedding <-> q.embedding LIMIT 1) FROM queries q LIMIT 20");
my $warnings = () = $err =~ /WARNING: .*target_recall/g;
is($warnings, $node->safe_psql('postgres', "SELECT (max(recall) < 1)::integer FROM sphx_calibration('items_idx') WHERE k = 1"),
	'warnings of a target that is not reached');

# and of one that cannot be: what can
load_items($node, 'items', 50001, make_vectors(n => 5000, seed => 4, %shape));
$node->safe_psql('postgres', 'DROP INDEX items_idx; CREATE INDEX items_idx ON items USING sphx (embedding) WITH (m = 4, ef_construction = 4, code_bits = 0.125)');
(undef, undef, $err) = $node->psql('postgres', 'SET sphx.target_recall = 1; SET enable_seqscan = off;
	SELECT id FROM items ORDER BY embedding <-> (SELECT embedding FROM queries LIMIT 1) LIMIT 10');
like($err, qr/WARNING:  index "items_idx" does not reach "sphx.target_recall"\s+DETAIL:  Its calibration has a recall of 0\.\d{4} in place of 1\.\s+HINT:  Set/,
	'the warning of a target that cannot be reached');

$standby->stop;
$node->stop;
done_testing();
