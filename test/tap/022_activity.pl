# What scans did: of all sessions together, and in EXPLAIN.

use strict;
use warnings;

use Test::More;
use SphxTest;

my $node = new_node('activity');
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');
my %shape = (d => 16, clusters => 5);
my ($query) = make_vectors(n => 1, seed => 2, %shape);
my $nearest = "SET enable_seqscan = off; SELECT id FROM items ORDER BY embedding <-> '$query' LIMIT 5";
my $figures = "SELECT scans, nodes_read > 4 * scans, rows_returned, rows_rechecked <= rows_returned, table_reads FROM sphx_stat_indexes";

$node->safe_psql('postgres', 'CREATE TABLE items (id integer, embedding vector(16))');
load_items($node, 'items', 1, make_vectors(n => 3000, seed => 1, %shape));
$node->safe_psql('postgres', 'CREATE INDEX items_idx ON items USING sphx (embedding); VACUUM ANALYZE items');

if ($version < 170000)
{
	$node->safe_psql('postgres', $nearest);
	is($node->safe_psql('postgres', $figures), '0|f|0|t|0', 'without shared memory: those of the session');
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'sphx'");
	$node->restart;
}
is($node->safe_psql('postgres', $figures), '0|f|0|t|0', 'no scans so far');
$node->safe_psql('postgres', $nearest) foreach 1 .. 3;
is($node->safe_psql('postgres', $figures), '3|t|15|t|0', 'scans of three sessions');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION sphx');
$node->safe_psql('other', 'SELECT sphx_stat_reset()');
is($node->safe_psql('postgres', $figures), '3|t|15|t|0', 'the reset of another database');
$node->safe_psql('postgres', 'SELECT sphx_stat_reset()');
is($node->safe_psql('postgres', $figures), '0|f|0|t|0', 'reset');
$node->safe_psql('postgres', 'CREATE ROLE somebody');
isnt($node->psql('postgres', 'SET ROLE somebody; SELECT sphx_stat_reset()'), 0, 'not by everybody');
is($node->safe_psql('postgres', "SET ROLE somebody; SELECT count(*) FROM sphx_stat_indexes"), '1', 'seen by everybody');

my $explained = $node->safe_psql('postgres', "SET enable_seqscan = off;
	EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF)
	SELECT s.id FROM generate_series(1, 3) i, LATERAL (SELECT id FROM items ORDER BY embedding <-> ('[' || i || repeat(',0', 15) || ']')::vector LIMIT 5) s");
my ($nodes) = $explained =~ /Nodes Read: (\d+)/;
if ($version >= 180000)
{
	cmp_ok($nodes // 0, '>', 15, 'EXPLAIN: nodes of all loops');
	is($node->safe_psql('postgres', 'SELECT scans, nodes_read FROM sphx_stat_indexes'), "3|$nodes", 'the same as what is counted');
	like($explained, qr/Rows Rechecked: \d+/, 'EXPLAIN: rows rechecked');
	unlike($node->safe_psql('postgres', "SET enable_seqscan = off; EXPLAIN (ANALYZE, COSTS OFF) SELECT id FROM items ORDER BY embedding <-> '$query' LIMIT 5"),
		qr/Nodes Read/, 'EXPLAIN without VERBOSE');
	unlike($node->safe_psql('postgres', "EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM items ORDER BY embedding <-> '$query' LIMIT 5"),
		qr/Nodes Read/, 'EXPLAIN without ANALYZE');
}
else
{
	is($nodes, undef, 'EXPLAIN does not say');
}

$node->stop;
done_testing();
