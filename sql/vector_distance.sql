-- Distances, with every set of kernels that this machine has

CREATE VIEW distances AS
SELECT n, round((a <-> b)::numeric, 3) AS l2, round((a <=> b)::numeric, 5) AS cosine,
	round((a <#> b)::numeric, 3) AS neg_ip, round((a <+> b)::numeric, 3) AS l1
FROM (SELECT n, array_agg(i % 7 - 2.5)::vector AS a, array_agg(i % 5 - 1.25)::vector AS b
	FROM unnest(ARRAY[1, 2, 3, 7, 8, 9, 31, 64, 100, 1537]) n, generate_series(1, n) i
	GROUP BY n) v;

SELECT * FROM distances ORDER BY n;

-- the same with the scalar kernels
CREATE TEMP TABLE with_auto AS SELECT * FROM distances;
SET sphx.simd = scalar;
SHOW sphx.simd;
SELECT * FROM with_auto EXCEPT SELECT * FROM distances;
RESET sphx.simd;

-- no machine has both avx2 and neon, nor avx512 without avx2; what it has gives the same distances
CREATE FUNCTION try_level(level text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('sphx.simd', level, false);
	IF EXISTS (SELECT * FROM with_auto EXCEPT SELECT * FROM distances) THEN
		RETURN 'differs';
	END IF;
	RETURN 'agrees';
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN 'refused';
END
$$;
SELECT try_level('avx512') IN ('agrees', 'refused') AS avx512,
	try_level('avx2') IN ('agrees', 'refused') AS avx2, try_level('neon') IN ('agrees', 'refused') AS neon,
	'refused' IN (try_level('avx2'), try_level('neon')) AS not_both,
	'refused' = try_level('avx512') OR 'agrees' = try_level('avx2') AS avx512_has_avx2;
RESET sphx.simd;
SET sphx.simd = mmx;

-- functions of the operators
SELECT round(l2_distance('[0,0]'::vector, '[3,4]')::numeric, 5) AS l2, round(l1_distance('[0,0]'::vector, '[3,4]')::numeric, 5) AS l1,
	round(inner_product('[1,2]'::vector, '[3,4]')::numeric, 5) AS ip,
	round(vector_negative_inner_product('[1,2]', '[3,4]')::numeric, 5) AS neg_ip,
	round(cosine_distance('[1,0]'::vector, '[0,2]')::numeric, 5) AS cosine;

-- cosine distance: limits, scale, and zero vectors
SELECT round(cosine_distance('[1,1]'::vector, '[1.1,1.1]')::numeric, 5) AS same,
	round(cosine_distance('[1,1]'::vector, '[-1.1,-1.1]')::numeric, 5) AS opposite;
SELECT count(*) FROM (SELECT ARRAY[i, i * 0.7, 0.3]::vector AS v FROM generate_series(1, 1000) i) s
	WHERE v <=> v < 0 OR v <=> v * '[2,2,2]' > 1e-6 OR v <=> v * '[-1,-1,-1]' > 2;
SELECT cosine_distance('[1,2]'::vector, '[0,0]'), cosine_distance('[0,0]'::vector, '[0,0]');

-- the angle does not depend on how long the vectors are
SELECT x, y, round(cosine_distance(format('[%s,%s]', x, x)::vector, format('[%s,0]', y)::vector)::numeric, 5)
FROM unnest(ARRAY['1e-44', '1e-20', '1', '1e20', '3e38']) x, unnest(ARRAY['1e-44', '1e-20', '1', '1e20', '3e38']) y
ORDER BY x::float8, y::float8;

-- beyond single precision
SELECT l2_distance('[3e38]'::vector, '[-3e38]'), l1_distance('[3e38]'::vector, '[-3e38]'),
	inner_product('[3e38]'::vector, '[3e38]'), cosine_distance('[3e38]'::vector, '[3e38]');

-- different dimensions
SELECT '[1,2]'::vector <-> '[3]';
SELECT '[1,2]'::vector <=> '[3]';
SELECT '[1,2]'::vector <#> '[3]';
SELECT '[1,2]'::vector <+> '[3]';

-- exact search
CREATE TABLE dist_t (id int, v vector(2));
INSERT INTO dist_t SELECT i, ARRAY[i, i % 3]::vector FROM generate_series(1, 50) i;
INSERT INTO dist_t VALUES (51, NULL);
SELECT id FROM dist_t ORDER BY v <-> '[10.1,0]', id LIMIT 4;
SELECT id FROM dist_t ORDER BY v <+> '[10.1,0]', id LIMIT 4;
SELECT id FROM dist_t ORDER BY v <#> '[1,0]', id LIMIT 4;
SELECT id FROM dist_t ORDER BY v <=> '[1,1]', id LIMIT 4;

DROP TABLE dist_t;
DROP VIEW distances;
DROP FUNCTION try_level(text);
