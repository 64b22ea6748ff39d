-- measures of sets of points
CREATE TABLE e8 AS SELECT id, point FROM sphx_code('E8', 8);
CREATE TABLE random_points AS SELECT id, point FROM sphx_code('gaussian(3000)', 16);

-- functions and aggregates agree
SELECT round(degrees(sphx_min_angle(array_agg(point)))::numeric, 4) AS degrees,
	round(degrees(sphx_min_angle(point))::numeric, 4) AS same,
	round(sphx_packing_radius(array_agg(point))::numeric, 6) AS packing_radius,
	round(sphx_packing_radius(point)::numeric, 6) AS same,
	round(sphx_gap(array_agg(point))::numeric, 6) + 0 AS gap,
	round(sphx_gap(array_agg(point), 0.25)::numeric, 6) AS gap_quarter,
	round(sphx_gap(point, 0.25)::numeric, 6) AS same
FROM e8;
SELECT round(sphx_softmin_separation(array_agg(point), 0.01)::numeric, 4) AS softmin,
	round(sphx_softmin_separation(point, 0.01)::numeric, 4) AS same,
	round(sphx_softmin_separation(array_agg(point), 0.01, corrected => true)::numeric, 4) AS corrected
FROM e8;
SELECT round(degrees(2 * asin(sphx_covering_radius(array_agg(point)) / 2))::numeric, 3) AS covering,
	round(degrees(2 * asin(sphx_covering_radius(point, 100) / 2))::numeric, 3) AS same
FROM e8;

-- sampled and neighbour-assisted
SELECT sphx_gap(point, 0.5) = sphx_gap(point, 0.5, 0, true) AS neighbours,
	sphx_gap(point, 0.5) < sphx_gap(point, 0.5, 1000, false) AS sampled,
	sphx_gap(array_agg(point), 0.5, pairs => 1000, seed => 2) <>
	sphx_gap(array_agg(point), 0.5, pairs => 1000, seed => 3) AS seeds
FROM random_points;
-- seeds that only differ in their last bit; more pairs than can be looked at
SELECT count(DISTINCT sphx_gap(p.points, 0.5, pairs => 1000, seed => s)) AS seeds
FROM (SELECT array_agg(point) AS points FROM random_points) p,
	unnest('{9223372036854775807,9223372036854775806,-1,-2}'::bigint[]) s;
SET statement_timeout = '100ms';
SELECT sphx_gap(array_agg(point), 0.5, pairs => 9223372036854775807) FROM e8;
RESET statement_timeout;
-- in a large set, whose rows come in the order of clusters, and one with equal points
CREATE TABLE clusters AS
SELECT row_number() OVER () AS id, c.point + p.point * ('[' || repeat('0.1,', 15) || '0.1]')::vector AS point
FROM sphx_code('gaussian(60, 1, 5)', 16) c, sphx_code('gaussian(600, 1, 6)', 16) p;
UPDATE clusters c SET point = c.point + p.point * ('[' || repeat('0.01,', 15) || '0.01]')::vector
FROM random_points p WHERE p.id = 1 + c.id / 13 % 3000;
SELECT count(*), sphx_gap(point, 0.5) = sphx_gap(point, 0.5, 0, true) AS neighbours,
	sphx_gap(point, 0.5) > -1 AS apart
FROM (SELECT point FROM clusters ORDER BY id OFFSET 0) c;
SELECT sphx_gap(point, 0.5, 0, true) AS equal
FROM (SELECT point FROM clusters UNION ALL (SELECT point FROM clusters WHERE id = 5077)) c;
DROP TABLE clusters;

-- reference cosine: antipodal points are above Lemma B.1, which is for random ones
SELECT round(estimate::numeric, 2) AS estimate, error_bound < 0.01 AS narrow,
	round(lemma_b1::numeric, 4) AS lemma_b1, estimate > lemma_b1 AS above
FROM sphx_reference_cosine((SELECT array_agg(point) FROM sphx_code('antipodal(16)', 8)), levels => 4,
	samples => 20000);
-- its seed: the cosine with the nearer of two opposite points in 3 dimensions is uniform on 0 .. 1, J is 1/2
CREATE TABLE poles AS SELECT point FROM sphx_code('antipodal(2)', 3);
SELECT count(DISTINCT c) AS answers, bool_and(c = again) AS same_seed_same_answer,
	bool_and(abs((c).estimate - 0.5) < 0.01 AND (c).error_bound < 0.01) AS near_a_half,
	count(DISTINCT (c).lemma_b1) AS closed_forms
FROM (SELECT sphx_reference_cosine(p.points, 1, 20000, s) AS c, sphx_reference_cosine(p.points, seed => s, samples => 20000) AS again
	FROM (SELECT array_agg(point) AS points FROM poles) p,
		unnest('{0,1,2,-1,9223372036854775807,9223372036854775806,-9223372036854775808}'::bigint[]) s) c;
-- random points, drawn from seed 1 as well: Lemma B.1
SELECT s AS seed, abs(estimate - lemma_b1) < 0.01 AS closed_form
FROM generate_series(1, 3) s, sphx_reference_cosine((SELECT array_agg(point) FROM random_points), 2, 2000, s);
SELECT sphx_reference_cosine(points) = sphx_reference_cosine(points, seed => 1) AS seed_1_is_the_default,
	sphx_reference_cosine(points, seed => NULL) IS NULL AS strict
FROM (SELECT array_agg(point) AS points FROM poles) p;
SELECT sphx_reference_cosine(point, 1, 2000, -7) = sphx_reference_cosine(array_agg(point), 1, 2000, -7) AS seed,
	sphx_reference_cosine(point, 1, 2000, -7) = sphx_reference_cosine(array_agg(point), 1, 2000, -8) AS other_seed,
	sphx_reference_cosine(point, 1, 2000) = sphx_reference_cosine(point, 1, 2000, 1) AS default_seed
FROM poles;
DROP TABLE poles;

-- certificates
SELECT certified, round(gap::numeric, 6) + 0 AS gap, round(norm_error::numeric, 6) AS norm_error
FROM sphx_certify((SELECT array_agg(point) FROM e8));
SELECT certified, round(gap::numeric, 4) AS gap
FROM sphx_certify((SELECT array_agg(point) FROM sphx_code('icosahedron', 3)), radius => 0.5, tolerance => 0);
SELECT certified, round(gap::numeric, 4) AS gap
FROM sphx_certify((SELECT array_agg(point) FROM sphx_code('600-cell', 4)));
SELECT certified, norm_error, i, j FROM sphx_certify('{"[1,0]","[0,2]"}'::vector[], radius => 0.5);

-- over rows: the same as over an array
SELECT (c).certified, (c).i, (c).j,
	c = sphx_certify(array_agg(point)) AS same
FROM (SELECT sphx_certify(point, 0.5, 1e-6) AS c FROM e8) a, e8 GROUP BY c;
SELECT sphx_reference_cosine(point, 4, 20000) = sphx_reference_cosine(array_agg(point), 4, 20000) AS reference,
	sphx_softmin_separation(point, 0.1, true) = sphx_softmin_separation(array_agg(point), 0.1, true) AS softmin,
	sphx_covering_radius(point, 20, -7) = sphx_covering_radius(array_agg(point), 20, -7) AS covering,
	sphx_collision_probability(point, 1) = sphx_collision_probability(array_agg(point), 1) AS collision,
	sphx_query_exponent(point, 1) = sphx_query_exponent(array_agg(point), 1) AS exponent,
	sphx_query_exponent(point, 1, 64, 9007199254740993) =
		sphx_query_exponent(array_agg(point), 1, 64, 9007199254740993) AS seed,
	sphx_query_exponent(point, 1, 64, 9007199254740993) =
		sphx_query_exponent(array_agg(point), 1, 64, 9007199254740992) AS other_seed
FROM sphx_code('icosahedron', 3);
SELECT sphx_gap(point, 0.5, 100, false, 3) = sphx_gap(array_agg(point), 0.5, 100, seed => 3) AS seed,
	sphx_gap(point, 0.5, 100, false, 3) = sphx_gap(array_agg(point), 0.5, 100, seed => 4) AS other_seed
FROM random_points;
SELECT sphx_certify(point, 1, 0) IS NULL AS certify, sphx_reference_cosine(point, 1, 1) IS NULL AS reference,
	sphx_collision_probability(point, 1) IS NULL AS collision, sphx_query_exponent(point, 1) IS NULL AS exponent
FROM e8 WHERE false;

SELECT d, lower, upper FROM generate_series(1, 24) d, sphx_kissing_number(d) k;
SELECT lower_source, upper_source FROM sphx_kissing_number(4);

-- few points
SELECT round(degrees(sphx_min_angle('{"[1,0]","[0,3]"}'::vector[]))::numeric, 4) AS degrees, sphx_gap('{"[1,0]","[1,0]"}'::vector[], radius => 1);
SELECT sphx_covering_radius('{"[1,0,0]"}'::vector[]) AS antipode, round(sphx_covering_radius('{"[1,0,0]","[-1,0,0]"}'::vector[])::numeric, 6) AS equator;
SELECT sphx_min_angle(point), sphx_gap(point, 1) FROM e8 WHERE false;
SELECT sphx_gap(p, 1) FROM (VALUES ('[1]'::vector), (NULL), ('[2]')) v(p);

-- bad input
SELECT sphx_min_angle('{}'::vector[]);
SELECT sphx_min_angle('{"[1,0]"}'::vector[]);
SELECT sphx_min_angle(point) FROM e8 WHERE id = 1;
SELECT sphx_min_angle('{"[1,0]","[0,0]"}'::vector[]);
SELECT sphx_min_angle('{"[1,0]","[1,0,0]"}'::vector[]);
SELECT sphx_min_angle('{"[1,0]",NULL}'::vector[]);
SELECT sphx_min_angle('{{"[1,0]"},{"[0,1]"}}'::vector[]);
SELECT sphx_gap('{"[1,0]","[0,1]"}'::vector[], -1);
SELECT sphx_gap('{"[1,0]","[0,1]"}'::vector[], 'NaN');
SELECT sphx_gap('{"[1,0]","[0,1]"}'::vector[], pairs => -1);
SELECT sphx_gap('{"[1,0]","[0,1]"}'::vector[], pairs => 1, neighbours => true);
SELECT sphx_gap(point, id::float8) FROM e8;
SELECT sphx_gap(point, 'NaN') FROM e8;
SELECT sphx_gap(point, NULL) FROM e8;
SELECT sphx_gap(point, 0.5, 10, false, id) FROM e8;
SELECT sphx_gap(point, 0.5, 10, false, NULL) FROM e8;
SELECT sphx_certify(point, 1, -1) FROM e8;
SELECT sphx_certify(point, 1, 1) FROM e8 WHERE id = 1;
SELECT sphx_collision_probability(point, 2) FROM e8;
SELECT sphx_reference_cosine(point, 0, 10) FROM e8;
SELECT sphx_reference_cosine(point, 1, 10, id) FROM e8;
SELECT sphx_reference_cosine(point, 1, 10, NULL) FROM e8;
SELECT sphx_softmin_separation('{"[1,0]","[0,1]"}'::vector[], 0);
SELECT sphx_covering_radius('{"[1,0]","[0,2]"}'::vector[]);
SELECT sphx_covering_radius('{"[1,0]"}'::vector[], 0);
SELECT sphx_reference_cosine('{"[1,0]"}'::vector[], 0);
SELECT sphx_certify('{"[1,0]","[0,1]"}'::vector[], 1, -1);
SELECT sphx_kissing_number(25);
DROP TABLE e8, random_points;
