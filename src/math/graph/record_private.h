/*-------------------------------------------------------------------------
 *
 * record_private.h
 *	  What the files of node records (record*.c) share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_RECORD_PRIVATE_H
#define SPHX_RECORD_PRIVATE_H

#include <math.h>

#include "math/graph/record.h"

static inline uint8_t *
record_codes(const SphxLayout *layout, const SphxRecord *r)
{
	return (uint8_t *) r + layout->codes;
}

static inline uint8_t *
record_lengths(const SphxLayout *layout, const SphxRecord *r)
{
	return (uint8_t *) r + layout->lengths;
}

static inline uint8_t *
record_gains(const SphxLayout *layout, const SphxRecord *r)
{
	return (uint8_t *) r + layout->gains;
}

static inline float
vector_norm(const float *e, int D)
{
	return sqrtf(sphx_kernels->dot_f32(e, e, (size_t) D));
}

/* write edge j; the base of lengths has been set so that `length` fits */
extern void sphx_record_put_edge(const SphxLayout *layout, SphxRecord *r, int j, uint32_t id,
								 const float *e, float length, uint8_t *nibbles);

/*
 * Make room in the length codes for an edge of the given length: with a
 * higher base every code counts from there, and what falls below it becomes
 * the shortest.
 */
extern void sphx_record_fit_length(const SphxLayout *layout, SphxRecord *r, float length);

#endif							/* SPHX_RECORD_PRIVATE_H */
