-- An index on bit strings by Hamming distance
CREATE TABLE bits (id integer, b bit(64));
-- clusters, so that near rows are near: an eighth of the bits of a centre differ
CREATE FUNCTION random_bits(seed text) RETURNS bit LANGUAGE sql IMMUTABLE AS
	'SELECT (''x'' || substr(md5(seed), 1, 16))::bit(64)';
CREATE FUNCTION near_bits(b bit, seed text) RETURNS bit LANGUAGE sql IMMUTABLE AS
	'SELECT b # (random_bits(seed || ''a'') & random_bits(seed || ''b'') & random_bits(seed || ''c''))';
CREATE TABLE centres AS SELECT i, random_bits(i::text) AS b FROM generate_series(1, 25) i;
INSERT INTO bits SELECT j * 100 + i, near_bits(b, j || ' ' || i) FROM centres, generate_series(1, 100) j;
INSERT INTO bits VALUES (0, NULL), (1, B'0'::bit(64)), (2, ~B'0'::bit(64)), (3, B'0'::bit(64));
CREATE INDEX bits_idx ON bits USING sphx (b bit_hamming_ops);
ANALYZE bits;

-- the distances of the nearest, with the index and without it: how many differ
CREATE FUNCTION distances(q bit, lim text, use_index boolean) RETURNS double precision[] LANGUAGE plpgsql AS $$
DECLARE
	found double precision[];
BEGIN
	PERFORM set_config('enable_seqscan', (NOT use_index)::text, true), set_config('enable_indexscan', use_index::text, true);
	EXECUTE format('SELECT array_agg(d) FROM (SELECT b <~> $1 AS d FROM bits WHERE b IS NOT NULL ORDER BY b <~> $1 LIMIT %s) n', lim) INTO found USING q;
	RETURN found;
END
$$;
CREATE VIEW compared AS
	SELECT lim, count(*) AS queries, count(*) FILTER (WHERE w.d <> wo.d) AS different,
		bool_and(w.d = (SELECT array_agg(x ORDER BY x) FROM unnest(w.d) x)) AS in_order
	FROM centres, unnest('{10,90,ALL}'::text[]) lim, LATERAL (SELECT distances(b, lim, true)) w (d), LATERAL (SELECT distances(b, lim, false)) wo (d)
	GROUP BY lim ORDER BY lim;
SELECT * FROM compared;
SELECT recall > 0.97 AS found, queries_run FROM sphx_recall('bits_idx', 10);
SELECT recall > 0.97 AS found, queries_run FROM sphx_recall('bits_idx', 10, 'SELECT b FROM centres');
SELECT * FROM sphx_recall('bits_idx', 10, '{"[1,2]"}'::vector[]);
SELECT rows FROM sphx_check('bits_idx', true);
SELECT dimensions, metric, vectors FROM sphx_index_stats('bits_idx');

SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM bits ORDER BY b <~> B'1'::bit(64) LIMIT 3;
SELECT id, b <~> B'0'::bit(64) AS distance FROM bits ORDER BY b <~> B'0'::bit(64), id LIMIT 2;
SELECT b <~> ~B'0'::bit(64) AS distance FROM bits ORDER BY 1 LIMIT 1;
-- a distance known to the bit needs no look at the row
SELECT count(*) FROM (SELECT id FROM bits ORDER BY b <~> (SELECT b FROM bits WHERE id = 107) LIMIT 50) s;
SELECT index, rows_returned, rows_rechecked FROM sphx_last_scan();
SELECT count(*) FROM (SELECT id FROM bits WHERE b <~> B'0'::bit(64) < 25 ORDER BY b <~> B'0'::bit(64)) s;
RESET enable_seqscan;
SELECT count(*) FROM bits WHERE b <~> B'0'::bit(64) < 25;

-- rows that go and come
DELETE FROM bits WHERE id % 3 = 0;
INSERT INTO bits SELECT 20000 + id, near_bits(b, id::text) FROM bits WHERE id % 3 = 1;
INSERT INTO bits SELECT 40000 + id, b FROM bits WHERE id < 400;
VACUUM bits;
SELECT * FROM compared;
SELECT rows = (SELECT count(b) FROM bits) AS complete FROM sphx_check('bits_idx', true);
REINDEX INDEX bits_idx;
SELECT * FROM compared;

-- signs of vectors; few bits, many rows of the same
CREATE TABLE signs (id integer, v vector(20));
INSERT INTO signs SELECT i, ARRAY(SELECT sin(i * j) FROM generate_series(1, 20) j)::vector FROM generate_series(1, 1000) i;
CREATE INDEX ON signs USING sphx ((binary_quantize(v)::bit(20)) bit_hamming_ops) WITH (m = 16, storage = int8);
TRUNCATE bits;
DROP INDEX bits_idx;
ALTER TABLE bits ALTER b TYPE bit(5);
INSERT INTO bits SELECT i, (i % 32)::bit(5) FROM generate_series(1, 3000) i;
CREATE INDEX bits_idx ON bits USING sphx (b bit_hamming_ops);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM signs ORDER BY binary_quantize(v)::bit(20) <~> binary_quantize('[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]'::vector) LIMIT 1;
SELECT binary_quantize(v)::bit(20) <~> binary_quantize(ARRAY(SELECT sin(500 * j) FROM generate_series(1, 20) j)::vector) AS distance
	FROM signs ORDER BY 1 LIMIT 1;
SELECT distance, count(*) FROM (SELECT b <~> B'00000' AS distance FROM bits ORDER BY b <~> B'00000') s GROUP BY 1 ORDER BY 1;
SELECT distance, count(*) FROM (SELECT b <~> B'11011' AS distance FROM bits ORDER BY b <~> B'11011' LIMIT 700) s GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM (SELECT id FROM bits ORDER BY b <~> (SELECT NULL::bit(5))) s;
SELECT id FROM bits ORDER BY b <~> B'1' LIMIT 1;
SELECT id FROM bits ORDER BY b <~> B'' LIMIT 1;
RESET enable_seqscan;

-- errors
CREATE TABLE bad (v varbit(3), any_v varbit, large bit(16001), e bit(3), x vector(3));
CREATE INDEX ON bad USING sphx (v bit_hamming_ops);
CREATE INDEX ON bad USING sphx (any_v bit_hamming_ops);
CREATE INDEX ON bad USING sphx (large bit_hamming_ops);
CREATE INDEX ON bad USING sphx (e);
CREATE INDEX ON bad USING sphx (e vector_l2_ops);
CREATE INDEX ON bad USING sphx (e bit_jaccard_ops);
CREATE INDEX ON bad USING sphx (x bit_hamming_ops);
CREATE INDEX ON bad USING sphx (binary_quantize(x) bit_hamming_ops);
CREATE INDEX ON bad USING sphx ((v::bit(3)) bit_hamming_ops);
CREATE INDEX ON bad USING sphx ((large::bit(16000)) bit_hamming_ops);
INSERT INTO bad (v, large) VALUES (B'1', B'1'::bit(16001)), (NULL, B'0'::bit(16001)), (B'101', ~B'0'::bit(16001));
SET enable_seqscan = off;
SELECT large::bit(16000) <~> ~B'0'::bit(16000) AS distance FROM bad ORDER BY large::bit(16000) <~> ~B'0'::bit(16000);
SELECT v FROM bad ORDER BY v::bit(3) <~> B'111';
RESET enable_seqscan;
DROP TABLE bad, bits, signs, centres CASCADE;
DROP FUNCTION distances(bit, text, boolean), near_bits(bit, text), random_bits(text);
