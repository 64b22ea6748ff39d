-- Sizes and angles of kissing configurations, and J(S) of Lu, Xiao and
-- Ishikawa, "Probabilistic kernel function for fast angle testing".
\pset footer off

\echo Kissing configurations: points, smallest angle, known bounds
SELECT f.dim, f.family, count(*) AS points, round(degrees(sphx_min_angle(c.point))::numeric, 4) AS degrees,
	min(k.lower) AS lower, min(k.upper) AS upper, 1 / (count(*) = min(k.lower))::int AS ok
FROM (VALUES (2, 'A'), (3, 'icosahedron'), (4, 'D'), (5, 'D'), (6, 'E6'), (7, 'E7'), (8, 'E8')) f(dim, family),
	sphx_code(f.family, f.dim) c, sphx_kissing_number(f.dim) k
GROUP BY 1, 2 ORDER BY 1;

\echo Minimal vectors of the Leech lattice: angles with the first
SELECT count(*) AS points, round(degrees(acos(round(-(c.point <#> first.point)::numeric, 5)))::numeric, 2) AS degrees
FROM sphx_code('Leech', 24) c, (SELECT point FROM sphx_code('Leech', 24) LIMIT 1) first
GROUP BY 2 ORDER BY 2;

\echo Mean cosine of the reference angle J, m = 256 points at each of L levels, d = 128
SELECT levels, round(b1::numeric, 4) AS "Lemma B.1 (random)", round(sym::numeric, 4) AS "S_sym",
	round(pol::numeric, 4) AS "S_pol", 1 / (pol > b1 AND sym > b1 - 0.002)::int AS ok
FROM (VALUES (1), (2), (4), (8), (16)) l(levels),
	LATERAL (SELECT estimate AS sym, lemma_b1 AS b1 FROM sphx_reference_cosine(
		(SELECT array_agg(point) FROM sphx_code('antipodal(256)', 128 / levels)), levels, 40000)) s,
	LATERAL (SELECT estimate AS pol FROM sphx_reference_cosine(
		(SELECT array_agg(point) FROM sphx_code('cross-polytopes(256)', 128 / levels)), levels, 40000)) p
ORDER BY 1;
