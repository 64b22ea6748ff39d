-- Table 1 of Laarhoven, "Polytopes, lattices, and spherical codes for the
-- nearest neighbor problem": query exponents of all spherical codes of up to
-- six dimensions, the paper's figure beside ours.  Allowed: 0.0001 for closed
-- forms, 0.002 for others (the paper warns of its last digits).
\pset footer off

CREATE TEMPORARY TABLE paper (k int, code text, family text, rho float8[]);
INSERT INTO paper VALUES
	(1, 'hyperplane', 'orthoplex', '{.1255,.2630,.4150,.5850,.7776}'),
	(2, 'triangle', 'simplex', '{.1194,.2518,.4005,.5700,.7666}'),
	(2, 'square', 'orthoplex', '{.1255,.2630,.4150,.5850,.7776}'),
	(2, 'pentagon', 'polygon(5)', '{.1343,.2788,.4346,.6040,.7905}'),
	(2, 'hexagon', 'A', '{.1438,.2954,.4544,.6222,.8022}'),
	(3, 'tetrahedron', 'simplex', '{.1155,.2445,.3910,.5600,.7592}'),
	(3, '5 points', NULL, '{.1170,.2481,.3965,.5664,.7644}'),
	(3, 'octahedron', 'orthoplex', '{.1159,.2465,.3952,.5661,.7649}'),
	(3, '7 points', NULL, '{.1207,.2554,.4065,.5772,.7725}'),
	(3, 'cube', 'hypercube', '{.1255,.2630,.4150,.5850,.7776}'),
	(3, '9 points', NULL, '{.1217,.2591,.4129,.5850,.7786}'),
	(3, 'icosahedron', 'icosahedron', '{.1255,.2678,.4255,.5983,.7883}'),
	(3, 'cuboctahedron', 'cuboctahedron', '{.1294,.2728,.4301,.6017,.7900}'),
	(3, 'dodecahedron', 'dodecahedron', '{.1509,.3077,.4692,.6360,.8112}'),
	(4, '5-cell', 'simplex', '{.1126,.2392,.3840,.5527,.7537}'),
	(4, '6 points', NULL, '{.1128,.2401,.3861,.5555,.7564}'),
	(4, '7 points', NULL, '{.1120,.2392,.3852,.5553,.7567}'),
	(4, '16-cell', 'orthoplex', '{.1107,.2368,.3822,.5528,.7553}'),
	(4, '10 points', NULL, '{.1136,.2426,.3909,.5623,.7622}'),
	(4, '13 points', NULL, '{.1133,.2439,.3939,.5666,.7663}'),
	(4, 'tesseract', 'hypercube', '{.1255,.2630,.4150,.5850,.7776}'),
	(4, 'runcinated 5-cell', 'A', '{.1216,.2586,.4128,.5855,.7795}'),
	(4, 'octacube', 'D', '{.1202,.2577,.4140,.5877,.7823}'),
	(5, '5-simplex', 'simplex', '{.1105,.2354,.3785,.5469,.7493}'),
	(5, '5-orthoplex', 'orthoplex', '{.1076,.2299,.3733,.5433,.7483}'),
	(5, '1_21', '1_21', '{.1080,.2330,.3794,.5516,.7554}'),
	(5, 'expanded 5-simplex', 'A', '{.1167,.2494,.4007,.5735,.7713}'),
	(5, '5-hypercube', 'hypercube', '{.1255,.2630,.4150,.5850,.7776}'),
	(5, 'rectified 5-orthoplex', 'D', '{.1139,.2471,.4009,.5757,.7739}'),
	(6, '6-simplex', 'simplex', '{.1089,.2319,.3742,.5422,.7458}'),
	(6, '6-orthoplex', 'orthoplex', '{.1065,.2260,.3670,.5361,.7431}'),
	(6, '2_21', '2_21', '{.1038,.2258,.3712,.5442,.7510}'),
	(6, '1_31', '1_31', '{.1062,.2314,.3788,.5520,.7564}'),
	(6, 'expanded 6-simplex', 'A', '{.1133,.2427,.3917,.5642,.7647}'),
	(6, 'rectified 6-orthoplex', 'D', '{.1107,.2404,.3915,.5661,.7673}'),
	(6, '6-hypercube', 'hypercube', '{.1255,.2630,.4150,.5850,.7776}');

-- The unnamed packings.
CREATE TEMPORARY TABLE packing AS
SELECT p.k, p.code,
	(SELECT array_agg(point) FROM sphx_optimize_code(split_part(p.code, ' ', 1)::int, p.k)) AS points
FROM paper p
WHERE p.family IS NULL;

CREATE TEMPORARY TABLE ours AS
SELECT p.k, p.code, i, p.rho[i] AS paper, q.rho, q.error_bound
FROM paper p, generate_series(1, 5) i, sphx_query_exponent(p.family, p.k, i * pi() / 12) q
WHERE p.family IS NOT NULL
UNION ALL
SELECT p.k, p.code, i, p.rho[i], q.rho, q.error_bound
FROM paper p JOIN packing USING (k, code), generate_series(1, 5) i,
	sphx_query_exponent(packing.points, i * pi() / 12) q;

\echo Table 1: query exponents at pi/12 .. 5 pi/12, paper and ours
SELECT k, code, string_agg(to_char(paper, '0.0000') || ' ' || to_char(rho, '0.0000'), ' ' ORDER BY i) AS "paper, ours",
	to_char(max(abs(rho - paper)), '0.0000') AS "off by", to_char(max(error_bound), '0.00000') AS "our error bound"
FROM ours GROUP BY k, code ORDER BY k, min(paper), code;

-- fails when a figure is off
SELECT count(*) AS figures,
	1 / (NOT bool_or(abs(rho - paper) > CASE WHEN error_bound = 0 THEN 0.0001 ELSE 0.002 END))::int AS all_as_published
FROM ours;
