/*-------------------------------------------------------------------------
 *
 * record.c
 *	  Node records: layout, vectors, and edges with their codes.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "math/graph/record.h"
#include "math/graph/select.h"

/* the largest stored elements, in steps, and the bits of one */
static const float limits[SPHX_WIDTHS] = {32767.0f, 127.0f, 31.0f, 7.0f, 1.5f};
static const int bits[SPHX_WIDTHS] = {16, 8, 6, 4, 2};

static int
align_up(int x, int to)
{
	return (x + to - 1) / to * to;
}

void
sphx_layout_init(SphxLayout *layout)
{
	int			vector = 0;
	float		square = 0.0f;

	assert(layout->m >= SPHX_MIN_M && layout->m <= SPHX_MAX_M && layout->m % 2 == 0);
	assert(layout->D >= layout->dims && layout->D % 4 == 0);
	for (int w = 0; w < SPHX_WIDTHS; w++)
	{
		vector += layout->stored[w] * bits[w] / 8;
		square += (float) layout->stored[w] * limits[w] * limits[w];
	}
	layout->largest_norm = 1.001f * sqrtf(square);
	layout->code.D = layout->D;
	layout->code_norm = sphx_code_norm(&layout->code);
	layout->pieces = sphx_code_pieces(&layout->code);
	layout->payload = sizeof(SphxRecord);
	layout->vector = align_up(layout->payload + layout->payload_bytes, 2);
	layout->codes = layout->vector + vector;
	layout->ids = align_up(layout->codes + (int) sphx_code_bytes(layout->pieces, layout->m), 4);
	layout->lengths = layout->ids + layout->m * (int) sizeof(uint32_t);
	layout->gains = layout->lengths + layout->m;
	layout->size = align_up(layout->gains + layout->m, 4);
	assert(layout->size - layout->ids >= SPHX_CODE_OVERREAD);
}

void
sphx_layout_uniform(SphxLayout *layout, SphxCodebook book, SphxStorage storage)
{
	layout->D = align_up(layout->dims, book == SPHX_CODE_ORTHOPLEX ? 8 : 4);
	layout->code.count = 1;
	layout->code.bands[0] = (SphxBand)
	{
		.dims = (uint16_t) layout->D,.book = (uint8_t) book,.weight = 1.0f
	};
	memset(layout->stored, 0, sizeof(layout->stored));
	layout->stored[storage] = layout->D;
	sphx_layout_init(layout);
}

SphxStorage
sphx_layout_storage(const SphxLayout *layout)
{
	int			w = 0;

	while (w < SPHX_WIDTHS && layout->stored[w] != layout->D)
		w++;
	return (SphxStorage) w;
}

/* are errors as large as half a step everywhere at most: nothing is cut off */
static bool
is_exact(const SphxLayout *layout)
{
	return sphx_layout_storage(layout) <= SPHX_STORAGE_INT8;
}

/*
 * The largest error of a stored vector of which nothing is cut off: half a step
 * in every coordinate, and something for the rounding of x / scale.
 */
static float
largest_error(const SphxLayout *layout, float scale)
{
	return 0.505f * scale * sqrtf((float) layout->D);
}

/*
 * Where coordinates may be cut off the byte is a logarithm of the error: a tenth
 * of one to the base 2, of the error by scale * sqrt(D).
 */
#define ERROR_STEPS			10
#define ERROR_ONE			(10 * ERROR_STEPS)

/* 2^(i / 10); a table, because powf differs from one C library to the next */
static const float tenths[ERROR_STEPS] = {
	1.0f, 1.0717735f, 1.1486984f, 1.2311444f, 1.3195079f,
	1.4142136f, 1.5157166f, 1.6245048f, 1.7411011f, 1.8660660f
};

/* the byte, from 1 on, that stands for this error or the next larger one */
static uint8_t
encode_error(float part)
{
	int			exponent;
	float		mantissa = 2.0f * frexpf(part, &exponent);
	int			step = 0;

	while (step < ERROR_STEPS && tenths[step] < mantissa)
		step++;
	step += ERROR_ONE + ERROR_STEPS * (exponent - 1);
	return (uint8_t) (step < 1 ? 1 : step > 255 ? 255 : step);
}

static float
decode_error(uint8_t error)
{
	return ldexpf(tenths[error % ERROR_STEPS], error / ERROR_STEPS - ERROR_ONE / ERROR_STEPS);
}

/*
 * The largest stored element of this width: the width's own, or less where that
 * times the scale would be infinite, as the scale is that of a narrower width.
 */
static float
step_limit(SphxStorage width, float scale)
{
	float		finite;

	/* of 2 bits none is: no width has a larger scale */
	if (limits[width] * scale <= FLT_MAX || width == SPHX_STORAGE_INT2)
		return limits[width];
	finite = floorf(FLT_MAX / scale);
	return finite * scale <= FLT_MAX ? finite : finite - 1.0f;
}

/* x in steps, as a stored element of this width can be */
static inline float
nearest_step(float x, SphxStorage width, float limit)
{
	float		offset = width == SPHX_STORAGE_INT2 ? 0.5f : 0.0f;
	float		within = x > limit ? limit : x;

	within = within < -limit ? -limit : within;
	return sphx_round_f32(within - offset) + offset;
}

/* the squared error, in steps, of a vector stored with this scale */
static float
error_with(const SphxLayout *layout, const float *x, float scale)
{
	float		square = 0.0f;

	for (int w = 0; w < SPHX_WIDTHS; w++)
	{
		float		offset = w == SPHX_STORAGE_INT2 ? 0.5f : 0.0f;

		if (layout->stored[w] > 0)
			square += sphx_kernels->step_error(x, (size_t) layout->stored[w], scale,
											   step_limit((SphxStorage) w, scale), offset);
		x += layout->stored[w];
	}
	return square;
}

/*
 * The same where nothing is cut off, term after term: the byte is to be the one
 * that earlier libraries write.
 */
static float
exact_error(const SphxLayout *layout, const float *x, float scale)
{
	SphxStorage width = sphx_layout_storage(layout);
	float		square = 0.0f;

	for (int i = 0; i < layout->D; i++)
	{
		float		y = x[i] / scale;
		float		difference = y - nearest_step(y, width, limits[width]);

		square += difference * difference;
	}
	return square;
}

/* |x - stored vector|, rounded up; 0 where the stored vector is 0 */
static uint8_t
measure_error(const SphxLayout *layout, const SphxRecord *r, const float *x)
{
	bool		exact = is_exact(layout);
	float		square;
	float		part;

	if (r->scale == 0.0f)
		return 0;
	square = exact ? exact_error(layout, x, r->scale) : error_with(layout, x, r->scale);
	/* .005 a coordinate are for rounding: in measuring as well */
	part = sqrtf(square / (float) layout->D) + 0.005f;
	if (!exact)
		return encode_error(part);
	return (uint8_t) fmaxf(1.0f, fminf(255.0f, ceilf(part / 0.505f * 255.0f)));
}

float
sphx_record_error(const SphxLayout *layout, const SphxRecord *r)
{
	/*
	 * a stored zero may stand for coordinates up to the smallest scale times
	 * the limit
	 */
	if (r->scale == 0.0f)
		return 4e-33f * sqrtf((float) layout->D);
	if (is_exact(layout))
		return largest_error(layout, r->scale) * (r->error == 0 ? 1.0f : (float) r->error / 255.0f);
	return r->scale * sqrtf((float) layout->D) * 1.0001f * decode_error(r->error);
}

float
sphx_record_norm(const SphxLayout *layout, const SphxRecord *r)
{
	return r->scale * layout->largest_norm;
}

/* the scale that the largest coordinate needs for nothing to be cut off */
static float
largest_scale(const SphxLayout *layout, const float *x)
{
	float		largest = 0.0f;

	for (int w = 0; w < SPHX_WIDTHS; w++)
	{
		float		scale = sphx_kernels->amax_f32(x, (size_t) layout->stored[w]) / limits[w];

		/* rounded up, it may stand for more than there is */
		if (scale * limits[w] > FLT_MAX)
			scale = nextafterf(scale, 0.0f);
		largest = fmaxf(largest, scale);
		x += layout->stored[w];
	}
	return largest;
}

/* what a scale is tried to be made smaller by, time and again; more is cut off then */
#define SCALE_STEP			0.75f
#define SCALE_TRIALS		10

/*
 * The scale of a record.  With one width of 16 or 8 bits nothing is cut off;
 * else the errors decide, of all and of what is cut off.
 */
static float
choose_scale(const SphxLayout *layout, const float *x)
{
	float		largest = largest_scale(layout, x);
	float		best = largest;
	float		least;
	float		part = 1.0f;

	/* below this the inverse would overflow; such a vector is stored as zero */
	if (largest < 1e-37f)
		return 0.0f;
	if (is_exact(layout) || largest < 1e-30f)
		return largest;
	least = error_with(layout, x, largest);
	for (int i = 0; i < SCALE_TRIALS; i++)
	{
		float		error;

		part *= SCALE_STEP;
		error = error_with(layout, x, largest * part) * part * part;
		if (error < least)
		{
			least = error;
			best = largest * part;
		}
	}
	return best;
}

/* put bits of a value, shifted, into a byte that has none there yet */
static inline void
add_bits(uint8_t *byte, unsigned value, int shift)
{
	*byte = (uint8_t) (*byte | value << shift);
}

/* element i of `count` of this width that are at `stored` (kernels.h says where) */
static void
store_element(uint8_t *stored, SphxStorage width, int i, int count, float y)
{
	int			half = count / 2;
	int			quarter = count / 4;

	switch (width)
	{
		case SPHX_STORAGE_INT16:
			((int16_t *) stored)[i] = (int16_t) y;
			break;
		case SPHX_STORAGE_INT8:
			((int8_t *) stored)[i] = (int8_t) y;
			break;
		case SPHX_STORAGE_INT6:
			add_bits(&stored[i % half], (unsigned) ((int) y + 32) % 16, 4 * (i / half));
			add_bits(&stored[half + i % quarter], (unsigned) ((int) y + 32) / 16, 2 * (i / quarter));
			break;
		case SPHX_STORAGE_INT4:
			add_bits(&stored[i % half], (unsigned) ((int) y + 8), 4 * (i / half));
			break;
		case SPHX_STORAGE_INT2:
			add_bits(&stored[i % quarter], (unsigned) (y + 1.5f), 2 * (i / quarter));
			break;
		case SPHX_WIDTHS:
			assert(false);
	}
}

static void
store_vector(const SphxLayout *layout, SphxRecord *r, const float *x)
{
	uint8_t    *stored = (uint8_t *) r + layout->vector;
	bool		exact = is_exact(layout);

	memset(stored, 0, (size_t) (layout->codes - layout->vector));
	for (int w = 0; w < SPHX_WIDTHS; w++)
	{
		SphxStorage width = (SphxStorage) w;
		int			count = layout->stored[w];
		float		limit = exact || r->scale == 0.0f ? limits[w] : step_limit(width, r->scale);

		for (int i = 0; i < count; i++)
			store_element(stored, width, i, count,
						  nearest_step(r->scale > 0.0f ? x[i] / r->scale : 0.0f, width, limit));
		x += count;
		stored += count * bits[w] / 8;
	}
}

void
sphx_record_init(const SphxLayout *layout, SphxRecord *r, const float *x)
{
	r->flags = SPHX_NODE_USED;
	r->neighbours = 0;
	r->scale = choose_scale(layout, x);
	store_vector(layout, r, x);
	r->error = measure_error(layout, r, x);
	r->unused = 0;
	r->length_base = 0;
	r->next = SPHX_INVALID_NODE;
}

/* the coordinates of 6, 4 and 2 bits, whose bytes begin at v */
static void
decode_narrow(const SphxLayout *layout, const uint8_t *v, float scale, float *x)
{
	int			sixes = layout->stored[SPHX_STORAGE_INT6];
	int			nibbles = layout->stored[SPHX_STORAGE_INT4];
	int			pairs = layout->stored[SPHX_STORAGE_INT2];

	if (sixes > 0)
		sphx_kernels->decode_i6(v, scale, x, (size_t) sixes);
	v += sixes * 6 / 8;
	x += sixes;
	if (nibbles > 0)
		sphx_kernels->decode_i4(v, scale, x, (size_t) nibbles);
	if (pairs > 0)
		sphx_kernels->decode_i2(v + nibbles / 2, scale, x + nibbles, (size_t) pairs);
}

void
sphx_record_vector(const SphxLayout *layout, const SphxRecord *r, float *x)
{
	const uint8_t *v = (const uint8_t *) r + layout->vector;
	int			wide = layout->stored[SPHX_STORAGE_INT16];
	int			bytes = layout->stored[SPHX_STORAGE_INT8];

	if (wide > 0)
		sphx_kernels->decode_i16((const int16_t *) v, r->scale, x, (size_t) wide);
	if (bytes > 0)
		sphx_kernels->decode_i8((const int8_t *) v + 2 * wide, r->scale, x + wide, (size_t) bytes);
	decode_narrow(layout, v + 2 * wide + bytes, r->scale, x + wide + bytes);
}

/*
 * The same for the narrow widths, whose coordinates begin at q: they are decoded
 * first.
 */
static float
narrow_residual(const SphxLayout *layout, const uint8_t *v, float scale, const float *q, float *x,
				float *amax)
{
	size_t		count = (size_t) (layout->stored[SPHX_STORAGE_INT6] +
								  layout->stored[SPHX_STORAGE_INT4] +
								  layout->stored[SPHX_STORAGE_INT2]);

	decode_narrow(layout, v, scale, x);
	sphx_kernels->subtract_f32(q, x, count);
	*amax = fmaxf(*amax, sphx_kernels->amax_f32(x, count));
	return sphx_kernels->dot_f32(x, x, count);
}

float
sphx_record_residual(const SphxLayout *layout, const SphxRecord *r, const float *q, float *x,
					 float *amax)
{
	const uint8_t *v = (const uint8_t *) r + layout->vector;
	int			wide = layout->stored[SPHX_STORAGE_INT16];
	int			bytes = layout->stored[SPHX_STORAGE_INT8];
	float		square = 0.0f;

	*amax = 0.0f;
	if (wide > 0)
		square = sphx_kernels->residual_i16(q, (const int16_t *) v, r->scale, x, (size_t) wide,
											amax);
	if (wide == layout->D)
		return square;
	if (bytes > 0)
	{
		float		largest;

		square += sphx_kernels->residual_i8(q + wide, (const int8_t *) v + 2 * wide, r->scale,
											x + wide, (size_t) bytes, &largest);
		*amax = fmaxf(*amax, largest);
	}
	if (wide + bytes < layout->D)
		square += narrow_residual(layout, v + 2 * wide + bytes, r->scale, q + wide + bytes,
								  x + wide + bytes, amax);
	return square;
}

float
sphx_record_dot(const SphxLayout *layout, const SphxRecord *r, const float *q, float *room)
{
	const uint8_t *v = (const uint8_t *) r + layout->vector;
	int			wide = layout->stored[SPHX_STORAGE_INT16];
	int			bytes = layout->stored[SPHX_STORAGE_INT8];
	int			narrow = layout->D - wide - bytes;
	float		sum = 0.0f;

	if (wide > 0)
		sum = sphx_kernels->dot_i16(q, (const int16_t *) v, r->scale, (size_t) wide);
	if (bytes > 0)
		sum += sphx_kernels->dot_i8(q + wide, (const int8_t *) v + 2 * wide, r->scale,
									(size_t) bytes);
	if (narrow > 0)
	{
		decode_narrow(layout, v + 2 * wide + bytes, r->scale, room);
		sum += sphx_kernels->dot_f32(q + wide + bytes, room, (size_t) narrow);
	}
	return sum;
}

bool
sphx_record_same_vector(const SphxLayout *layout, const SphxRecord *a, const SphxRecord *b)
{
	return a->scale == b->scale &&
		memcmp((const char *) a + layout->vector, (const char *) b + layout->vector,
			   (size_t) (layout->codes - layout->vector)) == 0;
}

static uint8_t *
record_codes(const SphxLayout *layout, const SphxRecord *r)
{
	return (uint8_t *) r + layout->codes;
}

static uint8_t *
record_lengths(const SphxLayout *layout, const SphxRecord *r)
{
	return (uint8_t *) r + layout->lengths;
}

static uint8_t *
record_gains(const SphxLayout *layout, const SphxRecord *r)
{
	return (uint8_t *) r + layout->gains;
}

static float
vector_norm(const float *e, int D)
{
	return sqrtf(sphx_kernels->dot_f32(e, e, (size_t) D));
}

/* write edge j; length_base has been set so that `length` fits */
static void
put_edge(const SphxLayout *layout, SphxRecord *r, int j, uint32_t id, const float *e, float length,
		 uint8_t *nibbles)
{
	float		a = sphx_code_encode(&layout->code, e, length, nibbles);

	sphx_code_put(record_codes(layout, r), layout->pieces, layout->m, j, nibbles);
	sphx_record_ids(layout, r)[j] = id;
	record_lengths(layout, r)[j] = sphx_length_encode(sphx_record_length_base(r), length);
	record_gains(layout, r)[j] = sphx_gain_encode(a > 0.0f ? 1.0f / a : 1.0f);
}

SphxEdges *
sphx_edges_create(SphxEnv *env, const SphxLayout *layout)
{
	size_t		m = (size_t) layout->m;
	size_t		ids = m * sizeof(uint32_t);
	size_t		differences = m * (size_t) layout->D * sizeof(float);
	SphxEdges  *edges = env->alloc(env, sizeof(SphxEdges) + ids + differences +
								   (size_t) layout->pieces);

	edges->D = layout->D;
	edges->n = 0;
	edges->from = NULL;
	edges->ids = (uint32_t *) (edges + 1);
	edges->differences = (float *) (edges->ids + m);
	edges->nibbles = (uint8_t *) edges->differences + differences;
	return edges;
}

void
sphx_edges_start(SphxEdges *edges, const float *v)
{
	edges->from = v;
	edges->n = 0;
}

void
sphx_edges_add(SphxEdges *edges, uint32_t id, const float *w)
{
	float	   *difference = edges->differences + (size_t) edges->n * (size_t) edges->D;

	for (int d = 0; d < edges->D; d++)
		difference[d] = w[d] - edges->from[d];
	edges->ids[edges->n++] = id;
}

void
sphx_record_set_edges(const SphxLayout *layout, SphxRecord *r, const SphxEdges *edges)
{
	const float *e = edges->differences;
	size_t		D = (size_t) layout->D;
	float		longest = 0.0f;
	float		lengths[SPHX_MAX_M];

	assert(edges->n >= 0 && edges->n <= layout->m);
	for (int j = 0; j < edges->n; j++)
	{
		lengths[j] = vector_norm(e + (size_t) j * D, layout->D);
		longest = fmaxf(longest, lengths[j]);
	}
	r->length_base = (uint16_t) (sphx_length_base(longest) >> 16);
	memset(record_codes(layout, r), 0, sphx_code_bytes(layout->pieces, layout->m));
	for (int j = 0; j < edges->n; j++)
		put_edge(layout, r, j, edges->ids[j], e + (size_t) j * D, lengths[j], edges->nibbles);
	r->neighbours = (uint8_t) edges->n;
}

void
sphx_record_copy_edges(const SphxLayout *layout, SphxRecord *r, const SphxRecord *from)
{
	r->neighbours = from->neighbours;
	r->length_base = from->length_base;
	memcpy((char *) r + layout->codes, (const char *) from + layout->codes,
		   (size_t) (layout->size - layout->codes));
}

void
sphx_record_drop_edge(const SphxLayout *layout, SphxRecord *r, int j)
{
	int			last = r->neighbours - 1;

	assert(j >= 0 && j <= last);
	sphx_code_move(record_codes(layout, r), layout->pieces, layout->m, last, j);
	sphx_record_ids(layout, r)[j] = sphx_record_ids(layout, r)[last];
	record_lengths(layout, r)[j] = record_lengths(layout, r)[last];
	record_gains(layout, r)[j] = record_gains(layout, r)[last];
	r->neighbours = (uint8_t) last;
}

/*
 * Make room in the length codes for an edge of the given length: with a
 * higher base every code counts from there, and what falls below it becomes
 * the shortest.
 */
static void
raise_length_base(const SphxLayout *layout, SphxRecord *r, float length)
{
	uint32_t	base = sphx_length_base(length);
	uint8_t    *lengths = record_lengths(layout, r);

	if (base <= sphx_record_length_base(r))
		return;
	for (int j = 0; j < r->neighbours; j++)
		lengths[j] = sphx_length_encode(base, sphx_length_decode(sphx_record_length_base(r), lengths[j]));
	r->length_base = (uint16_t) (base >> 16);
}

/* edges that a decision may be about: those of a full list, and as many offered */
#define MOST_EDGES			(2 * SPHX_MAX_M)

/*
 * Room for one decision about more edges than a list holds: first the present
 * ones, then those offered.
 */
struct SphxEdgeWork
{
	float	   *x;				/* D: an edge, decoded */
	uint8_t    *nibbles;		/* pieces */
	uint8_t    *table;			/* 16 * pieces */
	float		pair[MOST_EDGES][MOST_EDGES + SPHX_CODE_BLOCK]; /* squared distances */
	float		square[MOST_EDGES]; /* squared lengths */
	int			order[MOST_EDGES];	/* edges by ascending length */
	int			offered[SPHX_MAX_M];	/* which of those offered are new */
	bool		compared[MOST_EDGES];	/* pair[] of this edge is known */
	bool		chosen[MOST_EDGES];
};

SphxEdgeWork *
sphx_edge_work_create(SphxEnv *env, const SphxLayout *layout)
{
	size_t		pieces = (size_t) layout->pieces;
	size_t		floats = (size_t) layout->D * sizeof(float);
	SphxEdgeWork *work = env->alloc(env, sizeof(SphxEdgeWork) + floats + 17 * pieces);

	work->x = (float *) (work + 1);
	work->table = (uint8_t *) work->x + floats;
	work->nibbles = work->table + 16 * pieces;
	return work;
}

/* the far end of edge j as far as its code tells: a vector of edge j's length */
static void
decode_edge(const SphxLayout *layout, const SphxRecord *r, int j, SphxEdgeWork *work)
{
	float		length = sphx_length_decode(sphx_record_length_base(r), record_lengths(layout, r)[j]);
	float		norm;

	sphx_code_get(record_codes(layout, r), layout->pieces, layout->m, j, work->nibbles);
	sphx_code_decode(&layout->code, work->nibbles, work->x);
	norm = vector_norm(work->x, layout->D);
	for (int i = 0; i < layout->D; i++)
		work->x[i] *= length / norm;
}

/* indexes 0..n-1 by ascending work->square; n is small */
static void
sort_by_length(SphxEdgeWork *work, int n)
{
	for (int i = 0; i < n; i++)
	{
		int			k = i;

		for (; k > 0 && work->square[work->order[k - 1]] > work->square[i]; k--)
			work->order[k] = work->order[k - 1];
		work->order[k] = i;
	}
}

/* Of which edges a decision is made, and what is known of them. */
typedef struct EdgeChoice
{
	const SphxLayout *layout;
	SphxRecord *r;
	const float *e;				/* offered: differences */
	SphxEdgeWork *work;
} EdgeChoice;

/*
 * What the lengths and the edges offered tell: squared lengths of all edges, and
 * the distances of the far ends of those offered from all others.
 */
static void
compare_offered(const EdgeChoice *choice, int count)
{
	SphxEdgeWork *work = choice->work;
	const SphxRecord *r = choice->r;
	size_t		D = (size_t) choice->layout->D;
	int			present = r->neighbours;

	for (int j = 0; j < present; j++)
	{
		float		length = sphx_length_decode(sphx_record_length_base(r),
												record_lengths(choice->layout, r)[j]);

		work->square[j] = length * length;
		work->compared[j] = false;
	}
	for (int i = 0; i < count; i++)
	{
		const float *x = choice->e + (size_t) work->offered[i] * D;
		float	   *pair = work->pair[present + i];

		work->square[present + i] = sphx_kernels->dot_f32(x, x, D);
		work->compared[present + i] = true;
		sphx_record_estimate(choice->layout, r, x, work->square[present + i], work->table, pair);
		for (int j = 0; j < i; j++)
			pair[present + j] = work->pair[present + j][present + i] =
				sphx_kernels->l2sq_f32(x, choice->e + (size_t) work->offered[j] * D, D);
	}
}

/*
 * Distances of the far end of a present edge from those of all others.  It is
 * known by its code only, so they are estimated; only edges that have been
 * chosen need it, which are few.
 */
static void
compare_present(const EdgeChoice *choice, int j)
{
	SphxEdgeWork *work = choice->work;

	decode_edge(choice->layout, choice->r, j, work);
	sphx_record_estimate(choice->layout, choice->r, work->x, work->square[j], work->table,
						 work->pair[j]);
	work->compared[j] = true;
}

/*
 * An edge is only dropped as not diverse when another is nearer to its end by
 * this factor in squared distance.  Codes tell distances with an error, and
 * of many comparisons one goes wrong: then the long edges, for which there are
 * most comparisons, would be lost with every edge offered.
 */
#define MARGIN				1.15f

/* longer than all other edges by so much in squared length: to rows of another kind */
#define FAR					1.25f

/* of the i-th shortest edge: its squared length */
static inline float
edge_square(const void *arg, int i)
{
	const SphxEdgeWork *work = ((const EdgeChoice *) arg)->work;

	return work->square[work->order[i]];
}

/* between the far ends of the i-th edge and the c-th shortest, which was chosen; with the margin */
static inline float
edge_pair(const void *arg, int i, int c)
{
	const EdgeChoice *choice = arg;
	SphxEdgeWork *work = choice->work;
	int			edge = work->order[i];
	int			chosen = work->order[c];
	int			present = choice->r->neighbours;

	/* what was offered is known exactly: better what it says of the other */
	if (edge >= present)
		return MARGIN * work->pair[edge][chosen];
	if (!work->compared[chosen])
		compare_present(choice, chosen);
	return MARGIN * work->pair[chosen][edge];
}

/* which m of n edges stay: the diverse ones, then the shortest of the others */
static void
choose_edges(const EdgeChoice *choice, int n, int m)
{
	SphxEdgeWork *work = choice->work;
	int			places[SPHX_MAX_M];
	int			kept;

	sort_by_length(work, n);
	kept = sphx_select_diverse(n, m, edge_square, edge_pair, choice, places);
	kept = sphx_select_nearest(n, m, kept, places);
	memset(work->chosen, 0, sizeof(work->chosen));
	for (int i = 0; i < kept; i++)
		work->chosen[work->order[places[i]]] = true;
}

/* those of n offered edges whose ids are not in the list yet, into work->offered; their number */
static int
find_new_edges(const SphxLayout *layout, const SphxRecord *r, int n, const uint32_t *offered,
			   SphxEdgeWork *work)
{
	const uint32_t *ids = sphx_record_ids(layout, r);
	int			count = 0;

	for (int i = 0; i < n; i++)
	{
		bool		present = false;

		for (int j = 0; j < r->neighbours && !present; j++)
			present = ids[j] == offered[i];
		if (!present)
			work->offered[count++] = i;
	}
	return count;
}

/*
 * The place of an edge that enters: that of a dropped one, where its bytes are
 * the only ones to change; else the first one free.
 */
static int
next_place(SphxRecord *r, int present, bool choose, SphxEdgeWork *work)
{
	for (int j = 0; choose && j < present; j++)
		if (!work->chosen[j])
		{
			work->chosen[j] = true;
			return j;
		}
	return r->neighbours++;
}

/*
 * Enter the `count` new edges, or those of them that were chosen.  The record had
 * `present` edges.
 */
static bool
enter_edges(const EdgeChoice *choice, int present, int count, bool choose, const uint32_t *ids)
{
	const SphxLayout *layout = choice->layout;
	SphxEdgeWork *work = choice->work;
	bool		changed = false;

	for (int i = 0; i < count; i++)
	{
		const float *x = choice->e + (size_t) work->offered[i] * (size_t) layout->D;
		float		length;

		if (choose && !work->chosen[present + i])
			continue;
		length = vector_norm(x, layout->D);
		raise_length_base(layout, choice->r, length);
		put_edge(layout, choice->r, next_place(choice->r, present, choose, work),
				 ids[work->offered[i]], x, length, work->nibbles);
		changed = true;
	}
	assert(choice->r->neighbours <= layout->m);
	return changed;
}

/* the unit of a band's table by the largest |x[i]|, codewords not scaled */
static float
table_unit(SphxCodebook book)
{
	switch (book)
	{
		case SPHX_CODE_ORTHOPLEX:
			return 1.0f / SPHX_RANGE_ORTHOPLEX;
		case SPHX_CODE_SIGNS:
			return 1.0f / SPHX_RANGE_SIGNS;
		case SPHX_CODE_LLOYD:
			return SPHX_LLOYD_TOP / SPHX_RANGE_LLOYD;
		case SPHX_CODE_LEVELS:
			break;
	}
	return SPHX_LEVELS_TOP / SPHX_RANGE_LEVELS;
}

static float
fill_table(SphxCodebook book, const float *x, size_t dims, float amax, uint8_t *table)
{
	switch (book)
	{
		case SPHX_CODE_ORTHOPLEX:
			return sphx_kernels->table_orthoplex(x, dims, amax, table);
		case SPHX_CODE_SIGNS:
			return sphx_kernels->table_signs(x, dims, amax, table);
		case SPHX_CODE_LLOYD:
			return sphx_kernels->table_lloyd(x, dims, amax, table);
		case SPHX_CODE_LEVELS:
			break;
	}
	return sphx_kernels->table_levels(x, dims, amax, table);
}

/*
 * Tables of several bands have one unit, the largest that one of them needs:
 * each is made as if its largest coordinate were as large as fits the unit.
 */
static float
fill_tables(const SphxCode *code, const float *x, uint8_t *table)
{
	const float *part = x;
	float		scale[SPHX_MAX_BANDS];	/* of tables, by the largest |x[i]| */
	float		unit = 0.0f;

	for (int i = 0; i < code->count; i++)
	{
		const SphxBand *band = &code->bands[i];

		scale[i] = sphx_band_scale(band) * table_unit((SphxCodebook) band->book);
		unit = fmaxf(unit, scale[i] * sphx_kernels->amax_f32(part, band->dims));
		part += band->dims;
	}
	for (int i = 0; i < code->count; i++)
	{
		const SphxBand *band = &code->bands[i];

		(void) fill_table((SphxCodebook) band->book, x, band->dims, unit / scale[i], table);
		x += band->dims;
		table += 16 * band->dims / sphx_code_piece_dim((SphxCodebook) band->book);
	}

	/*
	 * a damaged record may have any scale: then no table has entries, as for
	 * one band
	 */
	return unit <= FLT_MAX ? unit : 0.0f;
}

bool
sphx_record_offer_edges(const SphxLayout *layout, SphxRecord *r, int n, const uint32_t *ids,
						const float *e, SphxEdgeWork *work)
{
	const EdgeChoice choice = {layout, r, e, work};
	int			present = r->neighbours;
	int			count = find_new_edges(layout, r, n, ids, work);
	bool		choose = present + count > layout->m;

	assert(n >= 0 && n <= layout->m);
	if (choose)
	{
		compare_offered(&choice, count);
		choose_edges(&choice, present + count, layout->m);
	}
	return enter_edges(&choice, present, count, choose, ids);
}

/* is the far end of edge i, which the row of distances is of, nearer to that of edge j than to the node? */
static inline bool
is_nearer(const SphxEdgeWork *work, const float *row, int i, int j)
{
	return !(MARGIN * row[j] >= work->square[i]);
}

/*
 * The present edge that can best be spared for the one offered, edge n: the longest
 * of those that a shorter one, or that one, makes needless.  Only as many rows of
 * distances are estimated as it takes to find it; when each is of use, the longest
 * goes.
 */
static int
find_needless(const EdgeChoice *choice, bool longest)
{
	SphxEdgeWork *work = choice->work;
	int			n = choice->r->neighbours;

	sort_by_length(work, n);
	for (int place = n - 1; place > 0; place--)
	{
		int			j = work->order[place];

		if (work->square[j] > work->square[n] && is_nearer(work, work->pair[n], j, j))
			return j;
		compare_present(choice, j);
		for (int c = 0; c < place; c++)
			if (is_nearer(work, work->pair[j], j, work->order[c]))
				return j;
	}
	return longest ? -1 : work->order[n - 1];
}

/* of a full list, the part of shorter edges below which an offered one is taken in any case */
#define NEAR_PART			2

/*
 * Does a full list want the one edge offered, edge n, and in which one's place?  -1:
 * no.  It does when the edge is among the shortest, whatever the others lead to: they
 * are what a narrow search relies on; otherwise as one of the diverse.  One that is
 * longer than all others is wanted when it leads far away: where rows of another
 * kind come in, nothing would lead to them else.
 */
static int
find_replaced(const EdgeChoice *choice)
{
	SphxEdgeWork *work = choice->work;
	int			n = choice->r->neighbours;
	int			shorter = 0;
	bool		needless = false;
	float		longest = 0.0f;

	compare_offered(choice, 1);
	for (int j = 0; j < n; j++)
	{
		longest = fmaxf(longest, work->square[j]);
		if (work->square[j] > work->square[n])
			continue;
		shorter++;
		needless = needless || is_nearer(work, work->pair[n], n, j);
	}
	if ((needless && shorter >= n / NEAR_PART) ||
		(shorter == n && FAR * longest > work->square[n]))
		return -1;
	return find_needless(choice, shorter == n);
}

bool
sphx_record_offer_edge(const SphxLayout *layout, SphxRecord *r, uint32_t id, const float *e,
					   SphxEdgeWork *work)
{
	const EdgeChoice choice = {layout, r, e, work};
	int			present = r->neighbours;
	bool		choose = present == layout->m;

	if (find_new_edges(layout, r, 1, &id, work) == 0)
		return false;
	if (choose)
	{
		int			replaced = find_replaced(&choice);

		if (replaced < 0)
			return false;
		memset(work->chosen, true, (size_t) present + 1);
		work->chosen[replaced] = false;
	}
	return enter_edges(&choice, present, 1, choose, &id);
}

/* the look-up table of x; returns its unit divided by the nominal norm of a code */
float
sphx_record_table(const SphxLayout *layout, const float *x, float amax, uint8_t *table)
{
	const SphxCode *code = &layout->code;
	const SphxBand *band = &code->bands[0];
	float		unit;

	if (code->count > 1 || band->dims < layout->D)
		unit = fill_tables(code, x, table);
	else
		unit = sphx_band_scale(band) *
			fill_table((SphxCodebook) band->book, x, band->dims, amax, table);
	return unit / layout->code_norm;
}

void
sphx_record_estimate(const SphxLayout *layout, const SphxRecord *r, const float *x, float square,
					 uint8_t *table, float *estimates)
{
	float		unit = sphx_record_table(layout, x, sphx_kernels->amax_f32(x, (size_t) layout->D),
										 table);
	int32_t		sums[SPHX_CODE_BLOCK];

	for (int start = 0; start < r->neighbours; start += SPHX_CODE_BLOCK)
	{
		int			n = sphx_record_block_sums(layout, r, start, table, sums);

		sphx_kernels->estimate(sums, record_lengths(layout, r) + start,
							   record_gains(layout, r) + start, sphx_record_length_base(r),
							   square,
							   2.0f * unit, n, estimates + start);
	}
}

int
sphx_record_block_sums(const SphxLayout *layout, const SphxRecord *r, int start,
					   const uint8_t *table, int32_t *sums)
{
	int			width = layout->m - start < SPHX_CODE_BLOCK ? layout->m - start : SPHX_CODE_BLOCK;
	int			n = r->neighbours - start < width ? r->neighbours - start : width;

	sphx_kernels->code_sums(record_codes(layout, r) + sphx_code_bytes(layout->pieces, start),
							(size_t) layout->pieces, width, table, sums);
	return n;
}
