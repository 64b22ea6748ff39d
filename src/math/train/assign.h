/*-------------------------------------------------------------------------
 *
 * assign.h
 *	  Assignment of rows to their nearest centroids.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_ASSIGN_H
#define SPHX_ASSIGN_H

#include "math/base/parallel.h"

/*
 * The `probes` nearest centroids of every row, nearest first: ids and squared
 * distances, each n * probes (distances may be NULL).  probes <= k; blocked
 * matrix products.
 */
extern void sphx_assign(SphxEnv *env, size_t n, int d, const float *rows, int k,
						const float *centroids, int probes, uint32_t *ids, float *distances);

/* its task, for workers */
extern const SphxTask sphx_assign_task;

/* Mean of n >= 1 rows (sum is scratch), and rows relative to a centre. */
extern void sphx_mean_row(size_t n, size_t d, const float *rows, double *sum, float *mean);
extern void sphx_subtract_row(size_t n, size_t d, const float *rows, const float *centre,
							  float *out, size_t stride);

#endif							/* SPHX_ASSIGN_H */
