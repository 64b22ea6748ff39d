/*-------------------------------------------------------------------------
 *
 * kmeans.h
 *	  What kmeans.c, gap.c, softmin.c and train.c share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_KMEANS_H
#define SPHX_KMEANS_H

#include "math/base/env.h"
#include "math/base/random.h"
#include "math/train/train.h"

/*
 * One training run.  The arrays describe the last assignment of all rows
 * (sphx_kmeans_evaluate).
 */
typedef struct SphxTrainer
{
	SphxEnv		env;			/* first: passed on, its tick counts the work
								 * of the whole run */
	SphxEnv    *outer;			/* the caller's */
	uint64_t	done;			/* rows assigned, over all passes but the
								 * current one */
	uint64_t	total;			/* the same when finished, roughly; 0 while
								 * the first centroids are chosen */

	size_t		work;			/* since the last tick, in elements
								 * (sphx_trainer_work) */

	size_t		n;
	size_t		d;
	size_t		k;
	const float *rows;
	bool		spherical;
	SphxRandom	random;
	void		(*step) (SphxEnv *env, const char *stage, int iteration, double error);

	uint32_t   *cell;			/* [n] nearest centroid */
	float	   *distance;		/* [n] squared distance to it */
	uint32_t   *order;			/* [n] rows sorted by cell */
	size_t	   *start;			/* [k + 1] first row of each cell in order */
	double	   *cell_error;		/* [k] sum of distance */
	double	   *sum;			/* [d] */

	double		error;			/* mean of distance */
	double		imbalance;		/* k * sum n_i^2 / n^2 */
} SphxTrainer;

/* kmeans.c */
extern void sphx_trainer_work(SphxTrainer *t, size_t elements);
extern void sphx_trainer_step(SphxTrainer *t, const char *stage, int iteration, double error);
extern void sphx_unit_row(float *x, size_t d);
extern size_t sphx_kmeans_seed(SphxTrainer *t, size_t k, float *centroids);
extern void sphx_kmeans_evaluate(SphxTrainer *t, const float *centroids);
extern void sphx_kmeans_update(SphxTrainer *t, float *centroids);
extern int	sphx_kmeans_run(SphxTrainer *t, float *centroids, int steps, double tolerance);

/* gap.c */
extern int	sphx_gap_train(SphxTrainer *t, float *centroids, int rounds, double gap_weight,
						   const SphxTrainReport *plain);

/* softmin.c */
extern void sphx_softmin_train(SphxTrainer *t, float *centroids, int steps, double gap_weight,
							   double separation);

#endif							/* SPHX_KMEANS_H */
