/*-------------------------------------------------------------------------
 *
 * compare.h
 *	  Numbers in ascending order, for qsort.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_COMPARE_H
#define SPHX_COMPARE_H

static inline int
sphx_compare_floats(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return (x > y) - (x < y);
}

static inline int
sphx_compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

#endif							/* SPHX_COMPARE_H */
