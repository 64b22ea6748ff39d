/*-------------------------------------------------------------------------
 *
 * families.c
 *	  Families of spherical codes: their names and parameters, the parts that
 *	  they consist of, and what is known of them.
 *
 * Coordinates of the exceptional polytopes are those of Conway and Sloane,
 * Sphere Packings, Lattices and Groups (chapters 4 and 10), and Coxeter,
 * Regular Polytopes; E6, E7, 2_21 and 3_21 in coordinates adapted to their
 * subgroups D5 and D6, with one coordinate (the "tail") along the rest.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/codes/product.h"
#include "math/codes/spherical_private.h"

#define ANY			SPHX_FAMILY_MAX_DIM
#define GOLDEN		1.6180339887498948482	/* (1 + sqrt 5) / 2 */
#define SQRT5		2.2360679774997896964
#define SQRT2		1.4142135623730950488
#define SQRT3		1.7320508075688772935

/* in the order of sphx_families */
typedef enum FamilyId
{
	SIMPLEX,
	ORTHOPLEX,
	HYPERCUBE,
	DEMICUBE,
	ROOTS_A,
	ROOTS_D,
	MMAX,
	REGULAR_POLYGON,
	ICOSAHEDRON,
	DODECAHEDRON,
	CUBOCTAHEDRON,
	CELL_24,
	CELL_600,
	CELL_120,
	POLYTOPE_1_21,
	POLYTOPE_1_31,
	POLYTOPE_2_21,
	POLYTOPE_3_21,
	ROOTS_E6,
	ROOTS_E7,
	ROOTS_E8,
	LEECH,
	ANTIPODAL,
	CROSS_POLYTOPES,
	GAUSSIAN
} FamilyId;

const SphxFamily sphx_families[] = {
	{"simplex", "S_k", "", 0, 0, 1, ANY, "k + 1", "-1 / k", true},
	{"orthoplex", "O_k", "", 0, 0, 1, ANY, "2 k", "0 (k = 1: -1)", true},
	{"hypercube", "C_k", "", 0, 0, 1, 61, "2^k", "1 - 2 / k", true},
	{"demicube", NULL, "", 0, 0, 3, 62, "2^(k - 1)", "1 - 4 / k", true},
	{"A", "expanded simplex", "", 0, 0, 1, ANY, "k (k + 1)", "1/2 (k = 1: -1)", true},
	{"D", "rectified orthoplex", "", 0, 0, 2, ANY, "2 k (k - 1)", "1/2 (k = 2: 0)", true},
	{"m-max", NULL, "m", 1, 1, 1, ANY, "2^m k! / (m! (k - m)!)", "1 - 1 / m (m = k: 1 - 2 / k)", true},
	{"polygon", NULL, "n", 1, 1, 2, 2, "n", "cos(2 pi / n)", true},
	{"icosahedron", NULL, "", 0, 0, 3, 3, "12", "1 / sqrt 5", true},
	{"dodecahedron", NULL, "", 0, 0, 3, 3, "20", "sqrt 5 / 3", true},
	{"cuboctahedron", NULL, "", 0, 0, 3, 3, "12", "1/2", true},
	{"24-cell", "octacube", "", 0, 0, 4, 4, "24", "1/2", true},
	{"600-cell", NULL, "", 0, 0, 4, 4, "120", "(1 + sqrt 5) / 4", true},
	{"120-cell", NULL, "", 0, 0, 4, 4, "600", "(1 + 3 sqrt 5) / 8", true},
	{"1_21", NULL, "", 0, 0, 5, 5, "16", "1/5", true},
	{"1_31", NULL, "", 0, 0, 6, 6, "32", "1/3", true},
	{"2_21", NULL, "", 0, 0, 6, 6, "27", "1/4", true},
	{"3_21", NULL, "", 0, 0, 7, 7, "56", "1/3", true},
	{"E6", NULL, "", 0, 0, 6, 6, "72", "1/2", true},
	{"E7", NULL, "", 0, 0, 7, 7, "126", "1/2", true},
	{"E8", "4_21", "", 0, 0, 8, 8, "240", "1/2", true},
	{"Leech", NULL, "", 0, 0, 24, 24, "196560", "1/2", true},
	{"antipodal", "S_sym", "m, levels = 1, seed = 1", 1, 3, 1, ANY, "m^levels", "", false},
	{"cross-polytopes", "S_pol", "m, levels = 1, rounds = 10, seed = 1", 1, 4, 1, ANY,
	"m^levels", "", false},
	{"gaussian", "S_ran", "m, levels = 1, seed = 1", 1, 3, 1, ANY, "m^levels", "", false}
};

const int	sphx_family_count = sizeof(sphx_families) / sizeof(sphx_families[0]);

/* positive roots' arrangements: all cyclic or all even permutations of one */

static const double icosahedron[][3] = {
	{0, 1, GOLDEN}, {GOLDEN, 0, 1}, {1, GOLDEN, 0}
};

static const double dodecahedron[][3] = {
	{0, GOLDEN - 1, GOLDEN}, {GOLDEN, 0, GOLDEN - 1}, {GOLDEN - 1, GOLDEN, 0}
};

/* the twelve even permutations of a, b, c, d */
#define EVEN(a, b, c, d) \
	{a, b, c, d}, {a, c, d, b}, {a, d, b, c}, {b, a, d, c}, {b, c, a, d}, {b, d, c, a}, \
	{c, a, b, d}, {c, b, d, a}, {c, d, a, b}, {d, a, c, b}, {d, b, a, c}, {d, c, b, a}

/* one different from three others */
#define ONE(a, b) {a, b, b, b}, {b, a, b, b}, {b, b, a, b}, {b, b, b, a}

static const double cell_600[][4] = {EVEN(GOLDEN, 1, GOLDEN - 1, 0)};

static const double cell_120_full[][4] = {
	ONE(SQRT5, 1), ONE(2 - GOLDEN, GOLDEN), ONE(GOLDEN + 1, GOLDEN - 1),
	EVEN(GOLDEN - 1, 1, GOLDEN, 2)
};

static const double cell_120_zero[][4] = {
	EVEN(0, 2 - GOLDEN, 1, GOLDEN + 1), EVEN(0, GOLDEN - 1, GOLDEN, SQRT5)
};


/* Parsing */

/* the same letters and digits, whatever the case and what stands between them */
static bool
same_name(const char *given, size_t length, const char *name)
{
	const char *end = given + length;

	for (;;)
	{
		while (given < end && strchr(" -_\t\n", *given) != NULL)
			given++;

		while (*name != '\0' && strchr(" -_", *name) != NULL)
			name++;
		if (given == end || *name == '\0')
			return given == end && *name == '\0';

		if (tolower((unsigned char) *given++) != tolower((unsigned char) *name++))
			return false;
	}
}

static const SphxFamily *
find_family(const char *given, size_t length)
{
	for (int i = 0; i < sphx_family_count; i++)
	{
		const SphxFamily *family = &sphx_families[i];

		if (same_name(given, length, family->name) ||
			(family->alias != NULL && same_name(given, length, family->alias)))
			return family;
	}
	return NULL;
}

static const char *
skip_blanks(const char *s)
{
	while (isspace((unsigned char) *s))
		s++;
	return s;
}

/* the parameters behind the opening parenthesis, to the end of the text */
static SphxSphericalStatus
parse_params(const char *s, SphxSphericalSpec *spec)
{
	do
	{
		char	   *end;
		int64_t		value;

		errno = 0;
		value = strtoll(s, &end, 10);
		if (end == s || errno == ERANGE)
			return SPHX_SPHERICAL_SYNTAX;
		if (spec->params == spec->family->allowed)
			return SPHX_SPHERICAL_PARAMS;
		spec->param[spec->params++] = value;
		s = skip_blanks(end);
	} while (*s++ == ',');

	if (s[-1] != ')' || *skip_blanks(s) != '\0')
		return SPHX_SPHERICAL_SYNTAX;
	return SPHX_SPHERICAL_OK;
}

static FamilyId
family_id(const SphxFamily *family)
{
	return (FamilyId) (family - sphx_families);
}

/* fill in what was not given, and check the values */
static SphxSphericalStatus
check_params(SphxSphericalSpec *spec)
{
	FamilyId	id = family_id(spec->family);
	int64_t		m = spec->param[0];
	int			levels = 1;

	if (spec->params < spec->family->required)
		return SPHX_SPHERICAL_PARAMS;
	if (id == REGULAR_POLYGON)
		return m < 2 || m > 1000000000 ? SPHX_SPHERICAL_VALUE : SPHX_SPHERICAL_OK;
	if (id == MMAX)
		return m < 1 || m > spec->dim || m > 61 ? SPHX_SPHERICAL_VALUE : SPHX_SPHERICAL_OK;
	if (id < ANTIPODAL)
		return SPHX_SPHERICAL_OK;

	if (spec->params > 1)
		levels = spec->param[1] > 0 && spec->param[1] <= spec->dim ? (int) spec->param[1] : 0;
	if (levels == 0 || spec->dim % levels != 0 || m < 1 || m > 1000000000 ||
		(id != GAUSSIAN && m % 2 != 0))
		return SPHX_SPHERICAL_VALUE;
	spec->param[1] = levels;
	if (id == CROSS_POLYTOPES)
	{
		if (spec->params <= 2)
			spec->param[2] = 10;
		if (spec->param[2] < 1 || spec->param[2] > 1000000)
			return SPHX_SPHERICAL_VALUE;
	}
	if (spec->params < spec->family->allowed)
		spec->param[spec->family->allowed - 1] = 1;
	return SPHX_SPHERICAL_OK;
}

SphxSphericalStatus
sphx_spherical_parse(const char *given, int dim, SphxSphericalSpec *spec)
{
	size_t		length = strcspn(given, "(");

	memset(spec, 0, sizeof(*spec));
	spec->dim = dim;
	spec->family = find_family(given, length);
	if (spec->family == NULL)
		return SPHX_SPHERICAL_UNKNOWN;
	if (given[length] == '(')
	{
		SphxSphericalStatus status = parse_params(given + length + 1, spec);

		if (status != SPHX_SPHERICAL_OK)
			return status;
	}
	if (!sphx_family_exists(spec->family, dim))
		return SPHX_SPHERICAL_DIM;
	return check_params(spec);
}

bool
sphx_family_exists(const SphxFamily *family, int dim)
{
	return dim >= family->min_dim && dim <= family->max_dim;
}


/* Parts of the families */

static int
add_max(SphxPart *part, int span, int m, double scale, double tail)
{
	part->kind = SPHX_PART_MAX;
	part->span = span;
	part->m = m;
	part->scale = scale;
	part->tail = tail;
	return 1;
}

static int
add_half(SphxPart *part, int span, double scale, bool odd, double tail)
{
	part->kind = SPHX_PART_HALF;
	part->span = span;
	part->scale = scale;
	part->odd = odd;
	part->tail = tail;
	return 1;
}

static int
add_arranged(SphxPart *part, int n, const double *arranged)
{
	part->kind = SPHX_PART_ARRANGED;
	part->arrangements = n;
	part->arranged = arranged;
	return 1;
}

#define ADD_ARRANGED(part, table) \
	add_arranged(part, (int) (sizeof(table) / sizeof((table)[0])), &(table)[0][0])

static int
add_kind(SphxPart *part, SphxPartKind kind)
{
	part->kind = kind;
	return 1;
}

/* the regular and semiregular polytopes of three and four dimensions */
static int
small_parts(FamilyId id, SphxPart *part)
{
	int			n = 0;

	if (id == ICOSAHEDRON)
		n += ADD_ARRANGED(&part[n], icosahedron);
	else if (id == DODECAHEDRON)
	{
		n += add_max(&part[n], 3, 3, 1.0, 0.0);
		n += ADD_ARRANGED(&part[n], dodecahedron);
	}
	else if (id == CUBOCTAHEDRON)
		n += add_max(&part[n], 3, 2, 1.0, 0.0);
	else if (id == CELL_24)
	{
		n += add_max(&part[n], 4, 1, 1.0, 0.0);
		n += add_max(&part[n], 4, 4, 0.5, 0.0);
	}
	else if (id == CELL_600)
	{
		n += add_max(&part[n], 4, 1, 2.0, 0.0);
		n += add_max(&part[n], 4, 4, 1.0, 0.0);
		n += ADD_ARRANGED(&part[n], cell_600);
	}
	else
	{
		assert(id == CELL_120);
		n += add_max(&part[n], 4, 2, 2.0, 0.0);
		n += ADD_ARRANGED(&part[n], cell_120_full);
		n += ADD_ARRANGED(&part[n], cell_120_zero);
	}
	return n;
}

/* polytopes of the exceptional groups, and the Leech lattice */
static int
exceptional_parts(FamilyId id, SphxPart *part)
{
	int			n = 0;

	if (id == ROOTS_E6)
	{
		n += add_max(&part[n], 5, 2, 1.0, 0.0);
		n += add_half(&part[n], 5, 0.5, true, SQRT3 / 2.0);
		n += add_half(&part[n], 5, 0.5, false, -SQRT3 / 2.0);
	}
	else if (id == ROOTS_E7)
	{
		n += add_max(&part[n], 6, 2, 1.0, 0.0);
		n += add_max(&part[n], 6, 0, 1.0, SQRT2);
		n += add_max(&part[n], 6, 0, 1.0, -SQRT2);
		n += add_half(&part[n], 6, 0.5, true, SQRT2 / 2.0);
		n += add_half(&part[n], 6, 0.5, true, -SQRT2 / 2.0);
	}
	else if (id == ROOTS_E8)
	{
		n += add_max(&part[n], 8, 2, 1.0, 0.0);
		n += add_half(&part[n], 8, 0.5, false, 0.0);
	}
	else if (id == POLYTOPE_2_21)
	{
		n += add_max(&part[n], 5, 0, 1.0, 2.0 / SQRT3);
		n += add_max(&part[n], 5, 1, 1.0, -1.0 / SQRT3);
		n += add_half(&part[n], 5, 0.5, false, 0.5 / SQRT3);
	}
	else if (id == POLYTOPE_3_21)
	{
		n += add_max(&part[n], 6, 1, 1.0, SQRT2 / 2.0);
		n += add_max(&part[n], 6, 1, 1.0, -SQRT2 / 2.0);
		n += add_half(&part[n], 6, 0.5, false, 0.0);
	}
	else
	{
		assert(id == LEECH);
		n += add_max(&part[n], 24, 2, 4.0, 0.0);
		n += add_kind(&part[n], SPHX_PART_OCTADS);
		n += add_kind(&part[n], SPHX_PART_GOLAY);
	}
	return n;
}

int
sphx_family_parts(const SphxSphericalSpec *spec, SphxPart *part)
{
	FamilyId	id = family_id(spec->family);
	int			dim = spec->dim;

	memset(part, 0, SPHX_MAX_PARTS * sizeof(SphxPart));
	for (int i = 0; i < SPHX_MAX_PARTS; i++)
		part[i].dim = dim;

	switch (id)
	{
		case SIMPLEX:
			return add_kind(part, SPHX_PART_SIMPLEX);
		case ROOTS_A:
			return add_kind(part, SPHX_PART_ROOTS_A);
		case ORTHOPLEX:
			return add_max(part, dim, 1, 1.0, 0.0);
		case HYPERCUBE:
			return add_max(part, dim, dim, 1.0, 0.0);
		case ROOTS_D:
			return add_max(part, dim, 2, 1.0, 0.0);
		case MMAX:
			return add_max(part, dim, (int) spec->param[0], 1.0, 0.0);
		case DEMICUBE:
		case POLYTOPE_1_21:
		case POLYTOPE_1_31:
			return add_half(part, dim, 1.0, false, 0.0);
		case REGULAR_POLYGON:
			part->m = (int) spec->param[0];

			return add_kind(part, SPHX_PART_POLYGON);
		case ICOSAHEDRON:
		case DODECAHEDRON:
		case CUBOCTAHEDRON:
		case CELL_24:
		case CELL_600:
		case CELL_120:
			return small_parts(id, part);
		case POLYTOPE_2_21:
		case POLYTOPE_3_21:
		case ROOTS_E6:
		case ROOTS_E7:
		case ROOTS_E8:
		case LEECH:
			return exceptional_parts(id, part);
		case ANTIPODAL:
		case CROSS_POLYTOPES:
		case GAUSSIAN:
			part->m = (int) spec->param[0];
			part->levels = (int) spec->param[1];
			return add_kind(part, SPHX_PART_PRODUCT);
	}
	assert(false);
	return 0;
}

uint64_t
sphx_parts_count(int parts, const SphxPart *part)
{
	uint64_t	sum = 0;

	for (int i = 0; i < parts; i++)
	{
		uint64_t	count = sphx_part_count(&part[i]);

		if (count == UINT64_MAX)
			return UINT64_MAX;
		sum += count;
	}
	return sum;
}

uint64_t
sphx_spherical_size(const SphxSphericalSpec *spec)
{
	SphxPart	part[SPHX_MAX_PARTS];

	return sphx_parts_count(sphx_family_parts(spec, part), part);
}

double
sphx_spherical_level_size(const SphxSphericalSpec *spec)
{
	return family_id(spec->family) < ANTIPODAL ? (double) sphx_spherical_size(spec) :
		(double) spec->param[0];
}

/* cosine of the angle between neighbours; NAN when random */
static double
largest_cosine(const SphxSphericalSpec *spec)
{
	double		k = spec->dim;
	double		m = (double) spec->param[0];

	switch (family_id(spec->family))
	{
		case SIMPLEX:
			return -1.0 / k;
		case ORTHOPLEX:
			return k == 1 ? -1.0 : 0.0;
		case HYPERCUBE:
			return 1.0 - 2.0 / k;
		case MMAX:
			return m < k ? 1.0 - 1.0 / m : 1.0 - 2.0 / k;
		case DEMICUBE:
		case POLYTOPE_1_21:
		case POLYTOPE_1_31:
			return 1.0 - 4.0 / k;
		case ROOTS_A:
			return k == 1 ? -1.0 : 0.5;
		case ROOTS_D:
			return k == 2 ? 0.0 : 0.5;
		case REGULAR_POLYGON:
			return cos(4.0 * acos(0.0) / m);

		case ICOSAHEDRON:
			return 1.0 / SQRT5;
		case DODECAHEDRON:
			return SQRT5 / 3.0;
		case CELL_600:
			return GOLDEN / 2.0;
		case CELL_120:
			return (1.0 + 3.0 * SQRT5) / 8.0;
		case POLYTOPE_2_21:
			return 0.25;
		case POLYTOPE_3_21:
			return 1.0 / 3.0;
		case CUBOCTAHEDRON:
		case CELL_24:
		case ROOTS_E6:
		case ROOTS_E7:
		case ROOTS_E8:
		case LEECH:
			return 0.5;
		case ANTIPODAL:
		case CROSS_POLYTOPES:
		case GAUSSIAN:
			break;
	}
	return NAN;
}

double
sphx_spherical_min_angle(const SphxSphericalSpec *spec)
{
	return acos(largest_cosine(spec));
}

double
sphx_spherical_memory(const SphxSphericalSpec *spec)
{
	double		width;
	double		points;

	if (family_id(spec->family) < ANTIPODAL)
		return 64.0 * (spec->dim + 1) + 65536.0;
	width = (double) spec->dim / (double) spec->param[1];
	points = (double) spec->param[0] * spec->dim;
	if (family_id(spec->family) == CROSS_POLYTOPES)
		points += 2.0 * (double) spec->param[0] * width + 2.0 * width * width + 1024.0 * width;
	return 8.0 * points;
}

void
sphx_family_draw(SphxEnv *env, const SphxSphericalSpec *spec, double *points)
{
	SphxProductParams p;

	p.dim = spec->dim;
	p.m = (int) spec->param[0];
	p.levels = (int) spec->param[1];
	p.rounds = (int) spec->param[2];
	p.seed = (uint64_t) spec->param[spec->family->allowed - 1];
	if (family_id(spec->family) == ANTIPODAL)
		sphx_product_antipodal(env, &p, points);
	else if (family_id(spec->family) == CROSS_POLYTOPES)
		sphx_product_polytopes(env, &p, points);
	else
		sphx_product_gaussian(env, &p, points);
}
