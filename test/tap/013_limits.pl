# Answers at limits of every size, in pages, and under conditions that leave
# few rows: as many rows as are wanted, in order, with an even recall.

use strict;
use warnings;

use Test::More;
use SphxTest;

my $rows = 12000;
my $node = new_node('limits');
my %shape = (d => 48, clusters => 150);

$node->safe_psql('postgres', 'CREATE TABLE items (id integer, embedding vector(48))');
load_items($node, 'items', 1, make_vectors(n => $rows, seed => 21, %shape));
make_queries($node, '<=>', make_vectors(n => 20, seed => 22, %shape));
$node->safe_psql('postgres', <<'SQL');
CREATE INDEX ON items USING sphx (embedding vector_cosine_ops);
ALTER TABLE items ADD part real;
UPDATE items SET part = ('x' || substr(md5(id::text), 1, 7))::bit(28)::int / 268435456.0;
VACUUM ANALYZE items;

-- the answer of one way to run a query, by its distances
CREATE FUNCTION answer(query text, q vector, by_index bool) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
	distances float8[];
BEGIN
	PERFORM set_config('enable_seqscan', (NOT by_index)::text, true),
		set_config('enable_sort', (NOT by_index)::text, true),
		set_config('enable_indexscan', by_index::text, true);
	EXECUTE format('SELECT array_agg(d) FROM (%s) s', query) INTO distances USING q;
	RETURN distances;
END $$;

-- recall, rows that are missing, and rows that are out of order, of all queries;
-- a row as near as the last one counts as right
CREATE FUNCTION compare(query text, OUT recall float8, OUT missing bigint, OUT disorder bigint) LANGUAGE sql AS $$
	SELECT sum((SELECT count(*) FROM unnest(a) d WHERE d <= e[cardinality(e)] + 1e-9))::float8 / sum(cardinality(e)),
		sum(cardinality(e) - cardinality(a)),
		sum((SELECT count(*) FROM (SELECT d < lag(d) OVER (ORDER BY n) AS b FROM unnest(a) WITH ORDINALITY u(d, n)) x WHERE b))
	FROM queries, LATERAL answer(query, embedding, true) a, LATERAL answer(query, embedding, false) e
$$;
SQL

sub check_query
{
	my ($query, $wanted, $name) = @_;
	my ($recall, $missing, $disorder) = split /\|/,
	  $node->safe_psql('postgres', "SELECT * FROM compare(\$\$$query\$\$)");

	cmp_ok($recall, '>=', $wanted, sprintf('%s: recall %.4f', $name, $recall));
	is("$missing|$disorder", '0|0', "$name: rows missing and out of order");
	return;
}

for my $limit (1, 10, 80, 120, 160, 200, 300, 500, 1000, 2500, 5000)
{
	check_query("SELECT embedding <=> \$1 AS d FROM items ORDER BY 1 LIMIT $limit", 0.98, "LIMIT $limit");
}

# by chance, with the distance, against it, and two at a time
my %conditions = (
	'50 %' => 'part < 0.5',
	'10 %' => 'part < 0.1',
	'1 %' => 'part < 0.01',
	'.1 %' => 'part < 0.001',
	'10 and 60 %' => 'part < 0.1 AND id % 10 < 6',
	'near ones' => 'embedding <=> $1 < 0.3',
	'far ones' => 'embedding <=> $1 > 0.9');
for my $name (sort keys %conditions)
{
	for my $limit (10, 100, 1000)
	{
		check_query("SELECT embedding <=> \$1 AS d FROM items WHERE $conditions{$name} ORDER BY 1 LIMIT $limit",
			0.95, "$name, LIMIT $limit");
	}
}

# 20 pages of 10 rows: nothing twice
my $twice = $node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION pages(q vector) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	ids int[] = '{}';
BEGIN
	SET LOCAL enable_seqscan = off;
	FOR page IN 0 .. 19 LOOP
		ids = ids || ARRAY(SELECT id FROM items ORDER BY embedding <=> q LIMIT 10 OFFSET 10 * page);
	END LOOP;
	RETURN ids;
END $$;
SELECT sum(200 - (SELECT count(DISTINCT i) FROM unnest(pages(embedding)) i)) FROM queries;
SQL
cmp_ok($twice, '<=', 20, "20 pages of 10 rows, 20 queries: $twice of 4000 rows twice");

# the first rows of a cursor
my $recall = $node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION fetch_some(q vector) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	ids int[] = '{}';
	r record;
BEGIN
	SET LOCAL enable_seqscan = off;
	FOR r IN SELECT id FROM items WHERE part < 0.3 ORDER BY embedding <=> q LOOP
		ids = ids || r.id;
		EXIT WHEN cardinality(ids) = 100;
	END LOOP;
	RETURN ids;
END $$;
SELECT avg((SELECT count(*) FROM unnest(fetch_some(embedding)) i WHERE i = ANY (ARRAY(
	SELECT id FROM items i WHERE part < 0.3 ORDER BY (i.embedding <=> queries.embedding) + 0 LIMIT 100)))) / 100
FROM queries;
SQL
cmp_ok($recall, '>=', 0.95, "100 rows of a cursor: recall $recall");

$node->stop;
done_testing();
