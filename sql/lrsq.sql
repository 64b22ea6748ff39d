-- Low-rank spherical quantisation: models, codes, bounds, errors

-- 24 dimensions of which each has 0.8 times the deviation of the one before, around an offset
CREATE FUNCTION draw(i int, j int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	'SELECT (hashint4extended(i, j) & 268435455) / 268435456.0::float8 - 0.5';
CREATE TABLE r AS
	SELECT i AS id, (SELECT array_agg(0.1 + draw(i, j) * power(0.8, j) ORDER BY j) FROM generate_series(1, 24) j)::real[]::vector AS v
	FROM generate_series(1, 500) i;
CREATE TABLE m AS
	SELECT sphx_lrsq_train('SELECT v FROM r ORDER BY id', 8) AS eight,
		sphx_lrsq_train((SELECT array_agg(v ORDER BY id) FROM r), 8) AS eight_array,
		sphx_lrsq_train('SELECT v FROM r ORDER BY id', 24) AS whole;
SELECT sphx_lrsq_dims(eight) AS dims, sphx_lrsq_rank(eight) AS rank, eight::text = eight_array::text AS same,
	sphx_lrsq_energy(eight) BETWEEN 0.9 AND 0.99 AS eight, sphx_lrsq_energy(whole) > 0.9999 AS whole FROM m;

-- a code's bytes, as often as asked for the same
CREATE TABLE c AS SELECT id, v, sphx_lrsq_encode(eight, v) AS eight, sphx_lrsq_encode(whole, v) AS whole FROM r, m;
SELECT min(length(eight)) AS eight, max(length(whole)) AS whole FROM c;
SELECT count(*) FILTER (WHERE sphx_lrsq_encode(m.eight, v) <> c.eight) AS others FROM c, m;

-- bounds hold, and are the narrower the more is coded
SELECT count(*) AS pairs,
	count(*) FILTER (WHERE 1 - (a.v <=> b.v) BETWEEN e.lower AND e.upper AND e.estimate BETWEEN e.lower AND e.upper) AS eight,
	count(*) FILTER (WHERE 1 - (a.v <=> b.v) BETWEEN w.lower AND w.upper AND w.estimate BETWEEN w.lower AND w.upper) AS whole,
	avg(e.upper - e.lower) < 0.2 AS narrow, avg(w.upper - w.lower) < 0.01 AS narrower
FROM c a JOIN r b ON b.id <= 40, m, sphx_lrsq_cosine(m.eight, a.eight, b.v) e, sphx_lrsq_cosine(m.whole, a.whole, b.v) w;

-- Proposition 1: the error of a decoded vector is as predicted, and never above the bound
SELECT round((sqrt(avg(power(distance, 2)) / avg(power(predicted, 2))))::numeric, 1) AS measured_to_predicted,
	bool_and(distance <= bound + tail + 1e-6) AS bounded, max(tail) < 1e-6 AS nothing_left_out
FROM (SELECT (c.v <-> sphx_lrsq_decode(m.whole, c.whole)) / vector_norm(c.v) AS distance, e.*
	FROM c, m, sphx_lrsq_error(m.whole, c.whole) e) s;
SELECT bool_and(distance <= sqrt(bound * bound + tail * tail) + 1e-6) AS bounded, max(bound) < min(tail) AS most_is_left_out
FROM (SELECT (c.v <-> sphx_lrsq_decode(m.eight, c.eight)) / vector_norm(c.v) AS distance, e.*
	FROM c, m, sphx_lrsq_error(m.eight, c.eight) e) s;

-- vectors of any size; zero has no direction
SELECT e, count(*) FILTER (WHERE c.estimate BETWEEN c.lower AND c.upper AND abs(c.estimate) > 0.9) AS near,
	bool_and(abs(vector_norm(sphx_lrsq_decode(whole, code)) / vector_norm(v) - 1) < 0.01) AS as_long
FROM m, unnest('{1e-38,1e-30,1,1e30,1e38}'::text[]) e,
	LATERAL (SELECT id, (SELECT array_agg((x * e::float8)::real) FROM unnest(v::real[]) x)::vector AS v FROM r WHERE id <= 20) s,
	LATERAL (SELECT sphx_lrsq_encode(whole, s.v) AS code OFFSET 0) x, sphx_lrsq_cosine(whole, code, s.v) c
GROUP BY e ORDER BY e::float8;
SELECT sphx_lrsq_decode(eight, zero) = v AS zero, sphx_lrsq_cosine(eight, zero, v) AS itself,
	sphx_lrsq_cosine(eight, (SELECT eight FROM c WHERE id = 1), v) AS other
FROM (SELECT array_fill(0, '{24}')::vector AS v, sphx_lrsq_encode(eight, array_fill(0, '{24}')::vector) AS zero, eight FROM m) z;

-- text and binary forms
SELECT (eight::text)::sphx_lrsq::text = eight::text AS text,
	length(sphx_lrsq_send(eight)) = 12 + 4 + 4 * 8 + 2 * 24 * 8 AS bytes FROM m;
CREATE TEMP TABLE copied (x sphx_lrsq);
INSERT INTO copied SELECT eight::text::sphx_lrsq FROM m;
SELECT count(*) FILTER (WHERE sphx_lrsq_encode(x, v) <> eight) AS others FROM c, copied;

-- samples that say little: few rows, equal ones, few directions, constant columns, rows without a direction
CREATE TABLE s AS
	SELECT what, dims, i, (SELECT array_agg(CASE what
			WHEN 'one row' THEN draw(1, j)
			WHEN 'few rows' THEN draw(i, j)
			WHEN 'equal rows' THEN draw(0, j)
			WHEN 'low rank' THEN draw(i, -1) * draw(0, j) + draw(i, -2) * draw(-1, j)
			WHEN 'constant columns' THEN CASE WHEN j % 3 = 0 THEN draw(i, j) ELSE 2 END
			WHEN 'one column' THEN CASE WHEN j = 2 THEN draw(i, j) ELSE 0 END
			ELSE 0 END ORDER BY j) FROM generate_series(1, dims) j)::real[]::vector AS v
	FROM unnest('{one row,few rows,equal rows,low rank,constant columns,one column,zero rows}'::text[]) what,
		unnest('{3,128,768,1536}'::int[]) dims, generate_series(1, CASE what WHEN 'one row' THEN 1 WHEN 'few rows' THEN 2 ELSE 30 END) i;
SELECT what, dims, sphx_lrsq_rank(model) AS rank,
	count(*) FILTER (WHERE 1 - (s.v <=> s.other) BETWEEN c.lower AND c.upper
		OR (s.v <=> s.other) = 'NaN' AND c.lower = 'NaN') = count(*) AS bounded,
	CASE WHEN sphx_lrsq_energy(model) > 0.9999 THEN 'all' WHEN sphx_lrsq_energy(model) > 0 THEN 'some' ELSE 'none' END AS energy
FROM (SELECT what, dims, sphx_lrsq_train(array_agg(v ORDER BY i), least(dims, 7)) AS model FROM s GROUP BY what, dims) t
	JOIN (SELECT what, dims, v, (SELECT array_agg(draw(i, -j)) FROM generate_series(1, dims) j)::real[]::vector AS other FROM s WHERE i <= 3
		UNION ALL SELECT what, dims, v, v FROM s WHERE i <= 3) s USING (what, dims),
	sphx_lrsq_cosine(model, sphx_lrsq_encode(model, s.v), s.other) c
GROUP BY 1, 2, 3, 5 ORDER BY 1, 2;
SELECT what, dims, sphx_rotation_directions(sphx_train_rotation(array_agg(v ORDER BY i))) AS directions,
	(SELECT count(*) = dims AND bool_and(learned BETWEEN 0 AND 1 AND pca BETWEEN 0 AND 1 AND abs(random - dimensions / dims::float8) < 1e-9)
			AND max(learned) > 0.999 AND max(pca) > 0.999
		FROM sphx_rotation_report(array_agg(v ORDER BY i))) AS reported
FROM s GROUP BY what, dims ORDER BY what, dims;

-- errors
SELECT sphx_lrsq_train('SELECT v FROM r', 0);
SELECT sphx_lrsq_train('SELECT v FROM r', 25);
SELECT sphx_lrsq_train('SELECT v FROM r', 8, sample => -1);
SELECT sphx_lrsq_train('SELECT v FROM r WHERE false', 8);
SELECT sphx_lrsq_train('{}'::vector[], 8);
SELECT sphx_lrsq_train('SELECT id FROM r', 8);
SELECT sphx_lrsq_encode(eight, '[1,2]') FROM m;
SELECT sphx_lrsq_cosine(m.eight, c.eight, '[1,2]') FROM m, c LIMIT 1;
SELECT sphx_lrsq_decode(m.eight, '') FROM m;
SELECT sphx_lrsq_decode(m.eight, c.whole) FROM m, c LIMIT 1;
SELECT sphx_lrsq_decode(x, c.eight) FROM c, sphx_lrsq_train('SELECT v FROM r WHERE id < 100', 8) x LIMIT 1;
SELECT sphx_lrsq_error(m.eight, set_byte(c.eight, 20, 255 - get_byte(c.eight, 20))) FROM m, c LIMIT 1;
SELECT 'abc'::sphx_lrsq;
SELECT 'xyza'::sphx_lrsq;
SELECT 'ab'::sphx_lrsq;
SELECT sphx_lrsq_in(textout(sphx_train_rotation('SELECT v FROM r', 8)::text));
SELECT sphx_rotation_in(textout(eight::text)) FROM m;
SELECT ('0002' || substr(eight::text, 5))::sphx_lrsq FROM m;
SELECT ('00010000' || substr(eight::text, 9))::sphx_lrsq FROM m;
SELECT (eight::text || '00')::sphx_lrsq FROM m;
SELECT (left(eight::text, -2) || CASE WHEN right(eight::text, 2) = '00' THEN '01' ELSE '00' END)::sphx_lrsq FROM m;

DROP TABLE r, m, c, s;
DROP FUNCTION draw;
