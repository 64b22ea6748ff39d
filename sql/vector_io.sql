-- Text, binary and typmod of the type vector

SELECT '[1,2,3]'::vector;
SELECT ' [ -1.5,  2. ,	.25 ] '::vector;
SELECT '[1e1,-1E-2,+3]'::vector;
SELECT '[1.23456789,0.1,16777216,-0]'::vector;
SELECT '[3.4028235e38,-3.4028235e38]'::vector;

-- too small is zero, too large an error
SELECT '[1e-46,-1e-46]'::vector;
SELECT '[1,4e38]'::vector;
SELECT '[-4e38]'::vector;

-- malformed
SELECT '[hello,1]'::vector;
SELECT '[NaN,1]'::vector;
SELECT '[Infinity,1]'::vector;
SELECT '[1,-inf]'::vector;
SELECT '[1,2,3'::vector;
SELECT '[1,2,3]9'::vector;
SELECT '[1,2,3],'::vector;
SELECT '1,2,3'::vector;
SELECT ''::vector;
SELECT '['::vector;
SELECT '[ '::vector;
SELECT '[,'::vector;
SELECT '[]'::vector;
SELECT '[ ]'::vector;
SELECT '[,]'::vector;
SELECT '[1,]'::vector;
SELECT '[1,,3]'::vector;
SELECT '[1 2]'::vector;
SELECT '[1a]'::vector;

-- number of dimensions
SELECT vector_dims(('[' || repeat('1,', 15999) || '1]')::vector);
SELECT ('[' || repeat('1,', 16000) || '1]')::vector;
SELECT ('[' || repeat('1,', 16000) || ',')::vector;

-- type modifier
SELECT '[1,2,3]'::vector(3);
SELECT '[1,2,3]'::vector(2);
SELECT '{"[1,2,3]"}'::vector(2)[];
SELECT '[1]'::vector(3, 2);
SELECT '[1]'::vector('a');
SELECT '[1]'::vector(0);
SELECT '[1]'::vector(16001);

CREATE TABLE io_t (id int, v vector(3));
SELECT format_type(atttypid, atttypmod), attstorage FROM pg_attribute
	WHERE attrelid = 'io_t'::regclass AND attname = 'v';
INSERT INTO io_t VALUES (1, '[1,2,3]'), (2, NULL), (3, '[-0.5,1e20,1e-20]');
INSERT INTO io_t VALUES (4, '[1,2]');
\copy io_t FROM stdin
5	[1,2,3,4]
\.

-- COPY in binary form
CREATE TABLE io_t2 (LIKE io_t);
\copy io_t TO 'results/vector_io.bin' WITH (FORMAT binary)
\copy io_t2 FROM 'results/vector_io.bin' WITH (FORMAT binary)
SELECT * FROM io_t2 ORDER BY id;
CREATE TABLE io_t3 (id int, v vector(4));
\copy io_t3 FROM 'results/vector_io.bin' WITH (FORMAT binary)

-- the binary form, and the header of the datum
SELECT vector_send('[1,-2]');
SELECT pg_column_size('[1,2,3]'::vector);

-- ill-formed binary input: no dimensions, not the expected number of them,
-- too many, header not 0, NaN, infinity, too short, too long
CREATE TABLE io_b (v vector(2));
\copy (SELECT '\x00000000'::bytea) TO 'results/vector_io.bin' WITH (FORMAT binary)
\copy io_b FROM 'results/vector_io.bin' WITH (FORMAT binary)
\copy (SELECT '\x000100003f800000'::bytea) TO 'results/vector_io.bin' WITH (FORMAT binary)
\copy io_b FROM 'results/vector_io.bin' WITH (FORMAT binary)
\copy (SELECT '\x3e8100003f800000'::bytea) TO 'results/vector_io.bin' WITH (FORMAT binary)
\copy io_b FROM 'results/vector_io.bin' WITH (FORMAT binary)
\copy (SELECT '\xffff00003f800000'::bytea) TO 'results/vector_io.bin' WITH (FORMAT binary)
\copy io_b FROM 'results/vector_io.bin' WITH (FORMAT binary)
\copy (SELECT '\x000200013f80000040000000'::bytea) TO 'results/vector_io.bin' WITH (FORMAT binary)
\copy io_b FROM 'results/vector_io.bin' WITH (FORMAT binary)
\copy (SELECT '\x000200003f8000007fc00000'::bytea) TO 'results/vector_io.bin' WITH (FORMAT binary)
\copy io_b FROM 'results/vector_io.bin' WITH (FORMAT binary)
\copy (SELECT '\x000200003f800000ff800000'::bytea) TO 'results/vector_io.bin' WITH (FORMAT binary)
\copy io_b FROM 'results/vector_io.bin' WITH (FORMAT binary)
\copy (SELECT '\x000200003f800000'::bytea) TO 'results/vector_io.bin' WITH (FORMAT binary)
\copy io_b FROM 'results/vector_io.bin' WITH (FORMAT binary)
\copy (SELECT '\x000200003f8000004000000040400000'::bytea) TO 'results/vector_io.bin' WITH (FORMAT binary)
\copy io_b FROM 'results/vector_io.bin' WITH (FORMAT binary)
\copy (SELECT '\x000200003f80000040000000'::bytea) TO 'results/vector_io.bin' WITH (FORMAT binary)
\copy io_b FROM 'results/vector_io.bin' WITH (FORMAT binary)
SELECT * FROM io_b;

-- a large vector goes out of line and comes back the same
CREATE TABLE io_big (v vector(16000));
INSERT INTO io_big SELECT array_agg(i * 0.5)::vector FROM generate_series(1, 16000) i;
SELECT vector_dims(v), v = (SELECT array_agg(i * 0.5)::vector FROM generate_series(1, 16000) i)
	FROM io_big;

-- the codes of errors, which programs look at
CREATE FUNCTION error_of(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT query, error_of('SELECT ' || query) FROM unnest(ARRAY[
	$$'[1,2'::vector$$, $$'1,2'::vector$$, $$'[1,]'::vector$$, $$'[1]2'::vector$$, $$'[a]'::vector$$,
	$$'[]'::vector$$, $$'[NaN]'::vector$$, $$'[inf]'::vector$$, $$'[4e38]'::vector$$,
	$$('[0' || repeat(',0', 16000) || ']')::vector$$,
	$$'[1,2]'::vector(3)$$, $$'[1]'::vector(0)$$, $$'[1]'::vector(16001)$$, $$'[1]'::vector(1, 2)$$,
	$$'{}'::real[]::vector$$, $$'{NULL}'::real[]::vector$$, $$'{NaN}'::real[]::vector$$, $$'{1e39}'::float8[]::vector$$,
	$$'{{1},{2}}'::real[]::vector$$, $$array_fill(0, ARRAY[16001])::vector$$,
	$$'[1,2]'::vector <-> '[1]'$$, $$'[1,2]'::vector <=> '[1]'$$, $$'[1,2]'::vector <#> '[1]'$$, $$'[1,2]'::vector <+> '[1]'$$,
	$$'[1,2]'::vector + '[1]'$$, $$'[3e38]'::vector + '[3e38]'$$, $$'[1e-30]'::vector * '[1e-30]'$$,
	$$subvector('[1,2]'::vector, 3, 1)$$,
	$$sum(v) FROM (VALUES ('[1,2]'::vector), ('[1]')) x(v)$$, $$avg(v) FROM (VALUES ('[1,2]'::vector), ('[1]')) x(v)$$]) query;
DROP FUNCTION error_of;

DROP TABLE io_t, io_t2, io_t3, io_b, io_big;
