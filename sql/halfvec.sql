-- The type halfvec: text, casts, operators, aggregates, index
SELECT '[1,2,3]'::halfvec, ' [ -1.5, .25 ] '::halfvec, '[0.1,65504,-6e-8,1e-9]'::halfvec;
SELECT '[65519.9]'::halfvec;
SELECT '[1,65520]'::halfvec;
SELECT '[4e38]'::halfvec;
SELECT '[NaN]'::halfvec;
SELECT '[-inf]'::halfvec;
SELECT '[]'::halfvec;
SELECT '[1,x]'::halfvec;
SELECT '[1,2,3]'::halfvec(2);
SELECT '[1]'::halfvec(0);
-- ties go to the even number
SELECT '[2049,2051,2049.001]'::halfvec;

-- binary
SELECT halfvec_send('[1,-2,65504]');

-- casts
SELECT '[1,70000]'::vector::halfvec;
SELECT '[0.1,2]'::vector::halfvec, '[0.1,2]'::halfvec::vector, '[0.1,2]'::halfvec::real[];
SELECT '{1,2}'::integer[]::halfvec, '{1.5,2}'::real[]::halfvec, '{1.5,2}'::double precision[]::halfvec(2), '{1.5,2}'::numeric[]::halfvec;
SELECT '{NULL}'::real[]::halfvec;
SELECT '{}'::real[]::halfvec;
SELECT '{1e300}'::double precision[]::halfvec;
SELECT '{65520}'::integer[]::halfvec;

-- operators
SELECT '[1,2]'::halfvec <-> '[4,6]', '[1,2]'::halfvec <#> '[3,4]', '[1,0]'::halfvec <=> '[0,2]', '[1,2]'::halfvec <+> '[4,6]';
SELECT '[1,2]'::halfvec + '[3,4]', '[1,2]'::halfvec - '[3,4]', '[1,2]'::halfvec * '[3,4]', '[1,2]'::halfvec || '[3]';
SELECT '[60000]'::halfvec + '[60000]';
SELECT '[6e-8]'::halfvec * '[.25]';
SELECT '[1,2]'::halfvec <-> '[1]';
SELECT '[1]'::halfvec < '[1,2]', '[2]'::halfvec > '[1,2]', '[1,2]'::halfvec = '[1,2]', '[1,2]'::halfvec <> '[1,2]', '[-0]'::halfvec = '[0]';
SELECT v FROM (VALUES ('[2,1]'::halfvec), ('[1,3]'), ('[1,2]'), ('[1]')) t (v) ORDER BY v;

-- functions
SELECT vector_dims('[1,2,3]'::halfvec), l2_norm('[3,4]'::halfvec), l2_normalize('[3,4]'::halfvec), l2_normalize('[0,0]'::halfvec);
SELECT subvector('[1,2,3,4]'::halfvec, 2, 2), subvector('[1,2]'::halfvec, 0, 2);
SELECT subvector('[1,2]'::halfvec, 3, 1);
SELECT l2_distance('[1,2]'::halfvec, '[4,6]'), inner_product('[1,2]'::halfvec, '[3,4]'), l1_distance('[1,2]'::halfvec, '[4,6]');

-- aggregates
SELECT avg(v), sum(v) FROM (VALUES ('[1,2]'::halfvec), ('[4,5]'), (NULL)) t (v);
SELECT avg(v), sum(v) FROM (VALUES (NULL::halfvec)) t (v);
SELECT avg(v) FROM (VALUES ('[65504]'::halfvec), ('[65504]')) t (v);
SELECT sum(v) FROM (VALUES ('[65504]'::halfvec), ('[65504]')) t (v);

-- an index finds what the table has, in the same order
CREATE TABLE halves (id integer, v halfvec(8));
INSERT INTO halves SELECT i, ARRAY(SELECT sin(i * j) FROM generate_series(1, 8) j)::halfvec FROM generate_series(1, 500) i;
CREATE INDEX ON halves USING sphx (v);
CREATE INDEX ON halves USING sphx (v halfvec_cosine_ops);
CREATE INDEX ON halves USING sphx (v halfvec_ip_ops);
CREATE FUNCTION nearest(operator text, use_index boolean) RETURNS integer[] LANGUAGE plpgsql AS $$
DECLARE
	ids integer[];
BEGIN
	PERFORM set_config('enable_seqscan', (NOT use_index)::text, true), set_config('enable_indexscan', use_index::text, true);
	EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM halves ORDER BY v %s (SELECT v FROM halves WHERE id = 77) LIMIT 20) n', operator) INTO ids;
	RETURN ids;
END
$$;
SELECT operator, nearest(operator, true) = nearest(operator, false) AS same FROM unnest('{<->,<=>,<#>}'::text[]) operator;

-- the largest and the least numbers
CREATE TABLE extremes (id integer, v halfvec(4));
INSERT INTO extremes VALUES (1, '[65504,65504,65504,65504]'), (2, '[-65504,65504,-65504,65504]'), (3, '[6e-8,0,0,0]'),
	(4, '[6e-8,6e-8,-6e-8,1.2e-7]'), (5, '[6.1e-5,-6.1e-5,0,0]'), (6, '[65504,6e-8,0,1]'), (7, '[1,2,3,4]');
CREATE INDEX ON extremes USING sphx (v);
CREATE INDEX ON extremes USING sphx (v halfvec_cosine_ops);
CREATE INDEX ON extremes USING sphx (v halfvec_ip_ops);
CREATE FUNCTION in_order(operator text, query halfvec, use_index boolean) RETURNS double precision[] LANGUAGE plpgsql AS $$
DECLARE
	distances double precision[];
BEGIN
	PERFORM set_config('enable_seqscan', (NOT use_index)::text, true), set_config('enable_indexscan', use_index::text, true);
	EXECUTE format('SELECT array_agg(d) FROM (SELECT v %1$s $1 AS d FROM extremes ORDER BY v %1$s $1) n', operator) INTO distances USING query;
	RETURN distances;
END
$$;
SELECT operator, count(*) AS queries, bool_and(in_order(operator, v, true) = in_order(operator, v, false)) AS same
	FROM unnest('{<->,<=>,<#>}'::text[]) operator, extremes GROUP BY 1 ORDER BY 1;
DROP TABLE extremes;
DROP FUNCTION in_order(text, halfvec, boolean);

-- both types in one comparison: the vector is rounded
SELECT '[0.1,2]'::vector <-> '[0.1,2]'::halfvec, '[0.1]'::vector = '[0.1]'::halfvec;
SELECT '[70000]'::vector <-> '[1]'::halfvec;
\set VERBOSITY terse
SELECT '[1]'::halfvec <-> '{1}'::real[];
SELECT '[1]'::halfvec <~> '1'::bit(1);
\set VERBOSITY default
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM halves ORDER BY v <=> '[1,2,3,4,5,6,7,8]' LIMIT 1;
EXPLAIN (COSTS OFF) SELECT id FROM halves ORDER BY v <=> '[1,2,3,4,5,6,7,8]'::vector LIMIT 1;
SELECT id FROM halves ORDER BY v <=> '[1,2]' LIMIT 1;
RESET enable_seqscan;
DROP FUNCTION nearest(text, boolean);
DROP TABLE halves;
