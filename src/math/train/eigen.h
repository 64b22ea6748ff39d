/*-------------------------------------------------------------------------
 *
 * eigen.h
 *	  Eigenvalues and eigenvectors of a symmetric matrix.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_EIGEN_H
#define SPHX_EIGEN_H

#include "math/base/env.h"

/*
 * Of a (n x n, destroyed): the eigenvalues, descending, and as rows of `vectors`
 * (n x n) the eigenvectors, orthonormal.  All must be finite.
 */
extern void sphx_eigen(SphxEnv *env, int n, double *a, double *vectors, double *values);

#endif							/* SPHX_EIGEN_H */
