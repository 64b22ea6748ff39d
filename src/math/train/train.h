/*-------------------------------------------------------------------------
 *
 * train.h
 *	  Codebook training: k-means++, Lloyd, gap regularisation (Mathews).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_TRAIN_H
#define SPHX_TRAIN_H

#include <stdbool.h>

#include "math/base/env.h"

/* how centroids are kept apart */
typedef enum SphxTrainMethod
{
	SPHX_TRAIN_PUSH,			/* near pairs are pushed apart between Lloyd
								 * steps (gap.c) */
	SPHX_TRAIN_SOFTMIN			/* Adam on error and soft minimum, as in seed
								 * 000 (softmin.c); spherical only */
} SphxTrainMethod;

/* centroids of SPHX_TRAIN_SOFTMIN at most: it holds a number for every pair */
#define SPHX_SOFTMIN_MAX_K	4096

typedef struct SphxTrainParams
{
	int			k;				/* centroids wanted, >= 1 */
	int			iterations;		/* Lloyd steps (or steps of Adam) at most; 0 =
								 * a good default */
	double		gap_weight;		/* 0 = plain k-means */
	bool		spherical;		/* keep centroids on the unit sphere (rows are
								 * unit vectors) */
	uint64_t	seed;
	SphxTrainMethod method;

	/*
	 * Told the mean squared error after each iteration of a stage, counted
	 * from 1; or NULL.
	 */
	void		(*step) (SphxEnv *env, const char *stage, int iteration, double error);
} SphxTrainParams;

/* what was reached; the same figures for the k-means solution the regularisation started from */
typedef struct SphxTrainReport
{
	double		separation;		/* minimum distance between two centroids */
	double		nearest_mean;	/* mean over centroids of the distance to the
								 * nearest other */
	double		nearest_p5;		/* its 5th percentile */
	double		error;			/* mean squared distance of a row to its
								 * centroid */
	double		imbalance;		/* k * sum n_i^2 / n^2 */
	int			k;				/* centroids found (fewer than wanted when
								 * rows are few or equal) */
	int			iterations;
} SphxTrainReport;

/*
 * Train params->k centroids on n rows of d floats.  centroids has room for
 * k * d floats.  report[0] is what was reached, report[1] the plain k-means
 * beside it.  Returns the number of centroids, at least 1 for n >= 1 and at
 * most the number of different rows.  Needs sphx_blas_load.
 */
extern int	sphx_train(SphxEnv *env, const SphxTrainParams *params, size_t n, int d,
					   const float *rows, float *centroids, SphxTrainReport report[2]);

/*
 * The figures of k given centroids, all different, over n rows; error and
 * imbalance are NaN when n = 0.  Needs sphx_blas_load.
 */
extern void sphx_train_measure(SphxEnv *env, size_t n, int d, const float *rows, int k,
							   const float *centroids, SphxTrainReport *report);

/* Keep the first of equal rows, in their order; returns how many are left. */
extern size_t sphx_drop_equal_rows(SphxEnv *env, size_t n, int d, float *rows);

#endif							/* SPHX_TRAIN_H */
