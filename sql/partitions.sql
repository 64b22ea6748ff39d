-- Partitioned tables: the limit of a query reaches the indexes of the partitions,
-- and sphx_shard_query writes one that has it in each of them

CREATE TABLE parts (id integer, category integer, e vector(16)) PARTITION BY RANGE (id);
SELECT format('CREATE TABLE parts_%s PARTITION OF parts FOR VALUES FROM (%s) TO (%s)', i, i * 500, i * 500 + 500)
FROM generate_series(0, 15) i \gexec
SELECT setseed(0.5) IS NULL AS seeded;
INSERT INTO parts SELECT i, i % 10, array_agg(random() + i % 7)::vector(16)
FROM generate_series(0, 7999) i, generate_series(1, 16) GROUP BY i;
CREATE INDEX ON parts USING sphx (e);
VACUUM ANALYZE parts;
SET enable_seqscan = off;

-- blocks that a query reads, and its plan's nodes from the top down to the first scan
CREATE FUNCTION blocks(query text, OUT nodes text, OUT read bigint) LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	FOR i IN 1 .. 2 LOOP	-- the first time reads catalogs as well
		EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, FORMAT json) ' || query INTO plan;
	END LOOP;
	plan := plan->0->'Plan';
	read := (plan->>'Shared Hit Blocks')::bigint + (plan->>'Shared Read Blocks')::bigint;
	LOOP
		nodes := concat_ws(' > ', nodes, plan->>'Node Type');
		plan := plan->'Plans'->0;
		EXIT WHEN plan IS NULL;
	END LOOP;
END $$;
\set vector 'array_fill(3.5, ARRAY[16])::vector'
CREATE FUNCTION single(condition text, k integer) RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(b.read)::bigint FROM generate_series(0, 15) i, blocks(format(
		'SELECT id FROM parts_%s WHERE %s ORDER BY e <-> array_fill(3.5, ARRAY[16])::vector LIMIT %s', i, condition, k)) b
$$;

-- over all partitions no more than a third above the sum of what 16 queries read
SELECT condition, k, nodes, read <= 1.3 * single(condition, k) AS few
FROM (VALUES ('true', 1), ('true', 10), ('true', 100), ('category = 3', 10), ('category < 5', 50)) q (condition, k),
	blocks(format('SELECT id FROM parts WHERE %s ORDER BY e <-> array_fill(3.5, ARRAY[16])::vector LIMIT %s', condition, k));
-- as a parameter, with an offset, and in a subquery
PREPARE nearest(bigint) AS SELECT id FROM parts ORDER BY e <-> :vector LIMIT $1 OFFSET 10;
SET plan_cache_mode = force_generic_plan;
SELECT nodes, read <= 1.3 * single('true', 20) AS few FROM blocks('EXECUTE nearest(10)');
RESET plan_cache_mode;
SELECT nodes, read <= 1.3 * single('true', 10) AS few FROM blocks(
	'SELECT count(*) FROM (SELECT id FROM parts ORDER BY e <-> array_fill(3.5, ARRAY[16])::vector LIMIT 10) s');
-- an Append, whose first child has as many rows as are wanted
SELECT a.nodes, a.read <= 1.3 * b.read AS few FROM blocks($$SELECT * FROM (
	(SELECT id FROM parts_0 ORDER BY e <-> array_fill(3.5, ARRAY[16])::vector) UNION ALL
	(SELECT id FROM parts_1 ORDER BY e <-> array_fill(3.5, ARRAY[16])::vector)) s LIMIT 10$$) a,
	blocks('SELECT id FROM parts_0 ORDER BY e <-> array_fill(3.5, ARRAY[16])::vector LIMIT 10') b;

-- sphx_shard_query
CREATE TABLE few (id integer, "the title" text, e vector(2)) PARTITION BY LIST (id);
SELECT sphx_shard_query('few', 'e', '<->');
-- columns in another order, and partitions of a partition
CREATE TABLE few_1 ("the title" text, e vector(2), id integer);
ALTER TABLE few ATTACH PARTITION few_1 FOR VALUES IN (1);
CREATE TABLE few_2 PARTITION OF few DEFAULT PARTITION BY LIST ("the title");
CREATE TABLE "few_2 A" PARTITION OF few_2 FOR VALUES IN ('A');
CREATE TABLE few_2_b PARTITION OF few_2 DEFAULT;
INSERT INTO few VALUES (1, 'A', '[1,1]'), (2, 'A', '[2,2]'), (3, 'B', '[1,-2]'), (4, 'C', '[3,4]');
SELECT sphx_shard_query('few', 'e', '<->');
SELECT sphx_shard_query('few_2_b', 'e', '<=>', NULL, 'id, "the title" AS title', 'id > 3 OR id < 2');
SELECT sphx_shard_query(NULL, 'e', '<->') IS NULL AS strict;
SELECT 'PREPARE near AS ' || sphx_shard_query('few', 'e', '<->', NULL) \gexec
EXECUTE near('[1,1]', 3);
SELECT 'PREPARE cosine AS ' || sphx_shard_query('few', 'e', '<=>', 1, 'id', 'id > 3 OR id < 2') \gexec
EXECUTE cosine('[1,0]');
SELECT 'PREPARE many AS ' || sphx_shard_query('parts', 'e', '<->', 10, 'id') \gexec
SELECT nodes, read <= 1.3 * single('true', 10) AS few FROM blocks(format('EXECUTE many(%L)', :vector));
-- errors
SELECT sphx_shard_query('few', 'e', '<->', 0);
SELECT sphx_shard_query('few', 'f', '<->');
SELECT sphx_shard_query('few', 'e', '<~>');
SELECT sphx_shard_query('few', 'e', '+');
SELECT sphx_shard_query('few', 'id', '<->');
SELECT sphx_shard_query('parts_0_e_idx', 'e', '<->');
-- a column by the name of what the query adds
ALTER TABLE few RENAME "the title" TO distance;
SELECT sphx_shard_query('few', 'e', '<->');
SELECT 'PREPARE aside AS ' || sphx_shard_query('few', 'e', '<->', 1, 'id, distance AS title') \gexec
EXECUTE aside('[1,2]');
DROP FUNCTION blocks, single;
DROP TABLE parts, few;
