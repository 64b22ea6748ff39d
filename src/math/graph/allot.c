/*-------------------------------------------------------------------------
 *
 * allot.c
 *	  Bits for dimensions.
 *
 *-------------------------------------------------------------------------
 */
#include "math/graph/allot.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define UNIT				8

/* the part of x that is spread as edges are, in the noise of an estimate */
#define LIKE_EDGES			0.75

/*
 * From one book to the next the gain a nibble falls, so taking the best step that
 * there is ends at the best allotment.  Half a bit a dimension is not among them:
 * a bit for half of the dimensions leaves less.
 */
static const SphxCodebook books[] = {SPHX_CODE_SIGNS, SPHX_CODE_LLOYD, SPHX_CODE_LEVELS};

#define BOOKS				3

/* One unit's step from a book to the next. */
typedef struct Step
{
	double		gain;			/* what it takes from `square` */
	double		captured;		/* of the edge's square: what codewords tell
								 * more of */
	int			nibbles;
	int			unit;
	int			level;			/* number of the book that it leads to */
} Step;

/* Steps of all units, the best first. */
typedef struct Allotment
{
	int			units;
	int			count;			/* of steps */
	double		square;			/* sum of s t, without any code */
	Step	   *steps;
	uint8_t    *level;			/* books that units have, 0 = none */
} Allotment;

static int
unit_dims(int D, int unit)
{
	int			dims = D - unit * UNIT;

	return dims < UNIT ? dims : UNIT;
}

/* sums of s t and of s over the unit's dimensions */
static double
unit_weight(int D, const float *variances, int unit, double *energy)
{
	double		sum = 0.0;

	*energy = 0.0;
	for (int i = unit * UNIT; i < unit * UNIT + unit_dims(D, unit); i++)
	{
		double		s = (double) variances[i];

		sum += s * (LIKE_EDGES * s + (1.0 - LIKE_EDGES) / D);
		*energy += s;
	}
	return sum;
}

/* by falling gain a nibble; units with equal ones in their order */
static int
compare_steps(const void *a, const void *b)
{
	const Step *x = a;
	const Step *y = b;
	double		left = x->gain * y->nibbles;
	double		right = y->gain * x->nibbles;

	/* differences in the last digits would put a short unit before others */
	if (fabs(left - right) > 1e-9 * (left + right))
		return left > right ? -1 : 1;
	return x->unit != y->unit ? x->unit - y->unit : x->level - y->level;
}

static Allotment
make_steps(SphxEnv *env, int D, const float *variances)
{
	Allotment	allotment = {.units = (D + UNIT - 1) / UNIT};

	allotment.steps = env->alloc(env, sizeof(Step) * BOOKS * (size_t) allotment.units);
	allotment.level = env->alloc(env, (size_t) allotment.units);
	memset(allotment.level, 0, (size_t) allotment.units);
	for (int u = 0; u < allotment.units; u++)
	{
		double		energy;
		double		weight = unit_weight(D, variances, u, &energy);
		double		before = 1.0;
		int			nibbles = 0;

		allotment.square += weight;
		for (int level = 1; level <= BOOKS; level++)
		{
			SphxCodebook book = books[level - 1];
			double		after = sphx_code_distortion(book);
			int			needs = unit_dims(D, u) / sphx_code_piece_dim(book);

			allotment.steps[allotment.count++] = (Step)
			{
				.gain = weight * (before - after),
					.captured = energy * (before - after),
					.nibbles = needs - nibbles,
					.unit = u,
					.level = level
			};
			before = after;
			nibbles = needs;
		}
	}
	qsort(allotment.steps, (size_t) allotment.count, sizeof(Step), compare_steps);
	return allotment;
}

static void
release_steps(SphxEnv *env, Allotment *allotment)
{
	env->release(env, allotment->steps);
	env->release(env, allotment->level);
}

int
sphx_least_nibbles(int D)
{
	return D < UNIT ? D / 4 : UNIT / 4;
}

/*
 * The noise of estimates whose codes capture c of an edge's square and leave
 * `left` of the sum of s t, which is `all`.
 */
static float
noise_of(double all, double left, double c)
{
	double		square = all - (all - left) * (2.0 / c - 1.0 / (c * c));

	return c > 1e-6 ? (float) sqrt(fmax(square, 0.0)) : INFINITY;
}

void
sphx_noise_curve(SphxEnv *env, int D, const float *variances, int most, float *noise)
{
	Allotment	allotment = make_steps(env, D, variances);
	double		left = allotment.square;
	double		captured = 0.0;
	int			used = 0;

	for (int i = 0; i < allotment.count && used <= most; i++)
	{
		int			next = used + allotment.steps[i].nibbles;

		for (int p = used; p < next && p <= most; p++)
			noise[p] = noise_of(allotment.square, left, captured);
		left = fmax(left - allotment.steps[i].gain, 0.0);
		captured += allotment.steps[i].captured;
		used = next;
	}
	for (int p = used; p <= most; p++)
		noise[p] = noise_of(allotment.square, left, captured);
	release_steps(env, &allotment);
}

float
sphx_even_noise(const SphxCode *code)
{
	double		captured = 0.0;

	for (int i = 0; i < code->count; i++)
		captured += (1.0 - sphx_code_distortion((SphxCodebook) code->bands[i].book)) *
			code->bands[i].dims / code->D;
	return noise_of(1.0 / code->D, (1.0 - captured) / code->D, captured);
}

static int
compare_levels(const void *a, const void *b)
{
	return (int) *(const uint8_t *) b - (int) *(const uint8_t *) a;
}

/*
 * Bands follow each other: finer books come first, and nothing comes last.  (The
 * variances may be in another order, where they are hardly different.)  A last
 * unit that is short has no more than the one before it.
 */
static void
sort_levels(Allotment *allotment)
{
	int			whole = allotment->units > 1 ? allotment->units - 1 : 1;

	qsort(allotment->level, (size_t) whole, 1, compare_levels);
	if (whole < allotment->units && allotment->level[whole] > allotment->level[whole - 1])
		allotment->level[whole] = allotment->level[whole - 1];
}

/* Give units their books, the best steps first, as far as the nibbles last. */
static void
take_steps(Allotment *allotment, int nibbles)
{
	for (int i = 0; i < allotment->count; i++)
	{
		const Step *step = &allotment->steps[i];

		if (step->nibbles > nibbles || allotment->level[step->unit] != step->level - 1)
			continue;
		allotment->level[step->unit] = (uint8_t) step->level;
		nibbles -= step->nibbles;
	}
	sort_levels(allotment);
}

/*
 * Bands of units with the same book whose mean variances differ by no more than
 * `ratio`; returns their number, which may be more than there is room for.
 */
static int
make_bands(const Allotment *allotment, int D, const float *variances, double ratio,
		   SphxBand *bands)
{
	int			count = 0;
	double		first = 0.0;
	double		sum = 0.0;

	for (int u = 0; u < allotment->units && allotment->level[u] > 0; u++)
	{
		double		mean = 0.0;
		int			dims = unit_dims(D, u);
		SphxCodebook book = books[allotment->level[u] - 1];
		bool		same;

		for (int i = 0; i < dims; i++)
			mean += (double) variances[u * UNIT + i] / dims;
		same = count > 0 && count <= SPHX_MAX_BANDS && bands[count - 1].book == book &&
			mean * ratio >= first && mean <= first * ratio;
		if (!same)
		{
			if (++count > SPHX_MAX_BANDS)
				return count;
			bands[count - 1] = (SphxBand)
			{
				.book = (uint8_t) book
			};
			first = mean;
			sum = 0.0;
		}
		sum += mean * dims;
		bands[count - 1].dims = (uint16_t) (bands[count - 1].dims + dims);
		bands[count - 1].weight = (float) sqrt(fmax(sum / bands[count - 1].dims * D, 1e-12));
	}
	return count;
}

void
sphx_allot_bands(SphxEnv *env, int D, const float *variances, int nibbles, SphxCode *code)
{
	Allotment	allotment = make_steps(env, D, variances);
	double		ratio = 1.2;

	assert(nibbles >= sphx_least_nibbles(D));
	take_steps(&allotment, nibbles);
	for (;;)
	{
		memset(code, 0, sizeof(*code));
		code->D = D;
		code->count = make_bands(&allotment, D, variances, ratio, code->bands);
		if (code->count <= SPHX_MAX_BANDS)
			break;
		ratio *= 1.2;
	}
	release_steps(env, &allotment);
}

/*
 * For each width the best step of a normal coordinate, by its deviation, and what
 * that leaves of the variance.
 */
typedef struct Width
{
	double		step;
	double		left;
} Width;

static const Width widths[SPHX_WIDTHS] = {
	{1.5e-4, 2e-9}, {0.0309, 8.8e-5}, {0.1054, 1.07e-3}, {0.3532, 0.0129}, {0.9962, 0.1189}
};

/* Dimensions whose coordinates have about the same second moment. */
typedef struct Stretch
{
	int			dims;
	double		sum;			/* of the moments */
	int			width;
} Stretch;

/*
 * Stretches of units whose mean moments differ by no more than `ratio`; returns
 * their number, which may be more than there is room for.
 */
static int
make_stretches(int D, const float *moments, double ratio, Stretch *stretches)
{
	int			count = 0;
	double		least = 0.0;
	double		most = 0.0;

	for (int u = 0; u * UNIT < D; u++)
	{
		int			dims = unit_dims(D, u);
		double		sum = 0.0;
		double		mean;

		for (int i = 0; i < dims; i++)
			sum += (double) moments[u * UNIT + i];
		mean = sum / dims;
		if (count == 0 || mean > least * ratio || mean * ratio < most)
		{
			if (++count > SPHX_STORED_BANDS)
				return count;
			stretches[count - 1] = (Stretch)
			{
				.width = SPHX_WIDTHS - 1
			};
			least = most = mean;
		}
		least = fmin(least, mean);
		most = fmax(most, mean);
		stretches[count - 1].dims += dims;
		stretches[count - 1].sum += sum;
	}
	return count;
}

/* What all widths together leave of the vectors' squares. */
static double
left_of(const Stretch *stretches, int count)
{
	double		left = 0.0;

	for (int i = 0; i < count; i++)
		left += stretches[i].sum * widths[stretches[i].width].left;
	return left;
}

/* Widen the stretch where a bit gains most; false when all are as wide as can be. */
static bool
widen_best(Stretch *stretches, int count)
{
	int			best = -1;
	double		most = -1.0;

	for (int i = 0; i < count; i++)
	{
		int			width = stretches[i].width;
		double		gain;

		if (width == 0)
			continue;
		gain = stretches[i].sum / stretches[i].dims * (widths[width].left - widths[width - 1].left) /
			(sphx_width_bits[width - 1] - sphx_width_bits[width]);
		if (gain > most)
		{
			most = gain;
			best = i;
		}
	}
	if (best < 0)
		return false;
	stretches[best].width--;
	/* no width is wider than the one before it */
	while (best-- > 0 && stretches[best].width > stretches[best + 1].width)
		stretches[best].width = stretches[best + 1].width;
	return true;
}

/* Their bands, each with its best step, the largest of which has the weight 1. */
static int
store_stretches(const Stretch *stretches, int count, SphxLayout *layout)
{
	double		steps[SPHX_STORED_BANDS];
	double		largest = 0.0;
	int			bytes = 0;

	for (int i = 0; i < count; i++)
	{
		steps[i] = widths[stretches[i].width].step * sqrt(stretches[i].sum / stretches[i].dims);
		largest = fmax(largest, steps[i]);
	}
	for (int i = 0; i < count; i++)
	{
		double		weight = largest > 0.0 ? steps[i] / largest : 1.0;

		layout->stored[i] = (SphxStoredBand)
		{
			.dims = (uint16_t) stretches[i].dims,.storage = (uint8_t) stretches[i].width,
				.weight = (float) fmax(weight, 2.0 * (double) SPHX_LEAST_WEIGHT)
		};
		bytes += stretches[i].dims * sphx_width_bits[stretches[i].width] / 8;
	}
	layout->stored_count = count;
	return bytes;
}

int
sphx_allot_widths(int D, const float *moments, double *error, SphxLayout *layout)
{
	Stretch		stretches[SPHX_STORED_BANDS];
	double		sum = 0.0;
	double		ratio = 1.5;
	int			count;

	memset(layout->stored, 0, sizeof(layout->stored));
	while ((count = make_stretches(D, moments, ratio, stretches)) > SPHX_STORED_BANDS)
		ratio *= 1.2;
	for (int i = 0; i < count; i++)
		sum += stretches[i].sum;
	while (left_of(stretches, count) > *error * *error * sum && widen_best(stretches, count))
		continue;
	*error = sum > 0.0 ? sqrt(left_of(stretches, count) / sum) : 0.0;
	return store_stretches(stretches, count, layout);
}
