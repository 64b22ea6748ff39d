-- spherical codes: constructions
SELECT family, alias, parameters, dimensions, size_formula, cosine_formula FROM sphx_code_families();
SELECT family, size, round(degrees(min_angle)::numeric, 4) AS degrees FROM sphx_code_families(4);
SELECT family, size, round(degrees(min_angle)::numeric, 4) AS degrees FROM sphx_code_families(24);

SELECT * FROM sphx_code('orthoplex', 3);
SELECT * FROM sphx_code('simplex', 2);
SELECT id, point FROM sphx_code('polygon(4)', 2) WHERE id = 1;
SELECT count(*), max(id), round(max(abs(vector_norm(point) - 1))::numeric, 5) AS off,
	round(degrees(sphx_min_angle(point))::numeric, 4) AS degrees
FROM sphx_code('E8', 8);
SELECT f.family, f.dim, count(*), round(degrees(sphx_min_angle(point))::numeric, 3) AS degrees
FROM (VALUES ('icosahedron', 3), ('Rectified Orthoplex', 5), ('1_31', 6), ('2_21', 6), ('3_21', 7),
	('e7', 7), ('m-max(3)', 7)) f(family, dim), sphx_code(f.family, f.dim)
GROUP BY 1, 2 ORDER BY 3;

-- product codes
SELECT count(*), count(DISTINCT point), round(max(abs(vector_norm(point) - 1))::numeric, 5) AS off
FROM sphx_code('antipodal(6, 3)', 12);
SELECT level, count(*), count(DISTINCT point), round(max(abs(vector_norm(point) - 0.5))::numeric, 5) AS off
FROM sphx_code_levels('cross-polytopes(20, 4, 2)', 32) GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM sphx_code_levels('antipodal(256, 16)', 512);
-- the same seed gives the same points, another one others
SELECT array_agg(a.point) = (SELECT array_agg(point) FROM sphx_code('gaussian(5, 1, 3)', 4)) AS same
FROM sphx_code('gaussian(5, 1, 3)', 4) a;
SELECT array_agg(a.point) = (SELECT array_agg(point) FROM sphx_code('gaussian(5, 1, 4)', 4)) AS same
FROM sphx_code('gaussian(5, 1, 3)', 4) a;
SELECT * FROM sphx_code(NULL, 3);

-- bad input
SELECT * FROM sphx_code('nothing', 3);
SELECT * FROM sphx_code('', 3);
SELECT * FROM sphx_code('E8', 7);
SELECT * FROM sphx_code('simplex', 0);
SELECT * FROM sphx_code('simplex', 20000);
SELECT * FROM sphx_code('polygon', 2);
SELECT * FROM sphx_code('polygon(1)', 2);
SELECT * FROM sphx_code('polygon(3', 2);
SELECT * FROM sphx_code('antipodal(2, 1, 9223372036854775808)', 2);
SELECT * FROM sphx_code('E8(2)', 8);
SELECT * FROM sphx_code('antipodal(7)', 4);
SELECT * FROM sphx_code('antipodal(8, 3)', 4);
SELECT * FROM sphx_code('gaussian(0)', 4);
SELECT * FROM sphx_code('gaussian(1000000001)', 4);
SELECT * FROM sphx_code('cross-polytopes(4, 1, 1000001)', 4);
SELECT * FROM sphx_code('m-max(62)', 100);
SELECT * FROM sphx_code('hypercube', 40);
SELECT * FROM sphx_code('antipodal(256, 16)', 512);
SELECT * FROM sphx_code('gaussian(1000000)', 16000);
SELECT * FROM sphx_code_levels('E8', 8);
SELECT * FROM sphx_code_families(-1);
