/*-------------------------------------------------------------------------
 *
 * reflect.c
 *	  A learned orthogonal transform: a product of Householder reflectors.
 *
 * Q = H_r .. H_1 with H_i = I - v_i v_i^T and |v_i|^2 = 2.  H_i takes what the
 * reflectors before it have made of the i-th of the given vectors to the unit
 * vector e_i.  It leaves the coordinates before i alone: v_i is zero there, and
 * all its predecessors have done stays.
 *
 * Applied one after the other, reflector i meets x less what those before it took
 * away: with V the matrix of all v_i, the factors t of Q x = x - V^T t solve the
 * triangular system t_i = <v_i, x> - sum over k < i of <v_i, v_k> t_k.  So V is
 * read in two sweeps, products and sums, each of them in the order of memory;
 * this is the compact WY form (Schreiber and Van Loan), its triangle solved
 * instead of inverted.  Q^T is the same with the sum over k > i.
 *
 * A reflector is stored as the direction of its v_i, int16 a dimension.  Whatever
 * the direction, it is a reflector: rounding, and damage, cost accuracy of the
 * direction but not orthogonality.  The norm follows from the integers and is not
 * stored.  All zero stands for the identity.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/base/reflect.h"
#include "math/kernels/kernels.h"

/* rows of axpy4_f32; so many rows of V are read, the last ones zero */
#define GROUP		4

/* coordinates that rows of V begin at multiples of */
#define ALIGNMENT	8

#define LARGEST		32767.0f

struct SphxReflectors
{
	int			D;
	int			count;
	size_t		stride;			/* of vectors: D, rounded up */
	float	   *vectors;		/* count rows, rounded up to a whole group */
	float	   *products;		/* count x count: <v_i, v_k>; the diagonal is
								 * not read */
	float	   *units;			/* count: of the int16 that vectors_i consists
								 * of */
	double	   *factors;		/* count: 2 / |v_i|^2 of v_i as rounded here,
								 * 0 for the identity */
	float		memory[];
};

static size_t
round_up(int n, int unit)
{
	return (size_t) ((n + unit - 1) / unit * unit);
}

static SphxReflectors *
allocate(SphxEnv *env, int D, int count)
{
	size_t		stride = round_up(D, ALIGNMENT);
	size_t		vectors = stride * round_up(count, GROUP);
	size_t		products = (size_t) count * (size_t) count;
	size_t		doubles = sizeof(SphxReflectors) + sizeof(float) * (vectors + products + (size_t) count);
	size_t		size;
	SphxReflectors *r;

	doubles = (doubles + sizeof(double) - 1) / sizeof(double) * sizeof(double);
	size = doubles + sizeof(double) * (size_t) count;
	r = env->alloc(env, size);

	assert(D >= 1 && count >= 0 && count <= D);
	memset(r, 0, size);
	r->D = D;
	r->count = count;
	r->stride = stride;
	r->vectors = r->memory;
	r->products = r->vectors + vectors;
	r->units = r->products + products;
	r->factors = (double *) ((char *) r + doubles);
	return r;
}

static const float *
vector(const SphxReflectors *r, int i)
{
	return r->vectors + (size_t) i * r->stride;
}

/* where the rows from i on have zeros before, in whole vector registers */
static size_t
first_entry(int i)
{
	return (size_t) (i / ALIGNMENT * ALIGNMENT);
}

/* y = V x of the first `count` reflectors, for n rows x and as many y, of `count` */
static void
multiply(const SphxReflectors *r, int count, int n, const float *x, size_t stride, float *y)
{
	for (int i = 0; i < count; i++)
	{
		size_t		first = first_entry(i);

		for (int row = 0; row < n; row++)
			y[row * count + i] = sphx_kernels->dot_f32(vector(r, i) + first,
													   x + (size_t) row * stride + first,
													   (size_t) r->D - first);
	}
}

/* x -= V^T t, likewise */
static void
subtract(const SphxReflectors *r, int count, int n, const float *t, float *x, size_t stride)
{
	for (int i = 0; i < count; i += GROUP)
	{
		size_t		first = first_entry(i);

		for (int row = 0; row < n; row++)
		{
			float		a[GROUP] = {0.0f};

			for (int k = 0; k < GROUP && i + k < count; k++)
				a[k] = -t[row * count + i + k];
			sphx_kernels->axpy4_f32(x + (size_t) row * stride + first, vector(r, i) + first,
									r->stride, a, (size_t) r->D - first);
		}
	}
}

/* t from y = V x, in place */
static void
solve(const SphxReflectors *r, int count, float *y)
{
	for (int i = 1; i < count; i++)
		y[i] -= sphx_kernels->dot_f32(r->products + (size_t) i * (size_t) r->count, y, (size_t) i);
}

static void
solve_back(const SphxReflectors *r, float *y)
{
	for (int i = r->count - 2; i >= 0; i--)
	{
		size_t		next = (size_t) i + 1;
		size_t		rest = (size_t) r->count - next;

		y[i] -= sphx_kernels->dot_f32(r->products + (size_t) i * (size_t) r->count + next,
									  y + next, rest);
	}
}

/* the first `count` reflectors only */
static void
reflect_some(const SphxReflectors *r, int count, float *x, float *scratch)
{
	multiply(r, count, 1, x, 0, scratch);
	solve(r, count, scratch);
	subtract(r, count, 1, scratch, x, 0);
}

void
sphx_reflect(const SphxReflectors *r, float *x, float *scratch)
{
	reflect_some(r, r->count, x, scratch);
}

void
sphx_reflect_rows(const SphxReflectors *r, size_t n, float *x, size_t stride, float *scratch)
{
	for (size_t row = 0; row < n; row += SPHX_REFLECT_ROWS)
	{
		int			rows = n - row < SPHX_REFLECT_ROWS ? (int) (n - row) : SPHX_REFLECT_ROWS;

		multiply(r, r->count, rows, x + row * stride, stride, scratch);
		for (int i = 0; i < rows; i++)
			solve(r, r->count, scratch + i * r->count);
		subtract(r, r->count, rows, scratch, x + row * stride, stride);
	}
}

void
sphx_reflect_back(const SphxReflectors *r, float *x, float *scratch)
{
	multiply(r, r->count, 1, x, 0, scratch);
	solve_back(r, scratch);
	subtract(r, r->count, 1, scratch, x, 0);
}

/* <v, x> in double precision, as four sums of every fourth product */
static double
dot_f64(const float *v, const double *x, size_t n)
{
	double		sums[4] = {0.0};
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
		for (size_t k = 0; k < 4; k++)
			sums[k] += (double) v[i + k] * x[i + k];
	for (; i < n; i++)
		sums[0] += (double) v[i] * x[i];
	return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/* x = H_i x */
static void
reflect_once(const SphxReflectors *r, int i, double *x)
{
	const float *v = vector(r, i) + i;
	size_t		n = (size_t) (r->D - i);
	double		factor = r->factors[i] * dot_f64(v, x + i, n);

	for (size_t j = 0; j < n; j++)
		x[(size_t) i + j] -= factor * (double) v[j];
}

void
sphx_reflect_f64(const SphxReflectors *r, double *x)
{
	for (int i = 0; i < r->count; i++)
		reflect_once(r, i, x);
}

void
sphx_reflect_back_f64(const SphxReflectors *r, double *x)
{
	for (int i = r->count - 1; i >= 0; i--)
		reflect_once(r, i, x);
}

/* 2 / |v|^2 of the rounded v, which takes nothing for granted of the rounding */
static double
reflection_factor(const float *v, int D)
{
	double		square = 0.0;

	for (int j = 0; j < D; j++)
		square += (double) v[j] * (double) v[j];
	return square > 0.0 ? 2.0 / square : 0.0;
}

/* Make reflector i that of a stored direction, but for its products with others. */
static void
set_reflector(SphxReflectors *r, int i, const int16_t *direction)
{
	float	   *v = r->vectors + (size_t) i * r->stride;
	int64_t		square = 0;
	double		unit;

	/* what would change the coordinates of those before it is left out */
	for (int j = i; j < r->D; j++)
		square += (int64_t) direction[j] * direction[j];
	unit = square == 0 ? 0.0 : sqrt(2.0 / (double) square);
	r->units[i] = (float) unit;
	for (int j = i; j < r->D; j++)
		v[j] = (float) ((double) direction[j] * unit);
	r->factors[i] = reflection_factor(v, r->D);
}

/*
 * The products of reflectors from `start` to before `end` with each other and
 * those before them.  A row of V is held against all of these at once, so that
 * it is read from far memory once for some of them.
 */
static void
set_products(SphxReflectors *r, int start, int end)
{
	for (int k = 0; k < end; k++)
		for (int i = k < start ? start : k + 1; i < end; i++)
		{
			size_t		first = first_entry(i);
			float		product = sphx_kernels->dot_f32(vector(r, i) + first, vector(r, k) + first,
														(size_t) r->D - first);

			r->products[(size_t) i * (size_t) r->count + (size_t) k] = product;
			r->products[(size_t) k * (size_t) r->count + (size_t) i] = product;
		}
}

/*
 * The direction that takes w to e_i, all zero where w is there or is nothing.
 * The entries of w before i, which are 0 up to rounding, are ignored.
 */
static void
find_direction(int D, int i, const float *w, int16_t *direction)
{
	double		square = 0.0;
	double		largest = 0.0;
	double		norm;

	memset(direction, 0, sizeof(int16_t) * (size_t) D);
	for (int j = i; j < D; j++)
		square += (double) w[j] * (double) w[j];
	norm = sqrt(square);
	for (int j = i; j < D; j++)
		largest = fmax(largest, fabs((double) w[j] - (j == i ? norm : 0.0)));
	if (!(norm > 0.0 && norm <= 1e300) || largest < 1e-7 * norm)
		return;
	for (int j = i; j < D; j++)
		direction[j] = (int16_t) lrint(((double) w[j] - (j == i ? norm : 0.0)) *
									   ((double) LARGEST / largest));
}

SphxReflectors *
sphx_reflectors_create(SphxEnv *env, int D, int count, const float *vectors)
{
	SphxReflectors *r = allocate(env, D, count);
	size_t		room = sizeof(float) * 2 * (size_t) D + sizeof(int16_t) * (size_t) D;
	float	   *w = env->alloc(env, room);
	float	   *scratch = w + D;
	int16_t    *direction = (int16_t *) (scratch + D);

	for (int i = 0; i < count; i++)
	{
		memcpy(w, vectors + (size_t) i * (size_t) D, sizeof(float) * (size_t) D);
		reflect_some(r, i, w, scratch);
		find_direction(D, i, w, direction);
		set_reflector(r, i, direction);
		set_products(r, i, i + 1);
		env->tick(env, (uint64_t) i, (uint64_t) count);
	}
	env->release(env, w);
	return r;
}

size_t
sphx_reflectors_bytes(int D, int count)
{
	return sizeof(int16_t) * (size_t) D * (size_t) count;
}

void
sphx_reflectors_write(const SphxReflectors *r, void *bytes)
{
	char	   *out = bytes;

	for (int i = 0; i < r->count; i++)
		for (int j = 0; j < r->D; j++, out += sizeof(int16_t))
		{
			/* exactly an integer, before the rounding of single precision */
			float		steps = r->units[i] > 0.0f ? vector(r, i)[j] / r->units[i] : 0.0f;
			int16_t		entry = (int16_t) lrintf(steps);

			memcpy(out, &entry, sizeof(entry));
		}
}

SphxReflectors *
sphx_reflectors_read(SphxEnv *env, int D, int count, const void *bytes)
{
	SphxReflectors *r = allocate(env, D, count);
	size_t		row = sizeof(int16_t) * (size_t) D;
	int16_t    *direction = env->alloc(env, row);

	for (int i = 0; i < count; i++)
	{
		memcpy(direction, (const char *) bytes + (size_t) i * row, row);
		set_reflector(r, i, direction);
		if ((i + 1) % GROUP == 0 || i + 1 == count)
			set_products(r, i / GROUP * GROUP, i + 1);
	}
	env->release(env, direction);
	return r;
}

/*
 * Q takes 2 D count multiplications and a triangle of count^2 / 2.  All directions
 * up to 256 dimensions; then as many as make 131,072 multiplications, but 128 up to
 * 1,024 dimensions, and more slowly up to 160, for which V needs 1 MB at 1,536.
 * Measured on a Xeon with AVX2 while other work ran, best of 20: 11 us for 256 of
 * 256 dimensions, 12 us for 128 of 512, 23 us for 128 of 1,024, 45 us for 160 of
 * 1,536.
 */
int
sphx_reflectors_count(int D)
{
	if (D <= 256)
		return D;
	if (D <= 512)
		return 65536 / D;
	if (D <= 1024)
		return 128;
	return D < 1536 ? 128 + (D - 1024) / 16 : 160;
}
