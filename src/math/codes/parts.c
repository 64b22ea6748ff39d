/*-------------------------------------------------------------------------
 *
 * parts.c
 *	  The building blocks of spherical codes: codewords and fast decoders
 *	  (those made of words of the Golay code are in golay.c).
 *
 * Every decoder takes the largest of sums that symmetry leaves over: signs
 * are those of the vector, and of the arrangements only sorted ones can win.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/portable.h"
#include "math/codes/golay.h"
#include "math/codes/parts.h"

#define PI			3.14159265358979323846
#define TOO_MANY	(UINT64_C(1) << 62)

/* a coordinate with its place, for sorting */
typedef struct Ranked
{
	double		size;			/* |x| */
	int			place;
} Ranked;

struct SphxPartWork
{
	Ranked	   *ranked;			/* [dim] */
	int		   *places;			/* [dim] */
	double	   *lifted;			/* [dim + 1] */
	double	   *helmert;		/* [dim + 1], see lift() */
	SphxGolay  *golay;			/* or NULL */
};

SphxPartWork *
sphx_part_work_create(SphxEnv *env, int dim, bool golay)
{
	SphxPartWork *work = env->alloc(env, sizeof(SphxPartWork));
	size_t		n = (size_t) dim + 1;

	work->ranked = env->alloc(env, n * sizeof(Ranked));
	work->places = env->alloc(env, n * sizeof(int));
	work->lifted = env->alloc(env, n * sizeof(double));
	work->helmert = env->alloc(env, n * sizeof(double));
	work->helmert[0] = 0.0;
	for (int j = 1; j <= dim; j++)
		work->helmert[j] = 1.0 / sqrt((double) j * (j + 1.0));
	work->golay = NULL;
	if (golay)
	{
		work->golay = env->alloc(env, sizeof(SphxGolay));
		sphx_golay_init(work->golay);
	}
	return work;
}

void
sphx_part_work_release(SphxEnv *env, SphxPartWork *work)
{
	if (work->golay != NULL)
		env->release(env, work->golay);
	env->release(env, work->helmert);
	env->release(env, work->lifted);
	env->release(env, work->places);
	env->release(env, work->ranked);
	env->release(env, work);
}


/* Counting */

static uint64_t
common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0)
	{
		uint64_t	r = a % b;

		a = b;
		b = r;
	}
	return a;
}

static uint64_t
product(uint64_t a, uint64_t b)
{
	return a != 0 && b > TOO_MANY / a ? UINT64_MAX : a * b;
}

/*
 * a * b / c, which is a whole number, without an intermediate result larger
 * than the final one.
 */
static uint64_t
scaled(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t	g = common_divisor(a, c);

	return product(a / g, b / (c / g));
}

static uint64_t
binomial(int n, int k)
{
	uint64_t	result = 1;

	if (k > n)
		return 0;
	if (k > n - k)
		k = n - k;
	for (int i = 1; i <= k && result != UINT64_MAX; i++)
		result = scaled(result, (uint64_t) (n - k + i), (uint64_t) i);
	return result;
}

static uint64_t
power(uint64_t base, int exponent)
{
	uint64_t	result = 1;

	if (base == 1)
		return 1;
	for (int i = 0; i < exponent && result != UINT64_MAX; i++)
		result = product(result, base);
	return result;
}

/* nonzero coordinates of an arrangement */
static int
arranged_signs(const SphxPart *part)
{
	int			n = 0;

	for (int i = 0; i < part->dim; i++)
		n += part->arranged[i] > 0.0;
	return n;
}

uint64_t
sphx_part_count(const SphxPart *part)
{
	uint64_t	dim = (uint64_t) part->dim;

	switch (part->kind)
	{
		case SPHX_PART_MAX:
			return product(power(2, part->m), binomial(part->span, part->m));
		case SPHX_PART_HALF:
			return power(2, part->span - 1);
		case SPHX_PART_ARRANGED:
			return product((uint64_t) part->arrangements, power(2, arranged_signs(part)));
		case SPHX_PART_SIMPLEX:
			return dim + 1;
		case SPHX_PART_ROOTS_A:
			return dim * (dim + 1);
		case SPHX_PART_POLYGON:
			return (uint64_t) part->m;
		case SPHX_PART_OCTADS:
			return SPHX_GOLAY_OCTADS * 128;
		case SPHX_PART_GOLAY:
			return SPHX_GOLAY_WORDS * 24;
		case SPHX_PART_PRODUCT:
			return power((uint64_t) part->m, part->levels);
	}
	assert(false);
	return 0;
}


/*
 * MAX.  A codeword is numbered by its set of places p_1 < ... < p_m (the
 * combinatorial number system: the sum of binomial(p_i, i)), times 2^m, plus
 * the signs: bit i - 1 is set when place p_i is negative.
 */

static uint64_t
rank_places(const int *places, int m)
{
	uint64_t	rank = 0;

	for (int i = 0; i < m; i++)
		rank += binomial(places[i], i + 1);
	return rank;
}

static void
unrank_places(uint64_t rank, int span, int m, int *places)
{
	int			p = span - 1;
	uint64_t	below = binomial(p, m); /* binomial(p, i) */

	for (int i = m; i > 0; i--)
	{
		while (below > rank)
		{
			below = scaled(below, (uint64_t) (p - i), (uint64_t) p);
			p--;
		}
		assert(p >= i - 1);
		places[i - 1] = p;
		rank -= below;
		/* go on with binomial(p - 1, i - 1), of which below is p / i */
		below = p == 0 ? 1 : p < i ? binomial(p - 1, i - 1) :
			scaled(below, (uint64_t) i, (uint64_t) p);
		p--;
	}
	assert(rank == 0);
}

static void
max_word(const SphxPart *part, uint64_t index, SphxPartWork *work, double *word)
{
	uint64_t	signs = index & ((UINT64_C(1) << part->m) - 1);

	unrank_places(index >> part->m, part->span, part->m, work->places);
	memset(word, 0, (size_t) part->dim * sizeof(double));
	for (int i = 0; i < part->m; i++)
		word[work->places[i]] = signs >> i & 1 ? -part->scale : part->scale;
	if (part->span < part->dim)
		word[part->span] = part->tail;
}

static int
compare_ranked(const void *a, const void *b)
{
	const Ranked *x = a;
	const Ranked *y = b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x->place - y->place;
}

static int
compare_places(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

static void
set_ranked(Ranked *ranked, double size, int place)
{
	ranked->size = size;
	ranked->place = place;
}

/* places of the m largest |x|, ascending; the usual small m without a sort */
static void
largest_places(const double *x, int span, int m, SphxPartWork *work)
{
	Ranked	   *ranked = work->ranked;
	int			n = 0;

	for (int i = 0; i < span; i++)
	{
		double		size = fabs(x[i]);
		int			j;

		if (m > 16)
		{
			set_ranked(&ranked[i], size, i);
			continue;
		}
		if (n == m && !(size > ranked[n - 1].size))
			continue;
		for (j = n < m ? n++ : n - 1; j > 0 && size > ranked[j - 1].size; j--)
			ranked[j] = ranked[j - 1];
		set_ranked(&ranked[j], size, i);
	}
	if (m > 16)
		qsort(ranked, (size_t) span, sizeof(Ranked), compare_ranked);
	for (int i = 0; i < m; i++)
		work->places[i] = ranked[i].place;
	if (m > 1)
		qsort(work->places, (size_t) m, sizeof(int), compare_places);
}

static double
max_best(const SphxPart *part, const double *x, SphxPartWork *work, uint64_t *index)
{
	uint64_t	signs = 0;
	double		sum = 0.0;

	if (part->m == part->span)
	{
		for (int i = 0; i < part->m; i++)
			work->places[i] = i;
	}
	else if (part->m > 0)
		largest_places(x, part->span, part->m, work);

	for (int i = 0; i < part->m; i++)
	{
		double		v = x[work->places[i]];

		sum += fabs(v);
		if (v < 0.0)
			signs |= UINT64_C(1) << i;
	}
	*index = rank_places(work->places, part->m) << part->m | signs;
	sum *= part->scale;
	return part->span < part->dim ? sum + part->tail * x[part->span] : sum;
}


/*
 * HALF.  The number is the signs of all coordinates but the last that varies,
 * whose sign follows from the parity.
 */

static void
half_word(const SphxPart *part, uint64_t index, double *word)
{
	bool		negative = part->odd;

	for (int i = 0; i < part->span - 1; i++)
	{
		bool		minus = index >> i & 1;

		word[i] = minus ? -part->scale : part->scale;
		negative ^= minus;
	}
	word[part->span - 1] = negative ? -part->scale : part->scale;
	if (part->span < part->dim)
		word[part->span] = part->tail;
}

/* where the parity is wrong, the sign of the smallest coordinate gives way */
static double
half_best(const SphxPart *part, const double *x, uint64_t *index)
{
	uint64_t	signs = 0;
	double		sum = 0.0;
	double		least = HUGE_VAL;
	int			least_place = 0;
	bool		odd = false;

	for (int i = 0; i < part->span; i++)
	{
		double		size = fabs(x[i]);

		sum += size;
		if (size < least)
		{
			least = size;
			least_place = i;
		}
		if (x[i] < 0.0)
		{
			signs |= UINT64_C(1) << i;
			odd = !odd;
		}
	}
	if (odd != part->odd)
	{
		signs ^= UINT64_C(1) << least_place;
		sum -= 2.0 * least;
	}
	*index = signs & ((UINT64_C(1) << (part->span - 1)) - 1);
	sum *= part->scale;
	return part->span < part->dim ? sum + part->tail * x[part->span] : sum;
}


/* ARRANGED: number of the arrangement times 2^signs, plus the signs */

static void
arranged_word(const SphxPart *part, uint64_t index, double *word)
{
	int			signs = arranged_signs(part);
	const double *a = part->arranged + (index >> signs) * (uint64_t) part->dim;
	int			bit = 0;

	for (int i = 0; i < part->dim; i++)
	{
		word[i] = a[i];
		if (a[i] > 0.0 && (index >> bit++ & 1))
			word[i] = -a[i];
	}
}

static double
arranged_best(const SphxPart *part, const double *x, uint64_t *index)
{
	const double *best = part->arranged;
	double		best_sum = -HUGE_VAL;
	uint64_t	signs = 0;
	int			bit = 0;

	for (int k = 0; k < part->arrangements; k++)
	{
		const double *a = part->arranged + k * part->dim;
		double		sum = 0.0;

		for (int i = 0; i < part->dim; i++)
			sum += a[i] * fabs(x[i]);
		if (sum > best_sum)
		{
			best_sum = sum;
			best = a;
		}
	}
	for (int i = 0; i < part->dim; i++)
	{
		if (best[i] > 0.0)
		{
			if (x[i] < 0.0)
				signs |= UINT64_C(1) << bit;
			bit++;
		}
	}
	*index = (uint64_t) ((best - part->arranged) / part->dim) << bit | signs;
	return best_sum;
}


/*
 * SIMPLEX and ROOTS_A.  The unit vectors e_0 .. e_dim, seen from their
 * centre, have in Helmert's orthonormal basis the coordinates (j = 1 .. dim,
 * h_j = 1 / sqrt(j (j + 1)))
 *
 *		h_j for i < j,  -j h_j for i = j,  0 for i > j.
 */

static double
vertex(const SphxPartWork *work, int i, int j)
{
	return i < j ? work->helmert[j] : i == j ? -(double) j * work->helmert[j] : 0.0;
}

/* inner products of x with all vertices, in linear time */
static void
lift(const SphxPart *part, const double *x, SphxPartWork *work)
{
	double		above = 0.0;

	for (int i = part->dim; i >= 0; i--)
	{
		double		own = i > 0 ? work->helmert[i] * x[i - 1] : 0.0;

		work->lifted[i] = above - (double) i * own;
		above += own;
	}
}

static int
extreme(const double *y, int n, bool largest)
{
	int			best = 0;

	for (int i = 1; i < n; i++)
	{
		if (largest ? y[i] > y[best] : y[i] < y[best])
			best = i;
	}
	return best;
}

static double
simplex_best(const SphxPart *part, const double *x, SphxPartWork *work, uint64_t *index)
{
	int			i;

	lift(part, x, work);
	i = extreme(work->lifted, part->dim + 1, true);
	*index = (uint64_t) i;
	return work->lifted[i];
}

static double
roots_best(const SphxPart *part, const double *x, SphxPartWork *work, uint64_t *index)
{
	int			plus;
	int			minus;

	lift(part, x, work);
	plus = extreme(work->lifted, part->dim + 1, true);
	minus = extreme(work->lifted, part->dim + 1, false);
	if (minus == plus)			/* x = 0: any codeword will do */
		minus = plus == 0 ? 1 : 0;
	*index = (uint64_t) plus * (uint64_t) part->dim +
		(uint64_t) (minus > plus ? minus - 1 : minus);
	return work->lifted[plus] - work->lifted[minus];
}

static void
roots_word(const SphxPart *part, uint64_t index, SphxPartWork *work, double *word)
{
	int			plus = (int) (index / (uint64_t) part->dim);
	int			minus = (int) (index % (uint64_t) part->dim);

	if (minus >= plus)
		minus++;
	for (int j = 1; j <= part->dim; j++)
		word[j - 1] = vertex(work, plus, j) - vertex(work, minus, j);
}


/* POLYGON: vertex i at the angle 2 pi i / m */

static void
polygon_word(const SphxPart *part, uint64_t index, double *word)
{
	double		angle = 2.0 * PI * (double) index / part->m;

	word[0] = sphx_portable_cos(angle);
	word[1] = sphx_portable_sin(angle);
}

static double
polygon_best(const SphxPart *part, const double *x, uint64_t *index)
{
	double		word[2];
	long		i = lrint(atan2(x[1], x[0]) * part->m / (2.0 * PI)) % part->m;

	*index = (uint64_t) (i < 0 ? i + part->m : i);
	polygon_word(part, *index, word);
	return word[0] * x[0] + word[1] * x[1];
}


/* PRODUCT: the numbers within the levels are digits in base m, level 0 lowest */

static void
product_word(const SphxPart *part, uint64_t index, double *word)
{
	size_t		width = (size_t) (part->dim / part->levels);
	const double *level = part->points;

	for (int l = 0; l < part->levels; l++)
	{
		memcpy(word + (size_t) l * width,
			   level + index % (uint64_t) part->m * width, width * sizeof(double));
		index /= (uint64_t) part->m;
		level += (size_t) part->m * width;
	}
}

static double
product_best(const SphxPart *part, const double *x, uint64_t *index)
{
	int			width = part->dim / part->levels;
	const double *point = part->points;
	uint64_t	unit = 1;
	double		total = 0.0;

	*index = 0;
	for (int l = 0; l < part->levels; l++, x += width)
	{
		double		best = -HUGE_VAL;
		int			best_point = 0;

		for (int i = 0; i < part->m; i++, point += width)
		{
			double		sum = 0.0;

			for (int j = 0; j < width; j++)
				sum += point[j] * x[j];
			if (sum > best)
			{
				best = sum;
				best_point = i;
			}
		}
		total += best;
		*index += unit * (uint64_t) best_point; /* wraps when there are too
												 * many codewords */
		unit *= (uint64_t) part->m;
	}
	return total;
}


void
sphx_part_word(const SphxPart *part, uint64_t index, SphxPartWork *work, double *word)
{
	assert(index < sphx_part_count(part));
	switch (part->kind)
	{
		case SPHX_PART_MAX:
			max_word(part, index, work, word);
			break;
		case SPHX_PART_HALF:
			half_word(part, index, word);
			break;
		case SPHX_PART_ARRANGED:
			arranged_word(part, index, word);
			break;
		case SPHX_PART_SIMPLEX:
			for (int j = 1; j <= part->dim; j++)
				word[j - 1] = vertex(work, (int) index, j);
			break;
		case SPHX_PART_ROOTS_A:
			roots_word(part, index, work, word);
			break;
		case SPHX_PART_POLYGON:
			polygon_word(part, index, word);
			break;
		case SPHX_PART_OCTADS:
			sphx_octads_word(work->golay, index, word);
			break;
		case SPHX_PART_GOLAY:
			sphx_golay_word(work->golay, index, word);
			break;
		case SPHX_PART_PRODUCT:
			product_word(part, index, word);
			break;
	}
}

double
sphx_part_best(const SphxPart *part, const double *x, SphxPartWork *work, uint64_t *index)
{
	switch (part->kind)
	{
		case SPHX_PART_MAX:
			return max_best(part, x, work, index);
		case SPHX_PART_HALF:
			return half_best(part, x, index);
		case SPHX_PART_ARRANGED:
			return arranged_best(part, x, index);
		case SPHX_PART_SIMPLEX:
			return simplex_best(part, x, work, index);
		case SPHX_PART_ROOTS_A:
			return roots_best(part, x, work, index);
		case SPHX_PART_POLYGON:
			return polygon_best(part, x, index);
		case SPHX_PART_OCTADS:
			return sphx_octads_best(work->golay, x, index);
		case SPHX_PART_GOLAY:
			return sphx_golay_best(work->golay, x, index);
		case SPHX_PART_PRODUCT:
			return product_best(part, x, index);
	}
	assert(false);
	return 0.0;
}
