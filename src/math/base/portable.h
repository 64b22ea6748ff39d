/*-------------------------------------------------------------------------
 *
 * portable.h
 *	  Arithmetic that gives the same bits on every machine.
 *
 * The kernels of kernels.h, a BLAS library and the functions of libm round
 * differently from one instruction set to the next.  Where an iteration
 * would make a difference in the last bit grow, or a choice would hang on
 * it, these take their place: fixed orders of operations that IEEE
 * arithmetic defines to the last bit, none of them fused (src/math is
 * compiled with -ffp-contract=off).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_PORTABLE_H
#define SPHX_PORTABLE_H

#include <stddef.h>

/* sum (a-b)^2 in single precision, 16 partial sums; inf - inf gives NaN */
extern float sphx_portable_l2sq(const float *a, const float *b, size_t d);

/* sum x^2 in double precision */
extern double sphx_portable_square(const float *x, size_t d);

/* to about 1e-15, relative (log, sin, cos, acos near their zeros: absolute) */
extern double sphx_portable_exp(double x);	/* x < 700; 0 below -700 */
extern double sphx_portable_log(double x);	/* x > 0 */
extern double sphx_portable_pow(double x, double y);	/* x > 0 */
extern double sphx_portable_sin(double x);	/* |x| up to some 1e6 */
extern double sphx_portable_cos(double x);
extern double sphx_portable_acos(double x); /* of -1 or 1 beyond them */

/*
 * Bounds what the sum over d elements of <a, b> - |b|^2 / 2 from a product in
 * single precision, summed in whatever order, fused or not, may be away from
 * what sphx_portable_l2sq says, (|a|^2 - |a-b|^2) / 2: by this times |a|^2 +
 * |b|^2.
 *
 * A sum of n terms is off by at most n 2^-24 times the sum of their absolute
 * values (Higham, Accuracy and Stability of Numerical Algorithms, section
 * 4.2), which is here at most |a|^2 / 2 + |b|^2, for n = d + 1; the portable
 * sum by d / 16 and a few roundings of |a-b|^2 / 2.  What is beyond that is
 * for a handful of roundings on the way.
 */
extern double sphx_product_slack(size_t d);

#endif							/* SPHX_PORTABLE_H */
