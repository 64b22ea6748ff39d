-- hashing with spherical codes
-- every codeword is its own nearest codeword
SELECT f.family, f.dim, count(*), bool_and(sphx_nearest_codeword(f.family, point) = id) AS own
FROM (VALUES ('simplex', 5), ('orthoplex', 4), ('hypercube', 5), ('demicube', 5), ('A', 4), ('D', 4),
	('m-max(3)', 5), ('polygon(7)', 2), ('dodecahedron', 3), ('120-cell', 4), ('2_21', 6), ('E7', 7),
	('E8', 8), ('antipodal(6, 2)', 6)) f(family, dim), sphx_code(f.family, f.dim)
GROUP BY 1, 2 ORDER BY 3, 1;
-- and decoding finds the same as looking at all of them
SELECT bool_and(sphx_nearest_codeword('E8', x.point) =
	(SELECT c.id FROM sphx_code('E8', 8) c ORDER BY c.point <#> x.point LIMIT 1)) AS nearest
FROM sphx_code('gaussian(50)', 8) x;
SELECT sphx_nearest_codeword('hypercube', ('[' || repeat('-1,', 60) || '1]')::vector);

-- a hash value does not depend on the norm, but on the seed
SELECT sphx_hash('D', 8, 1, '[1,2,3]') = sphx_hash('D', 8, 1, '[10,20,30]') AS same,
	count(DISTINCT sphx_hash('D', 8, s, '[1,2,3]')) AS of_50
FROM generate_series(1, 50) s;
-- how often vectors at an angle of 60 degrees collide
SELECT abs(avg((sphx_hash('simplex', 3, s, '[1,0]') = sphx_hash('simplex', 3, s, '[0.5,0.8660254]'))::int)
	- (sphx_collision_probability('simplex', 3, pi() / 3)).probability) < 0.02 AS as_expected
FROM generate_series(1, 10000) s;

-- closed forms
SELECT round(probability::numeric, 6) AS probability, error_bound, exact FROM sphx_collision_probability('orthoplex', 1, pi() / 3);
SELECT round(probability::numeric, 6) AS probability, exact FROM sphx_collision_probability('hypercube', 8, pi() / 3);
SELECT round(probability::numeric, 6) AS probability,
	round((1 / 3.0 + 3 * (1 / 3.0) ^ 2 - 3 * (acos(0.25) / (2 * pi())) ^ 2)::numeric, 6) AS theorem_2, exact
FROM sphx_collision_probability('simplex', 2, pi() / 3);
SELECT round(probability::numeric, 6) AS probability, exact
FROM sphx_collision_probability('{"[1,0]","[0,1]","[-1,0]"}'::vector[], pi() / 3);
SELECT probability FROM sphx_collision_probability('E8', 8, 0);
-- without a list of its vertices
SELECT round((1e9 * probability)::numeric, 6) AS scaled, exact FROM sphx_collision_probability('polygon(1000000000)', 2, pi() / 3);

-- Table 1 of Laarhoven's "Polytopes, lattices, and spherical codes", named codes
CREATE TABLE table_1 (family text, dim int, rho float8[]);
INSERT INTO table_1 VALUES
	('orthoplex', 1, '{.1255,.2630,.4150,.5850,.7776}'),
	('simplex', 2, '{.1194,.2518,.4005,.5700,.7666}'),
	('orthoplex', 2, '{.1255,.2630,.4150,.5850,.7776}'),
	('polygon(5)', 2, '{.1343,.2788,.4346,.6040,.7905}'),
	('A', 2, '{.1438,.2954,.4544,.6222,.8022}'),
	('simplex', 3, '{.1155,.2445,.3910,.5600,.7592}'),
	('orthoplex', 3, '{.1159,.2465,.3952,.5661,.7649}'),
	('hypercube', 3, '{.1255,.2630,.4150,.5850,.7776}'),
	('icosahedron', 3, '{.1255,.2678,.4255,.5983,.7883}'),
	('cuboctahedron', 3, '{.1294,.2728,.4301,.6017,.7900}'),
	('dodecahedron', 3, '{.1509,.3077,.4692,.6360,.8112}'),
	('simplex', 4, '{.1126,.2392,.3840,.5527,.7537}'),
	('orthoplex', 4, '{.1107,.2368,.3822,.5528,.7553}'),
	('hypercube', 4, '{.1255,.2630,.4150,.5850,.7776}'),
	('A', 4, '{.1216,.2586,.4128,.5855,.7795}'),
	('24-cell', 4, '{.1202,.2577,.4140,.5877,.7823}'),
	('simplex', 5, '{.1105,.2354,.3785,.5469,.7493}'),
	('orthoplex', 5, '{.1076,.2299,.3733,.5433,.7483}'),
	('1_21', 5, '{.1080,.2330,.3794,.5516,.7554}'),
	('A', 5, '{.1167,.2494,.4007,.5735,.7713}'),
	('hypercube', 5, '{.1255,.2630,.4150,.5850,.7776}'),
	('D', 5, '{.1139,.2471,.4009,.5757,.7739}'),
	('simplex', 6, '{.1089,.2319,.3742,.5422,.7458}'),
	('orthoplex', 6, '{.1065,.2260,.3670,.5361,.7431}'),
	('2_21', 6, '{.1038,.2258,.3712,.5442,.7510}'),
	('1_31', 6, '{.1062,.2314,.3788,.5520,.7564}'),
	('A', 6, '{.1133,.2427,.3917,.5642,.7647}'),
	('D', 6, '{.1107,.2404,.3915,.5661,.7673}'),
	('hypercube', 6, '{.1255,.2630,.4150,.5850,.7776}');
SELECT t.family, t.dim, bool_and(abs(q.rho - t.rho[i]) < CASE WHEN q.error_bound = 0 THEN 0.0001 ELSE 0.002 END) AS as_published
FROM table_1 t, generate_series(1, 5) i, sphx_query_exponent(t.family, t.dim, i * pi() / 12, samples => 4096) q
GROUP BY 1, 2 ORDER BY 2, 1;
DROP TABLE table_1;

-- its unnamed codes, best packings
SELECT t.n, t.dim, bool_and(abs(q.rho - t.rho[i]) < 0.002) AS as_published
FROM (VALUES
	(5, 3, '{.1170,.2481,.3965,.5664,.7644}'::float8[]),
	(7, 3, '{.1207,.2554,.4065,.5772,.7725}'),
	(9, 3, '{.1217,.2591,.4129,.5850,.7786}'),
	(6, 4, '{.1128,.2401,.3861,.5555,.7564}'),
	(7, 4, '{.1120,.2392,.3852,.5553,.7567}'),
	(10, 4, '{.1136,.2426,.3909,.5623,.7622}'),
	(13, 4, '{.1133,.2439,.3939,.5666,.7663}')) t (n, dim, rho),
	LATERAL (SELECT array_agg(point) FROM sphx_optimize_code(t.n, t.dim)) p (points),
	generate_series(1, 5) i, sphx_query_exponent(p.points, i * pi() / 12, samples => 4096) q
GROUP BY 1, 2 ORDER BY 2, 1;

-- cancelled while the projection is drawn, and in the first circle
SET statement_timeout = '100ms';
SELECT sphx_hash('simplex', 16000, 1, p) FROM (SELECT array_fill(1, ARRAY[8000])::vector AS p) x;
SELECT sphx_query_exponent('A', 16000, 1);
RESET statement_timeout;

-- bad input
SELECT sphx_nearest_codeword('E8', '[1,2,3]');
SELECT sphx_nearest_codeword('E8', '[0,0,0,0,0,0,0,0]');
SELECT sphx_nearest_codeword('antipodal(256, 16)', (SELECT avg(point) FROM sphx_code('gaussian(1)', 128)));
SELECT sphx_hash('E8', 7, 1, '[1,2,3]');
SELECT sphx_hash('simplex', 0, 1, '[1,2,3]');
SELECT sphx_hash('simplex', 3, 1, '[0,0,0]');
SELECT sphx_collision_probability('E8', 8, 60);
SELECT sphx_collision_probability('E8', 8, 'NaN');
SELECT sphx_collision_probability('E8', 8, -0.1);
SELECT sphx_collision_probability('E8', 8, 1, samples => -1);
SELECT sphx_collision_probability('{"[1,0]","[0,2]"}'::vector[], 1);
SELECT sphx_query_exponent('{"[1,0]"}'::vector[], 1);
SELECT sphx_collision_probability('gaussian(9000000)', 3, 1);
