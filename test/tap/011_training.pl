# Codebooks trained from SQL are the same whatever else scans the table.

use strict;
use warnings;

use Test::More;
use SphxTest;

# scans of a table of more than a quarter of shared_buffers are synchronised
my $node = new_node('training', conf => 'shared_buffers = 1MB');
my @vectors = make_vectors(n => 3000, seed => 1, d => 64, clusters => 20);

$node->safe_psql('postgres', 'CREATE TABLE items (id integer, embedding vector(64))');
load_items($node, 'items', 1, @vectors);

# The centroids, after a scan that stopped behind so many rows; and where the
# next one would begin.
sub train_after
{
	my ($rows) = @_;

	return split /\n/, $node->safe_psql('postgres', "
		SELECT count(*) FROM (SELECT id FROM items LIMIT $rows) s;
		SELECT id FROM items LIMIT 1;
		SELECT md5(string_agg(centroid::text, ' ' ORDER BY id)) FROM sphx_kmeans('SELECT embedding FROM items', 10);
		SELECT md5(string_agg(centroid::text, ' ' ORDER BY id))
		FROM sphx_train_codebook('SELECT embedding FROM items', 10, sample => 500);
		SHOW synchronize_seqscans");
}

my (undef, undef, $kmeans, $sampled) = train_after(0);

for my $rows (1000, 2000)
{
	my (undef, $first, @codebooks) = train_after($rows);

	cmp_ok($first, '>', 1, "after $rows rows: a scan begins elsewhere");
	is($codebooks[0], $kmeans, "after $rows rows: the same centroids");
	is($codebooks[1], $sampled, "after $rows rows: the same centroids of a sample");
	is($codebooks[2], 'on', "after $rows rows: the setting is as it was");
}

$node->stop;
done_testing();
