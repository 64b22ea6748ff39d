# Index files that version 0.1.0 wrote (test/data/items_*.gz), read and changed
# by this one: answers, changes, vacuum, recovery.

use strict;
use warnings;

use FindBin;
use IO::Uncompress::Gunzip qw(gunzip $GunzipError);
use PostgreSQL::Test::Utils;
use Test::More;
use SphxTest;

plan skip_all => 'the files are little-endian' if unpack('S', "\1\0") != 1;

my $data = "$FindBin::RealBin/../data";
my %operators = (items_l2 => '<->', items_cosine => '<=>', items_ip => '<#>');
my @indexes = sort keys %operators;
# what overwrites a file cannot know the page's checksum
my $node = new_node('old_index', no_checksums => 1);

plan skip_all => 'the files have pages of 8 kB' if $node->safe_psql('postgres', 'SHOW block_size') ne '8192';

# The same rows at the same places as when the files were written.
$node->safe_psql('postgres', slurp_file("$data/items.sql"));
$node->safe_psql('postgres', <<'SQL');
SELECT add_items(1, 400);
DELETE FROM items WHERE id % 5 = 0;
SELECT create_indexes();

CREATE TABLE queries AS SELECT item(i) AS embedding FROM generate_series(1001, 1012) i UNION ALL SELECT item(201);

-- of the nearest k rows, or all, in the order in which they come
CREATE FUNCTION distances(operator text, query vector, k integer, exact boolean) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
	answer float8[];
BEGIN
	PERFORM set_config('enable_seqscan', exact::text, true), set_config('enable_sort', exact::text, true),
		set_config('enable_indexscan', (NOT exact)::text, true), set_config('sphx.max_scan_tuples', '0', true);
	-- in builds with assertions
	PERFORM set_config(name, 'on', true) FROM pg_settings WHERE name = 'sphx.check_bounds';
	EXECUTE format('SELECT array_agg(distance) FROM
			(SELECT embedding %1$s $1 AS distance FROM items ORDER BY embedding %1$s $1 LIMIT $2) n', operator)
		INTO answer USING query, k;
	RETURN answer;
END $$;
SQL

sub check_answers
{
	my ($name) = @_;

	for my $index (@indexes)
	{
		my $operator = $operators{$index};
		my $differ = $node->safe_psql('postgres', "SELECT count(*) FROM queries WHERE
			distances('$operator', embedding, NULL, false) IS DISTINCT FROM distances('$operator', embedding, NULL, true)");
		my $recall = $node->safe_psql('postgres', "SELECT avg((d <= worst)::integer)
			FROM queries, unnest(distances('$operator', embedding, 10, false)) d,
				LATERAL (SELECT (distances('$operator', embedding, 10, true))[10] AS worst) e");

		check_complete($node, 'items', $operator, "$name, $index");
		is($differ, '0', "$name, $index: all rows come in their order");
		cmp_ok($recall, '>=', 0.95, sprintf('%s, %s: recall@10 %.4f', $name, $index, $recall));
	}
	return;
}

# the old files in place of the new ones
my %paths = map { $_ => $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$_')") } @indexes;
$node->stop;
for my $index (@indexes)
{
	gunzip("$data/$index.gz" => $paths{$index}, BinModeOut => 1) or die "$index: $GunzipError";
	is(unpack('V', substr(slurp_file($paths{$index}), 24 + 240, 4)), 0, "$index: written by 0.1.0, which had no checksum of the metapage");
}
$node->start;

for my $index (@indexes)
{
	is($node->safe_psql('postgres', "SELECT vectors > 250, overflow_pages > 0, free_slots > 0, dead_records FROM sphx_index_stats('$index')"),
		't|t|t|0', "$index: has duplicates and free slots");
}
check_answers('as written');

# rows like those of the old overflow records among the new ones
$node->safe_psql('postgres', 'SELECT add_items(401, 600);
	INSERT INTO items SELECT 1000 + i, item(i) FROM generate_series(195, 240) i');
check_answers('after inserts');
$node->safe_psql('postgres', 'UPDATE items SET embedding = item(id + 2000) WHERE id % 3 = 0');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 4 = 0');
check_answers('after updates and deletes');
$node->safe_psql('postgres', 'VACUUM items');
check_answers('after vacuum');

# changes of pages that the last checkpoint has seen in their old state
$node->safe_psql('postgres', 'CHECKPOINT');
$node->safe_psql('postgres', 'SELECT add_items(601, 700)');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id BETWEEN 230 AND 330; VACUUM items');
$node->safe_psql('postgres', 'SELECT add_items(701, 800)');
kill_and_start($node);
check_answers('after recovery');

$node->safe_psql('postgres', 'REINDEX TABLE items');
check_answers('after reindex');

$node->stop;
done_testing();
