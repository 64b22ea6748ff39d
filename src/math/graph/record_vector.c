/*-------------------------------------------------------------------------
 *
 * record_vector.c
 *	  Stored vectors of node records: scale, widths, error, and distances to them.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "math/graph/record.h"

/* are errors as large as half a step everywhere at most: nothing is cut off */
static bool
is_exact(const SphxLayout *layout)
{
	const SphxStoredBand *band = &layout->stored[0];

	return band->dims == layout->D && band->storage <= SPHX_STORAGE_INT8 && band->weight == 1.0f;
}

/* the step of a band's elements in a record of this scale */
static inline float
band_step(const SphxStoredBand *band, float scale)
{
	return scale * band->weight;
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
 * of one to the base 2, of the error by scale * sqrt(D).  Errors are beyond its
 * range only where coordinates are so large that scales are; then nothing is known.
 */
#define ERROR_STEPS			10
#define ERROR_ONE			(20 * ERROR_STEPS)
#define ERROR_UNKNOWN		255

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
	return (uint8_t) (step < 1 ? 1 : step < ERROR_UNKNOWN ? step : ERROR_UNKNOWN);
}

static float
decode_error(uint8_t error)
{
	if (error == ERROR_UNKNOWN)
		return INFINITY;
	return ldexpf(tenths[error % ERROR_STEPS], error / ERROR_STEPS - ERROR_ONE / ERROR_STEPS);
}

/*
 * The largest stored element of this width: the width's own, or less where that
 * many steps would be infinite, as the scale is that of another band.
 */
static float
step_limit(SphxStorage width, float step)
{
	float		finite;

	if (sphx_width_limits[width] * step <= FLT_MAX)
		return sphx_width_limits[width];
	if (width == SPHX_STORAGE_INT2)
		return 0.5f;
	finite = floorf(FLT_MAX / step);
	return finite * step <= FLT_MAX ? finite : finite - 1.0f;
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

/* the squared error, by the scale, of a vector stored with it */
static float
error_with(const SphxLayout *layout, const float *x, float scale)
{
	float		square = 0.0f;

	for (int i = 0; i < layout->stored_count; i++)
	{
		const SphxStoredBand *band = &layout->stored[i];
		float		step = band_step(band, scale);
		float		offset = band->storage == SPHX_STORAGE_INT2 ? 0.5f : 0.0f;
		float		error = sphx_kernels->step_error(x, band->dims, step,
													 step_limit((SphxStorage) band->storage, step),
													 offset);

		square += band->weight * band->weight * error;
		x += band->dims;
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
		float		difference = y - nearest_step(y, width, sphx_width_limits[width]);

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
	/* .005 steps a coordinate are for rounding: in measuring as well */
	part = sqrtf(square / (float) layout->D) + 0.005f * layout->mean_weight;
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
		return 4e-33f / layout->least_weight * sqrtf((float) layout->D);
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

	for (int i = 0; i < layout->stored_count; i++)
	{
		const SphxStoredBand *band = &layout->stored[i];
		float		limit = sphx_width_limits[band->storage];
		float		step = sphx_kernels->amax_f32(x, band->dims) / limit;

		/* rounded up, it may stand for more than there is */
		if (step * limit > FLT_MAX)
			step = nextafterf(step, 0.0f);
		largest = fmaxf(largest, step / band->weight);
		x += band->dims;
	}
	return fminf(largest, FLT_MAX);
}

/* what a scale is tried to be made smaller by, time and again; more is cut off then */
#define SCALE_STEP			0.75f
#define SCALE_TRIALS		10

/*
 * The scale of a record.  With one band of 16 or 8 bits nothing is cut off;
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
	if (largest * layout->least_weight < 1e-37f)
		return 0.0f;
	if (is_exact(layout) || largest * layout->least_weight < 1e-30f)
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
	for (int b = 0; b < layout->stored_count; b++)
	{
		const SphxStoredBand *band = &layout->stored[b];
		SphxStorage width = (SphxStorage) band->storage;
		int			count = band->dims;
		float		step = band_step(band, r->scale);
		float		limit = exact || step == 0.0f ? sphx_width_limits[width] : step_limit(width, step);

		for (int i = 0; i < count; i++)
			store_element(stored, width, i, count,
						  nearest_step(step > 0.0f ? x[i] / step : 0.0f, width, limit));
		x += count;
		stored += count * sphx_width_bits[width] / 8;
	}
}

void
sphx_record_start(SphxRecord *r)
{
	r->flags = SPHX_NODE_USED;
	r->neighbours = 0;
	r->scale = 0.0f;
	r->error = 0;
	r->unused = 0;
	r->length_base = 0;
	r->next = SPHX_INVALID_NODE;
}

void
sphx_record_store(const SphxLayout *layout, SphxRecord *r, const float *x)
{
	r->scale = choose_scale(layout, x);
	store_vector(layout, r, x);
	r->error = measure_error(layout, r, x);
}

void
sphx_record_init(const SphxLayout *layout, SphxRecord *r, const float *x)
{
	sphx_record_start(r);
	sphx_record_store(layout, r, x);
}

/* The bands of 6, 4 and 2 bits of a vector of this scale, whose bytes begin at v. */
static void
decode_narrow(const SphxLayout *layout, const uint8_t *v, float scale, float *x)
{
	const SphxStoredBand *band = layout->stored;

	for (; band < layout->stored + layout->stored_count; band++)
	{
		float		step = band_step(band, scale);

		if (band->storage == SPHX_STORAGE_INT6)
			sphx_kernels->decode_i6(v, step, x, band->dims);
		else if (band->storage == SPHX_STORAGE_INT4)
			sphx_kernels->decode_i4(v, step, x, band->dims);
		else if (band->storage == SPHX_STORAGE_INT2)
			sphx_kernels->decode_i2(v, step, x, band->dims);
		else
			continue;
		v += band->dims * sphx_width_bits[band->storage] / 8;
		x += band->dims;
	}
}

void
sphx_record_vector(const SphxLayout *layout, const SphxRecord *r, float *x)
{
	const SphxStoredBand *band = layout->stored;
	const uint8_t *v = (const uint8_t *) r + layout->vector;
	int			d = 0;

	for (; d < layout->narrow; d += band++->dims)
	{
		float		step = band_step(band, r->scale);

		if (band->storage == SPHX_STORAGE_INT16)
			sphx_kernels->decode_i16((const int16_t *) v, step, x + d, band->dims);
		else
			sphx_kernels->decode_i8((const int8_t *) v, step, x + d, band->dims);
		v += band->dims * sphx_width_bits[band->storage] / 8;
	}
	decode_narrow(layout, v, r->scale, x + d);
}

/*
 * The same for the narrow widths, whose coordinates begin at q: they are decoded
 * first.
 */
static float
narrow_residual(const SphxLayout *layout, const uint8_t *v, float scale, const float *q, float *x,
				float *amax)
{
	size_t		count = (size_t) (layout->D - layout->narrow);

	decode_narrow(layout, v, scale, x);
	sphx_kernels->subtract_f32(q, x, count);
	*amax = fmaxf(*amax, sphx_kernels->amax_f32(x, count));
	return sphx_kernels->dot_f32(x, x, count);
}

float
sphx_record_residual(const SphxLayout *layout, const SphxRecord *r, const float *q, float *x,
					 float *amax)
{
	const SphxStoredBand *band = layout->stored;
	const uint8_t *v = (const uint8_t *) r + layout->vector;
	float		square = 0.0f;
	int			d = 0;

	*amax = 0.0f;
	for (; d < layout->narrow; d += band++->dims)
	{
		float		step = band_step(band, r->scale);
		float		largest;

		if (band->storage == SPHX_STORAGE_INT16)
			square += sphx_kernels->residual_i16(q + d, (const int16_t *) v, step, x + d,
												 band->dims, &largest);
		else
			square += sphx_kernels->residual_i8(q + d, (const int8_t *) v, step, x + d,
												band->dims, &largest);
		*amax = fmaxf(*amax, largest);
		v += band->dims * sphx_width_bits[band->storage] / 8;
	}
	if (d < layout->D)
		square += narrow_residual(layout, v, r->scale, q + d, x + d, amax);
	return square;
}

float
sphx_record_dot(const SphxLayout *layout, const SphxRecord *r, const float *q, float *room)
{
	const SphxStoredBand *band = layout->stored;
	const uint8_t *v = (const uint8_t *) r + layout->vector;
	float		sum = 0.0f;
	int			d = 0;

	for (; d < layout->narrow; d += band++->dims)
	{
		float		step = band_step(band, r->scale);

		if (band->storage == SPHX_STORAGE_INT16)
			sum += sphx_kernels->dot_i16(q + d, (const int16_t *) v, step, band->dims);
		else
			sum += sphx_kernels->dot_i8(q + d, (const int8_t *) v, step, band->dims);
		v += band->dims * sphx_width_bits[band->storage] / 8;
	}
	if (d < layout->D)
	{
		decode_narrow(layout, v, r->scale, room);
		sum += sphx_kernels->dot_f32(q + d, room, (size_t) (layout->D - d));
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
