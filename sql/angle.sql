-- angle testing: KS1 and KS2 of Lu, Xiao and Ishikawa
-- unit vectors at 60 degrees
CREATE FUNCTION at_60(dim int, OUT q vector, OUT v vector) LANGUAGE sql AS $$
	SELECT ('[1' || repeat(',0', dim - 1) || ']')::vector,
		('[0.5,0.8660254' || repeat(',0', dim - 2) || ']')::vector
$$;

-- a reference angle of 0 gives the inner product itself: in one dimension, and v a multiple of q
SELECT sphx_ks1('[1]', '[-1]', 'orthoplex') AS ks1, sphx_ks2('[1]', '[-1]', 'orthoplex') AS ks2;
SELECT abs(sphx_ks2(q, q, 'E8') - 1) < 1e-6 AS same, abs(sphx_ks2(q, l2_normalize(q * '[-1,1,1,1,1,1,1,1]'), 'E8') + 1) < 1e-6 AS opposite
FROM at_60(8);

-- KS2 is unbiased, KS1 is the inner product times the cosine of the reference angle on average
SELECT family, abs(avg(ks2) - 0.5) < 3 * stddev(ks2) / sqrt(count(*)) AS ks2,
	abs(avg(ks1 - 0.5 * cosine)) < 3 * stddev(ks1) / sqrt(count(*)) AS ks1
FROM unnest('{E8,D,hypercube,antipodal(16),"antipodal(16, 2)","cross-polytopes(40, 1, 1)"}'::text[]) family,
	LATERAL (SELECT sphx_ks1(q, v, family, s) AS ks1, sphx_ks1(q, q, family, s) AS cosine, sphx_ks2(q, v, family, s) AS ks2
		FROM at_60(8), generate_series(1, 500) s OFFSET 0) r
GROUP BY family ORDER BY family;

-- the more vectors and levels, the smaller the error
SELECT family, round(avg((ks2 - 0.5) ^ 2)::numeric, 1) AS error, round(avg(cosine)::numeric, 1) AS reference_cosine
FROM unnest('{antipodal(4),antipodal(256),"antipodal(256, 4)","antipodal(256, 16)"}'::text[]) family,
	LATERAL (SELECT sphx_ks1(v, v, family, s) AS cosine, sphx_ks2(q, v, family, s) AS ks2
		FROM at_60(64), generate_series(1, 200) s OFFSET 0) r
GROUP BY family ORDER BY avg(cosine);

-- as often above a threshold as Lemma 4.3 says, and below one as Lemma 4.2
CREATE TABLE sample AS
SELECT sphx_ks1(q, v, 'antipodal(64)', s) AS ks1, acos(sphx_ks1(q, q, 'antipodal(64)', s)) AS psi1,
	sphx_ks2(q, v, 'antipodal(64)', s) AS ks2, acos(sphx_ks1(v, v, 'antipodal(64)', s)) AS psi2
FROM at_60(16), generate_series(1, 400) s;
SELECT degrees, abs(avg((ks2 >= cosd(degrees))::int) -
	avg(sphx_ks2_probability(radians(degrees), radians(60), psi2, 16))) < 0.07 AS as_expected
FROM sample, unnest('{40,60,75}'::int[]) degrees
GROUP BY degrees ORDER BY degrees;
SELECT x, abs(avg((ks1 <= x)::int) - avg(sphx_ks1_cdf(x, radians(60), psi1, 16))) < 0.07 AS as_expected
FROM sample, unnest('{0.1,0.3,0.5}'::float8[]) x
GROUP BY x ORDER BY x;
DROP TABLE sample;

-- closed forms: I_t(1/2, 1/2), I_t(1, 1), I_t(2, 2), with x = W at right angles
SELECT dim, round(sphx_ks1_cdf(0.5, pi() / 2, pi() / 2, dim)::numeric, 6) AS cdf
FROM unnest('{3,4,6,3}'::int[]) dim;
SELECT sphx_ks1_cdf('-infinity', 1, 1, 5) AS none, sphx_ks1_cdf('infinity', 1, 1, 5) AS "all",
	round(sphx_ks2_probability(1, 1, 0.5, 9)::numeric, 6) AS half;

-- v may have any norm in KS1; the seed and the code count
SELECT abs(sphx_ks1(q, v + v + v, 'D') - 3 * sphx_ks1(q, v, 'D')) < 1e-6 AS linear,
	sphx_ks1(q, v) = sphx_ks1(q, v, 'antipodal(256)', 1) AS defaults,
	sphx_ks1(q, v, 'D', 1) <> sphx_ks1(q, v, 'D', 2) AS seeds
FROM at_60(8);
SELECT count(DISTINCT round(sphx_ks1(q, v, f, s)::numeric, 6)), count(DISTINCT round(sphx_ks2(q, v, f, s)::numeric, 6))
FROM at_60(8), (VALUES ('D', 1), ('E8', 1), ('D', 1), ('D', 2), ('E8', 2), ('E8', 1)) c(f, s);
-- many q in one expression
SELECT bool_and(sphx_ks1(q.point, v.point, 'E8') = (SELECT sphx_ks1(q.point, v.point, 'E8'))) AS same,
	bool_and(sphx_ks2(q.point, v.point, 'E8') = (SELECT sphx_ks2(q.point, v.point, 'E8'))) AS same
FROM sphx_code('gaussian(20)', 8) q, sphx_code('gaussian(20)', 8) v;
SELECT sphx_ks1(NULL, '[1]');

-- KS1 finds the nearer of two vectors
SELECT avg(((q.point <#> a.point < q.point <#> b.point) =
	(sphx_ks1(q.point, a.point, 'E8') > sphx_ks1(q.point, b.point, 'E8')))::int) > 0.75 AS often
FROM sphx_code('gaussian(10, 1, 1)', 8) q, sphx_code('gaussian(30, 1, 2)', 8) a, sphx_code('gaussian(30, 1, 3)', 8) b;

-- bad input
SELECT sphx_ks1('[1,0]', '[1,0,0]');
SELECT sphx_ks1('[3,4]', '[1,0]');
SELECT sphx_ks1('[0,0]', '[1,0]');
SELECT sphx_ks2('[3,4]', '[1,0]');
SELECT sphx_ks2('[1,0]', '[0,0]');
SELECT sphx_ks2('[1,0]', '[3,4]');
SELECT sphx_ks1('[1,0]', '[0,1]', 'E8');
SELECT sphx_ks1('[1,0]', '[0,1]', 'nothing');
SELECT sphx_ks1('[1,0]', '[0,1]', 'antipodal(3)');
\set VERBOSITY terse
SELECT sphx_ks2('[1,0]', '[-1,0]', 'gaussian(1)', s) < 2 FROM generate_series(1, 20) s;
\set VERBOSITY default
SELECT sphx_ks1_cdf(0.5, 60, 1, 5);
SELECT sphx_ks1_cdf(0.5, 1, 0, 5);
SELECT sphx_ks1_cdf('NaN', 1, 1, 5);
SELECT sphx_ks1_cdf(0.5, 1, 1, 2);
SELECT sphx_ks2_probability('NaN', 1, 1, 5);
SELECT sphx_ks2_probability(1, 1, 2, 5);
SELECT sphx_ks2_probability(1, 1, 1, 100000);
DROP FUNCTION at_60(int);
