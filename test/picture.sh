#!/bin/bash
#
# picture.sh [FILE]
#	The picture in sql/README.md, from answers to SQL queries: 24 points on the
#	sphere as sphx_optimize_code arranges them, and the query exponents of
#	hashing with several spherical codes.  Written to test/picture.svg unless
#	FILE is given.
#
# Everything else happens in a temporary folder that is removed at the end.

. "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

FILE=$(realpath "${1:-$TOP/test/picture.svg}") || exit 1

work_start
packages_install $PACKAGES gnuplot-nox
stage_create
source_copy source
build_install source
cluster_start "autovacuum = off"

# rows of numbers to a file of $WORK; gnuplot breaks a line where a row is empty
data()
{
	sql "$2" | tr '|' ' ' >"$WORK/$1" || die "no data for $1"
}

# The points in the coordinates of one who looks at the sphere: x to the right,
# y upwards, z towards him.
sql "CREATE EXTENSION sphx;
CREATE FUNCTION seen(p vector, OUT x float8, OUT y float8, OUT z float8) LANGUAGE sql IMMUTABLE AS \$\$
	SELECT -(p <#> '[0.8440,0.5210,-0.1270]'), -(p <#> '[-0.3560,0.7270,0.5870]'), -(p <#> '[0.3980,-0.4500,0.7990]')
\$\$;
CREATE TABLE code AS SELECT id, point, sphx_min_angle(array_agg(point) OVER ()) AS angle FROM sphx_optimize_code(24, 3);"

data degrees "SELECT round(degrees(min(angle))::numeric, 4) FROM code"
data points "SELECT s.* FROM code, seen(point) s ORDER BY s.z"
# great circles between neighbours
data edges "WITH edge AS (
		SELECT a.id AS i, b.id AS j, a.point AS p, b.point AS q, acos(-(a.point <#> b.point)) AS angle
		FROM code a JOIN code b ON a.id < b.id AND acos(-(a.point <#> b.point)) < a.angle + 1e-4)
	SELECT CASE WHEN step <= 16 THEN concat_ws(' ', s.x, s.y, s.z) ELSE '' END
	FROM edge, generate_series(0, 17) step, LATERAL (SELECT
		array_fill(sin((1 - step / 16.0) * angle) / sin(angle), ARRAY[3])::vector * p +
		array_fill(sin(step / 16.0 * angle) / sin(angle), ARRAY[3])::vector * q AS on_arc) a, seen(on_arc) s
	ORDER BY i, j, step"
# theta, and rho of one family a column
data exponents "SELECT degrees, max(rho) FILTER (WHERE f = 'orthoplex' AND k = 1), max(rho) FILTER (WHERE f = 'D'),
		max(rho) FILTER (WHERE f = 'E8'), max(rho) FILTER (WHERE f = 'simplex'),
		max(rho) FILTER (WHERE f = 'orthoplex' AND k = 8), max(rho) FILTER (WHERE f = 'orthoplex' AND k = 24)
	FROM (VALUES ('orthoplex', 1), ('D', 8), ('E8', 8), ('simplex', 8), ('orthoplex', 8), ('orthoplex', 24)) c(f, k),
		generate_series(5, 85, 5) degrees, sphx_query_exponent(f, k, radians(degrees), samples => 16384)
	GROUP BY degrees ORDER BY degrees"

cat >"$WORK/picture.gp" <<'GNUPLOT'
set terminal svg size 1200,450 dynamic font "DejaVu Sans,Verdana,sans-serif,13" background rgb "white"
set output output
set multiplot

# the sphere, lit from above on the left
set lmargin at screen 0.005; set rmargin at screen 0.335
set bmargin at screen 0.01; set tmargin at screen 0.90
set size ratio -1
set xrange [-1.1:1.1]; set yrange [-1.1:1.1]
unset border; unset tics; unset key
set title sprintf("24 points, %s° apart", degrees) font ",15"
shades = 14
do for [i = 0:shades] {
	t = i / (shades + 1.0)
	set object i + 1 circle at -0.36 * t, 0.36 * t size 1.0 - t behind fillstyle solid 1.0 noborder \
		fillcolor rgb (int(200 + 54 * t) * 65536 + int(214 + 40 * t) * 256 + int(232 + 22 * t))
}
plot edges using ($3 < 0.08 ? $1 : NaN):2 with lines linewidth 1 linecolor rgb "#a9b7ca", \
	points using ($3 < 0 ? $1 : NaN):2 with points pointtype 7 pointsize 0.7 linecolor rgb "#a9b7ca", \
	edges using ($3 >= 0 ? $1 : NaN):2 with lines linewidth 2 linecolor rgb "#35618f", \
	points using ($3 >= 0 ? $1 : NaN):2:(0.8 + 0.4 * $3) with points pointtype 7 pointsize variable linecolor rgb "#c8421f"
do for [i = 0:shades] { unset object i + 1 }

# the exponents
set size noratio
set border 3 linecolor rgb "#606060"
set tics nomirror textcolor rgb "#303030"
set grid linecolor rgb "#e4e4e4" linetype 1
set xrange [0:90]; set xtics 30; set format x "%g°"
set xlabel "angle θ between the vectors"
set style line 1 linewidth 2 linecolor rgb "#303030"
set style line 2 linewidth 2 linecolor rgb "#b8860b"
set style line 3 linewidth 2 linecolor rgb "#8a4fa3"
set style line 4 linewidth 2 linecolor rgb "#2e8b57"
set style line 5 linewidth 2 linecolor rgb "#d1491f"
set style line 6 linewidth 2 linecolor rgb "#1f6fb5"
set style line 7 linewidth 2 linecolor rgb "#909090" dashtype 2
limit(degrees) = tan(degrees * pi / 360) ** 2

set lmargin at screen 0.405; set rmargin at screen 0.66
set bmargin at screen 0.16
set yrange [0:1]; set ytics 0.2; set format y "%.1f"
set title "query exponent ρ of hashing" font ",15"
set key at graph 0.04, 0.97 left top reverse Left samplen 2 spacing 1.1
plot exponents using 1:2 with lines linestyle 1 title "hyperplanes", \
	exponents using 1:5 with lines linestyle 4 title "simplex, 8-d", \
	exponents using 1:7 with lines linestyle 6 title "orthoplex, 24-d", \
	limit(x) with lines linestyle 7 title "limit, tan²(θ/2)"

set lmargin at screen 0.735; set rmargin at screen 0.985
set yrange [0.65:1.02]; set ytics 0.05; set format y "%.2f"
set title "ρ relative to hyperplanes" font ",15"
set key at graph 1.0, 0.37 right top noreverse Right
set label "hyperplanes" at 4, 1.0 offset 0, 0.5 left textcolor rgb "#303030"
plot exponents using 1:($2 / $2) with lines linestyle 1 notitle, \
	exponents using 1:($3 / $2) with lines linestyle 2 title "D_8", \
	exponents using 1:($4 / $2) with lines linestyle 3 title "E_8", \
	exponents using 1:($5 / $2) with lines linestyle 4 title "simplex, 8-d", \
	exponents using 1:($6 / $2) with lines linestyle 5 title "orthoplex, 8-d", \
	exponents using 1:($7 / $2) with lines linestyle 6 title "orthoplex, 24-d"
unset multiplot
GNUPLOT

quietly "drawing the picture" gnuplot -e "output = '$WORK/picture.svg'; degrees = '$(cat "$WORK/degrees")';
	points = '$WORK/points'; edges = '$WORK/edges'; exponents = '$WORK/exponents'" "$WORK/picture.gp"
# numbers and text without the indentation
sed -E 's/^[[:space:]]+//' "$WORK/picture.svg" >"$FILE" || exit 1
say "wrote $FILE"
