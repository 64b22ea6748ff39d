/*-------------------------------------------------------------------------
 *
 * lrsq.c
 *	  Low-rank spherical quantisation.
 *
 * With u = x / |x| and Q the model's transform, the first `rank` coordinates of
 * Q u are the head h, the others the tail t.  The head less the model's center is
 * divided into blocks of 16; block b is stored in steps of s_b, 127 of which are its
 * largest element, with the norm e_b of the error that this makes, rounded up.  Of
 * the tail its norm is stored.  For a query with head h' and tail t'
 *
 *	 | <u, u'> - <decoded h, h'> |  <=  sum_b e_b |h'_b|  +  |t| |t'|
 *
 * by Cauchy and Schwarz in each block, and the first sum is at most sqrt(sum e_b^2)
 * by the same in all of them: what Proposition 1 of the paper (Asteria) has with
 * high probability holds always.  Rounding that is independent of the vector leaves
 * e_b = s_b sqrt((n_b - 1) / 12) on average, n_b the elements of the block, of which
 * the largest is hit.
 *
 * Everything is computed in double precision, so that its rounding can be bounded
 * (slack).
 *
 * A code, integers big-endian: the norm as the bits of a double, the tail as half
 * precision rounded up; of each block the step, half precision, and e_b in parts of
 * 255 of its largest possible value, s_b sqrt(n_b) / 2; one signed byte for each
 * element of the head.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "math/codes/lrsq.h"
#include "math/kernels/kernels.h"
#include "math/train/principal.h"

#define BLOCK			16		/* elements that share a step */
#define STEPS			127		/* of the largest element of a block */
#define PARTS			255.0	/* of a block's error */

/* a code's bytes */
#define TAIL_AT			8
#define BLOCKS_AT		10
#define BLOCK_BYTES		3

/* norms of unit vectors and what is left of them */
#define LARGEST_NORM	1.01

static int
block_count(int rank)
{
	return (rank + BLOCK - 1) / BLOCK;
}

static int
block_length(int rank, int block)
{
	int			rest = rank - block * BLOCK;

	return rest < BLOCK ? rest : BLOCK;
}


/* Models */

static SphxLrsq *
allocate_model(SphxEnv *env, int D, int rank, double energy)
{
	SphxLrsq   *lrsq = env->alloc(env, sizeof(SphxLrsq) + sizeof(float) * (size_t) rank);

	assert(rank >= 1 && rank <= D);
	lrsq->D = D;
	lrsq->rank = rank;
	lrsq->energy = energy;
	lrsq->center = (float *) (lrsq + 1);
	return lrsq;
}

SphxLrsq *
sphx_lrsq_create(SphxEnv *env, int D, int rank, const float *center, const void *reflectors,
				 double energy)
{
	SphxLrsq   *lrsq = allocate_model(env, D, rank, energy);

	memcpy(lrsq->center, center, sizeof(float) * (size_t) rank);
	lrsq->reflectors = sphx_reflectors_read(env, D, rank, reflectors);
	return lrsq;
}

/* As many reflectors as the rank, those behind the directions found the identity. */
static SphxReflectors *
make_reflectors(SphxEnv *env, const SphxPrincipal *principal, int rank)
{
	int			D = principal->D;
	SphxReflectors *found = sphx_reflectors_create(env, D, principal->count, principal->vectors);
	size_t		size = sphx_reflectors_bytes(D, rank);
	void	   *bytes = env->alloc(env, size);
	SphxReflectors *all;

	memset(bytes, 0, size);
	sphx_reflectors_write(found, bytes);
	all = sphx_reflectors_read(env, D, rank, bytes);
	env->release(env, bytes);
	env->release(env, found);
	return all;
}

SphxLrsq *
sphx_lrsq_train(SphxEnv *env, int n, const float *rows, int D, int rank, uint64_t seed)
{
	SphxLrsq   *lrsq = allocate_model(env, D, rank, 0.0);
	SphxPrincipal *principal = sphx_principal_train(env, n, rows, D, rank, SPHX_MOMENTS_UNIT, seed);

	for (int i = 0; i < principal->count; i++)
		lrsq->energy += principal->shares[i];
	lrsq->energy = fmin(lrsq->energy, 1.0);
	lrsq->reflectors = make_reflectors(env, principal, rank);
	/* the mean of heads is the head of the mean */
	sphx_reflect_f64(lrsq->reflectors, principal->mean);
	for (int i = 0; i < rank; i++)
		lrsq->center[i] = (float) principal->mean[i];
	env->release(env, principal);
	return lrsq;
}

/*
 * What rounding adds to the error of a cosine: heads and tails of two unit vectors
 * are off by 3e-16 rank (D + 12) at most, the transform's error (reflect.h), and
 * some D roundings of norms, quotients and sums, times (|h| + |t|) of the other.
 */
static double
slack(const SphxLrsq *lrsq)
{
	return 1e-15 * ((double) lrsq->rank + 2.0) * ((double) lrsq->D + 12.0);
}


/* Bytes */

static void
put_u16(uint8_t *out, unsigned int x)
{
	out[0] = (uint8_t) (x >> 8);
	out[1] = (uint8_t) x;
}

static uint16_t
get_u16(const uint8_t *in)
{
	return (uint16_t) (in[0] << 8 | in[1]);
}

static void
put_double(uint8_t *out, double x)
{
	uint64_t	bits;

	memcpy(&bits, &x, sizeof(bits));
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t) (bits >> (56 - 8 * i));
}

static double
get_double(const uint8_t *in)
{
	uint64_t	bits = 0;
	double		x;

	for (int i = 0; i < 8; i++)
		bits = bits << 8 | in[i];
	memcpy(&x, &bits, sizeof(x));
	return x;
}

static double
get_half(const uint8_t *in)
{
	uint16_t	half = get_u16(in);
	float		x;

	sphx_kernels->half_to_f32(&half, &x, 1);
	return (double) x;
}

/* the least number of half precision that is x >= 0 or more, which is returned */
static double
put_half_up(uint8_t *out, double x)
{
	float		single = (float) x;
	uint16_t	half;

	sphx_kernels->f32_to_half(&single, &half, 1);
	put_u16(out, half);
	if (get_half(out) < x)
		put_u16(out, half + 1u);
	return get_half(out);
}

size_t
sphx_lrsq_bytes(int rank)
{
	return BLOCKS_AT + BLOCK_BYTES * (size_t) block_count(rank) + (size_t) rank;
}

static size_t
block_at(int block)
{
	return BLOCKS_AT + BLOCK_BYTES * (size_t) block;
}

/* where the elements of a block are */
static size_t
elements_at(int rank, int block)
{
	return block_at(block_count(rank)) + BLOCK * (size_t) block;
}

static double
block_step(const uint8_t *code, int block)
{
	return get_half(code + block_at(block));
}

/* the norm that the error of a block with this step has at most */
static double
largest_error(double step, int length)
{
	return step * sqrt((double) length) / 2.0;
}

/* e_b */
static double
block_error(int rank, const uint8_t *code, int block)
{
	return (double) code[block_at(block) + 2] / PARTS *
		largest_error(block_step(code, block), block_length(rank, block));
}

bool
sphx_lrsq_is_code(int rank, const uint8_t *code)
{
	double		norm = get_double(code);
	double		tail = get_half(code + TAIL_AT);

	if (!(norm >= 0.0 && norm < 1e42) || !(tail >= 0.0 && tail <= LARGEST_NORM))
		return false;
	for (int b = 0; b < block_count(rank); b++)
	{
		double		step = block_step(code, b);

		if (!(step >= 0.0 && step * STEPS <= 2.0 * LARGEST_NORM))
			return false;
	}
	return true;
}


/* Encoding and decoding */

static double
clamp(double x, double limit)
{
	return fmax(fmin(x, limit), -limit);
}

static double
norm_f64(const double *x, int n)
{
	double		square = 0.0;

	for (int i = 0; i < n; i++)
		square += x[i] * x[i];
	return sqrt(square);
}

/* y = Q x / |x|; returns |x|, and when that is 0 y is zero */
static double
transform(const SphxLrsq *lrsq, const float *x, double *y)
{
	double		norm;

	for (int j = 0; j < lrsq->D; j++)
		y[j] = (double) x[j];
	norm = norm_f64(y, lrsq->D);
	if (norm == 0.0)
		return norm;
	for (int j = 0; j < lrsq->D; j++)
		y[j] /= norm;
	sphx_reflect_f64(lrsq->reflectors, y);
	return norm;
}

/* a block of the head, already without the center */
static void
encode_block(const double *head, int length, uint8_t *bytes, int8_t *out)
{
	double		largest = 0.0;
	double		square = 0.0;
	double		step;
	double		limit;

	for (int i = 0; i < length; i++)
		largest = fmax(largest, fabs(head[i]));
	step = put_half_up(bytes, largest / STEPS);
	limit = largest_error(step, length);
	for (int i = 0; i < length; i++)
	{
		double		steps = step > 0.0 ? rint(head[i] / step) : 0.0;
		double		error;

		out[i] = (int8_t) clamp(steps, STEPS);
		error = head[i] - step * out[i];
		square += error * error;
	}
	/* an error of all elements' half a step can come out as a little more */
	bytes[2] = (uint8_t) (limit > 0.0 ? fmin(ceil(PARTS * sqrt(square) / limit), PARTS) : 0.0);
}

void
sphx_lrsq_encode(const SphxLrsq *lrsq, const float *x, double *scratch, uint8_t *code)
{
	int			rank = lrsq->rank;
	double		norm = transform(lrsq, x, scratch);

	memset(code, 0, sphx_lrsq_bytes(rank));
	put_double(code, norm);
	if (norm == 0.0)
		return;
	put_half_up(code + TAIL_AT, norm_f64(scratch + rank, lrsq->D - rank));
	for (int i = 0; i < rank; i++)
		scratch[i] -= (double) lrsq->center[i];
	for (int b = 0; b < block_count(rank); b++)
		encode_block(scratch + b * BLOCK, block_length(rank, b), code + block_at(b),
					 (int8_t *) (code + elements_at(rank, b)));
}

void
sphx_lrsq_decode(const SphxLrsq *lrsq, const uint8_t *code, double *scratch, float *x)
{
	int			rank = lrsq->rank;
	double		norm = get_double(code);

	memset(scratch, 0, sizeof(double) * (size_t) lrsq->D);
	for (int b = 0; b < block_count(rank); b++)
	{
		const int8_t *steps = (const int8_t *) (code + elements_at(rank, b));
		double		step = block_step(code, b);

		for (int i = 0; i < block_length(rank, b); i++)
			scratch[b * BLOCK + i] = (double) lrsq->center[b * BLOCK + i] + step * steps[i];
	}
	sphx_reflect_back_f64(lrsq->reflectors, scratch);

	/*
	 * all vectors are within single precision: what leaves it is off at least
	 * so far
	 */
	for (int j = 0; j < lrsq->D; j++)
		x[j] = (float) clamp(norm * scratch[j], (double) FLT_MAX);
}


/* Cosines */

SphxLrsqQuery *
sphx_lrsq_query(SphxEnv *env, const SphxLrsq *lrsq, const float *x)
{
	int			blocks = block_count(lrsq->rank);
	SphxLrsqQuery *query = env->alloc(env, sizeof(SphxLrsqQuery) +
									  sizeof(double) * ((size_t) lrsq->D + (size_t) blocks));

	query->head = (double *) (query + 1);
	query->blocks = query->head + lrsq->D;
	if (transform(lrsq, x, query->head) > 0.0)
		query->tail = norm_f64(query->head + lrsq->rank, lrsq->D - lrsq->rank);
	else
		query->tail = NAN;
	query->offset = 0.0;
	for (int i = 0; i < lrsq->rank; i++)
		query->offset += (double) lrsq->center[i] * query->head[i];
	for (int b = 0; b < blocks; b++)
		query->blocks[b] = norm_f64(query->head + b * BLOCK, block_length(lrsq->rank, b));
	return query;
}

SphxLrsqCosine
sphx_lrsq_cosine(const SphxLrsq *lrsq, const uint8_t *code, const SphxLrsqQuery *query)
{
	int			rank = lrsq->rank;
	double		estimate = query->offset;
	double		error = get_half(code + TAIL_AT) * query->tail;
	SphxLrsqCosine cosine = {NAN, NAN, NAN};

	if (get_double(code) == 0.0 || isnan(query->tail))
		return cosine;
	for (int b = 0; b < block_count(rank); b++)
	{
		const int8_t *steps = (const int8_t *) (code + elements_at(rank, b));
		double		product = 0.0;

		for (int i = 0; i < block_length(rank, b); i++)
			product += query->head[b * BLOCK + i] * steps[i];
		estimate += block_step(code, b) * product;
		error += block_error(rank, code, b) * query->blocks[b];
	}
	/* twice: norms of the operator are rounded, too */
	error += slack(lrsq) + 2.0 * SPHX_KERNEL_ERROR(lrsq->D);
	cosine.estimate = clamp(estimate, 1.0);
	cosine.lower = clamp(estimate - error, 1.0);
	cosine.upper = clamp(estimate + error, 1.0);
	return cosine;
}

SphxLrsqError
sphx_lrsq_error(int rank, const uint8_t *code)
{
	double		predicted = 0.0;
	double		bound = 0.0;
	SphxLrsqError error;

	for (int b = 0; b < block_count(rank); b++)
	{
		double		step = block_step(code, b);
		double		most = block_error(rank, code, b);

		predicted += step * step * (block_length(rank, b) - 1) / 12.0;
		bound += most * most;
	}
	error.predicted = sqrt(predicted);
	error.bound = sqrt(bound);
	error.tail = get_half(code + TAIL_AT);
	return error;
}
