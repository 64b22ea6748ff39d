-- Operators and functions of the type vector

-- arithmetic
SELECT '[1,2,3]'::vector + '[4,5,6]';
SELECT '[1,2,3]'::vector - '[4,5,6]';
SELECT '[1,2,3]'::vector * '[4,5,6]';
SELECT '[1,2,3]'::vector || '[4,5]';
SELECT '[3e38]'::vector + '[3e38]';
SELECT '[1,-3e38]'::vector - '[1,3e38]';
SELECT '[1e37]'::vector * '[1e37]';
SELECT '[1e-37]'::vector * '[1e-37]';
SELECT '[0,1e-37]'::vector * '[1e-37,0]';
SELECT '[1,2]'::vector + '[3]';
SELECT '[1,2]'::vector - '[3]';
SELECT '[1,2]'::vector * '[3]';
SELECT array_fill(0, ARRAY[16000])::vector || '[1]';

-- comparison
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a != b AS ne2,
	a >= b AS ge, a > b AS gt, vector_cmp(a, b)
FROM (VALUES ('[1,2,3]'::vector, '[1,2,3]'::vector),
	('[1,2,3]', '[1,2]'),
	('[1,2]', '[1,2,3]'),
	('[1,2]', '[2,3,4]'),
	('[2,3]', '[1,2,3]'),
	('[0,0,0]', '[1,2,3]'),
	('[-0]', '[0]')) t (a, b);

-- btree
CREATE TABLE ops_t (v vector(3));
INSERT INTO ops_t SELECT ARRAY[i / 100, i / 10 % 10, i % 10]::vector
	FROM generate_series(0, 999) i ORDER BY hashint4(i);
INSERT INTO ops_t VALUES (NULL), ('[1,2,3]');
CREATE INDEX ops_i ON ops_t (v);
ANALYZE ops_t;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT v FROM ops_t WHERE v = '[1,2,3]';
SELECT v FROM ops_t WHERE v = '[1,2,3]';
SELECT v FROM ops_t WHERE v > '[9,9,6]' ORDER BY v;
SELECT v FROM ops_t WHERE v < '[0,0,3]' ORDER BY v DESC;
RESET enable_seqscan;
RESET enable_bitmapscan;
SELECT count(*), count(DISTINCT v), max(vector_dims(v)) FROM ops_t;
SELECT count(*) FROM (SELECT v, lag(v) OVER (ORDER BY v) AS before FROM ops_t) s WHERE v < before;
SET enable_hashjoin = off;
SET enable_nestloop = off;
SET enable_indexscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM ops_t a JOIN ops_t b USING (v);
SELECT count(*) FROM ops_t a JOIN ops_t b USING (v);
RESET enable_hashjoin;
RESET enable_nestloop;
RESET enable_indexscan;
CREATE UNIQUE INDEX ON ops_t (v);
DROP TABLE ops_t;

-- dimensions, norm, parts
SELECT vector_dims('[1,2,3]'::vector);
SELECT round(vector_norm('[1,1]')::numeric, 5);
SELECT round(vector_norm('[3,4]')::numeric, 5), round(vector_norm('[0,0]')::numeric, 5);
SELECT vector_norm('[3e37,4e37]')::real;
SELECT round((l2_normalize('[3,4]'::vector)::real[])[1]::numeric, 5), round((l2_normalize('[3,4]'::vector)::real[])[2]::numeric, 5);
SELECT l2_normalize('[0,0.1]'::vector), l2_normalize('[0,0]'::vector), l2_normalize('[-3e38]'::vector);
SELECT subvector('[1,2,3,4,5]'::vector, 1, 3);
SELECT subvector('[1,2,3,4,5]'::vector, 3, 2);
SELECT subvector('[1,2,3,4,5]'::vector, -1, 3);
SELECT subvector('[1,2,3,4,5]'::vector, 3, 9);
SELECT subvector('[1,2,3,4,5]'::vector, 3, 2147483647);
SELECT subvector('[1,2,3,4,5]'::vector, -2147483644, 2147483647);
SELECT subvector('[1,2,3,4,5]'::vector, 1, 0);
SELECT subvector('[1,2,3,4,5]'::vector, 3, -1);
SELECT subvector('[1,2,3,4,5]'::vector, -1, 2);
SELECT subvector('[1,2,3,4,5]'::vector, 6, 1);
SELECT subvector('[1,2,3,4,5]'::vector, 2147483647, 10);
SELECT subvector('[1,2,3,4,5]'::vector, 1, -2147483648);

-- aggregates
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]'::vector, '[3,5,7]']) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]'::vector, '[3,5,7]', NULL]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::vector[]) v;
SELECT avg(v) FROM unnest(ARRAY['[1,2]'::vector, '[3]']) v;
SELECT sum(v) FROM unnest(ARRAY['[1,2]'::vector, '[3]']) v;
SELECT avg(v) FROM unnest(ARRAY['[3e38]'::vector, '[3e38]']) v;
SELECT sum(v) FROM unnest(ARRAY['[3e38]'::vector, '[3e38]']) v;
SELECT i % 3 AS g, avg(ARRAY[i, 2 * i]::vector), sum(ARRAY[i, 1]::vector)
	FROM generate_series(1, 99) i GROUP BY 1 ORDER BY 1;
SELECT i, avg(ARRAY[i]::vector) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
	FROM generate_series(1, 4) i;

-- the functions behind avg
SELECT vector_accum('{0}', '[1,2,3]'), vector_accum('{1,1,2,3}', '[1,2,3]');
SELECT vector_accum('{0,0}', '[1,2,3]');
SELECT vector_accum('{{0}}', '[1]');
SELECT vector_accum('{NULL}', '[1]');
SELECT vector_accum('{}', '[1]');
SELECT vector_combine('{1,2}', '{3,4}'), vector_combine('{0}', '{3,4}'),
	vector_combine('{3,4}', '{0}'), vector_combine('{0}', '{0}');
SELECT vector_combine('{1,2}', '{3,4,5}');
SELECT vector_combine('{1,2}', '{{3,4}}');
SELECT vector_combine('{NULL,2}', '{3,4}');
SELECT vector_combine('{1,1e308}', '{1,1e308}');
SELECT vector_combine('{0}', array_agg(n)) FROM generate_series(1, 16002) n;
SELECT vector_combine(array_agg(n), '{0}') FROM generate_series(1, 16002) n;
SELECT vector_combine(array_agg(n), array_agg(n)) FROM generate_series(1, 16002) n;
SELECT vector_avg('{2,2,4,6}'), vector_avg('{0}');
SELECT vector_avg('{1}');
SELECT vector_avg('{}');
SELECT vector_avg('{{2,2,4,6}}');
SELECT vector_avg('{1,1e39}');
SELECT vector_avg(array_agg(n)) FROM generate_series(1, 16002) n;

-- partial aggregation in parallel workers gives what one process gives
CREATE TABLE agg_t (v vector(2));
INSERT INTO agg_t SELECT ARRAY[i, -i]::vector FROM generate_series(1, 2000) i;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v) FROM agg_t;
SELECT avg(v), sum(v) FROM agg_t;
SET max_parallel_workers_per_gather = 0;
SELECT avg(v), sum(v) FROM agg_t;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
DROP TABLE agg_t;
