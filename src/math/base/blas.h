/*-------------------------------------------------------------------------
 *
 * blas.h
 *	  Matrix products from the system's BLAS.
 *
 * The library is loaded at its first use, with its threads switched off: a
 * server process must not grow threads, and a process that only answers
 * queries need not load it at all.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_BLAS_H
#define SPHX_BLAS_H

#include <stdbool.h>
#include <stddef.h>

/* false, with a reason in *why, when no BLAS library can be loaded */
extern bool sphx_blas_load(const char **why);

/*
 * C = A B^T, row-major: A is rows_a x d, B is rows_b x d, C is rows_a x
 * rows_b.  sphx_blas_load must have returned true.
 */
extern void sphx_gemm_nt(size_t rows_a, size_t rows_b, size_t d, const float *a, const float *b,
						 float *c);

/* C = A B: A is rows_a x d, B is d x columns_b, C is rows_a x columns_b */
extern void sphx_gemm_nn(size_t rows_a, size_t columns_b, size_t d, const float *a, const float *b,
						 float *c);

/*
 * Both in double precision: A is rows_a x d, B is d x
 * columns_b, C is rows_a x columns_b.
 *
 * How a library rounds depends on the processor, in single precision, too.
 * But where all elements are integer multiples of some power of two, small
 * enough for every partial sum to be below 2^53 times the unit of the products,
 * the result is exact, and the same everywhere.
 */
extern void sphx_dgemm_nt(size_t rows_a, size_t rows_b, size_t d, const double *a,
						  const double *b, double *c);
extern void sphx_dgemm_nn(size_t rows_a, size_t columns_b, size_t d, const double *a,
						  const double *b, double *c);

#endif							/* SPHX_BLAS_H */
