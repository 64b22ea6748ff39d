/*-------------------------------------------------------------------------
 *
 * lrsq.h
 *	  Low-rank spherical quantisation: codes of vectors of which the cosine with
 *	  another vector is known within a strict bound.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_LRSQ_H
#define SPHX_LRSQ_H

#include <stdbool.h>

#include "math/base/reflect.h"

/*
 * A model: an orthogonal transform whose first `rank` coordinates of a vector, its
 * head, are coded, and what these are on average.
 */
typedef struct SphxLrsq
{
	int			D;
	int			rank;			/* 1..D */
	float	   *center;			/* rank: the head that codes are relative to */
	SphxReflectors *reflectors; /* rank of them */
	double		energy;			/* of what it was trained on: the mean square
								 * of a unit vector's head */
} SphxLrsq;

/*
 * Learn a model of n rows, all finite: the directions are the principal ones of the
 * rows as unit vectors, so the tails left out are as small as they can be.  Where
 * the rows have fewer directions the others are arbitrary.  The same seed gives
 * the same model up to rounding.  sphx_blas_load must have returned true.
 */
extern SphxLrsq *sphx_lrsq_train(SphxEnv *env, int n, const float *rows, int D, int rank,
								 uint64_t seed);

/* A model of these parts, of which copies are made; reflectors as they are written. */
extern SphxLrsq *sphx_lrsq_create(SphxEnv *env, int D, int rank, const float *center,
								  const void *reflectors, double energy);

/*
 * A code: bytes that are the same on every machine.  Whatever its bytes, one that
 * passes sphx_lrsq_is_code can be used.
 */
extern size_t sphx_lrsq_bytes(int rank);
extern bool sphx_lrsq_is_code(int rank, const uint8_t *code);

/* x (D, finite), as a code; scratch of D doubles */
extern void sphx_lrsq_encode(const SphxLrsq *lrsq, const float *x, double *scratch, uint8_t *code);

/* what the code is of, as far as it tells; scratch of D doubles */
extern void sphx_lrsq_decode(const SphxLrsq *lrsq, const uint8_t *code, double *scratch, float *x);

/* A vector to compare codes with. */
typedef struct SphxLrsqQuery
{
	double		tail;			/* norm of what is behind its head, as a part
								 * of the vector's; NaN when that is zero */
	double		offset;			/* product of its head with the center */
	double	   *head;			/* D, of which rank are used */
	double	   *blocks;			/* norms of the head's blocks */
} SphxLrsqQuery;

/* x (D, finite); one allocation of env */
extern SphxLrsqQuery *sphx_lrsq_query(SphxEnv *env, const SphxLrsq *lrsq, const float *x);

typedef struct SphxLrsqCosine
{
	double		estimate;
	double		lower;			/* -1 or more */
	double		upper;			/* 1 or less */
} SphxLrsqCosine;

/*
 * The cosine of the angle between what was coded and the query, strictly between
 * the bounds, which also hold what the kernel dot3_f32 makes of it; all NaN when
 * one of the vectors is zero.
 */
extern SphxLrsqCosine sphx_lrsq_cosine(const SphxLrsq *lrsq, const uint8_t *code,
									   const SphxLrsqQuery *query);

/* Norms of errors, as parts of the vector's norm. */
typedef struct SphxLrsqError
{
	double		predicted;		/* of the head: what rounding to the code's
								 * steps leaves on average */
	double		bound;			/* of the head: not more than that */
	double		tail;			/* of what is left out: not more than that */
} SphxLrsqError;

extern SphxLrsqError sphx_lrsq_error(int rank, const uint8_t *code);

#endif							/* SPHX_LRSQ_H */
