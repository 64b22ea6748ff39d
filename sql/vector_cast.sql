-- Casts between vector and arrays

SELECT ARRAY[1,2,3]::vector;
SELECT ARRAY[1.5,2,3]::vector;
SELECT ARRAY[1.5,2,3]::real[]::vector;
SELECT ARRAY[1.5,2,3]::double precision[]::vector;
SELECT '{1.23456789012345}'::numeric[]::vector;
SELECT '{1,2,3}'::real[]::vector(3);
SELECT '{1,2,3}'::real[]::vector(2);
SELECT '[2:4]={1,2,3}'::integer[]::vector;

-- refused
SELECT '{NULL}'::real[]::vector;
SELECT '{1,NULL,3}'::numeric[]::vector;
SELECT '{NaN}'::real[]::vector;
SELECT '{NaN}'::numeric[]::vector;
SELECT '{Infinity}'::real[]::vector;
SELECT '{-Infinity}'::double precision[]::vector;
SELECT '{}'::real[]::vector;
SELECT '{}'::numeric[]::vector;
SELECT '{{1,2}}'::integer[]::vector;
SELECT '{{1},{2}}'::numeric[]::vector;

-- beyond single precision
SELECT '{4e38,-4e38}'::double precision[]::vector;
SELECT '{1e-46,-1e-46}'::double precision[]::vector;
SELECT '{1e40}'::numeric[]::vector;

-- number of dimensions
SELECT vector_dims(array_agg(n)::vector) FROM generate_series(1, 16000) n;
SELECT array_agg(n)::vector FROM generate_series(1, 16001) n;
SELECT array_to_vector(array_agg(n), 16001, false) FROM generate_series(1, 16001) n;

-- to arrays
SELECT '[1,2.5,-3]'::vector::real[];
SELECT '[1,2.5,-3]'::vector::double precision[];
SELECT '[1,2.5,-3]'::vector::numeric[];
SELECT '[1,2.4,-3.6]'::vector::integer[];
SELECT '[3e9]'::vector::integer[];
SELECT array_ndims(v::real[]), array_lower(v::integer[], 1), array_upper(v::numeric[], 1)
	FROM (SELECT '[1,2]'::vector AS v) s;

-- assignment casts, and the implicit one
CREATE TABLE cast_t (v vector(2), r real[], d double precision[], i integer[], n numeric[]);
INSERT INTO cast_t VALUES (ARRAY[1,2], '[1,2]'::vector, '[3,4]'::vector, '[5,6]'::vector, '[7,8]'::vector);
INSERT INTO cast_t (v) VALUES (ARRAY[1,2,3]);
SELECT * FROM cast_t;
CREATE FUNCTION pg_temp.first(real[]) RETURNS real LANGUAGE sql AS 'SELECT $1[1]';
SELECT pg_temp.first(v), v || r::vector AS both FROM cast_t;
DROP TABLE cast_t;

-- array operators are not made ambiguous
SELECT ARRAY[1,2,3] = ARRAY[1,2,3], ARRAY[1] || ARRAY[2], ARRAY[1.5] < ARRAY[2.5];
