/*-------------------------------------------------------------------------
 *
 * eigen.c
 *	  Eigenvalues and eigenvectors of a symmetric matrix: Jacobi's method.
 *
 * Sweeps over all pairs in a fixed order; each is rotated so that its entry
 * outside the diagonal vanishes.  Convergence is quadratic once these entries are
 * small (Golub and Van Loan, section 8.5).
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "math/train/eigen.h"

#define MOST_SWEEPS		30

/* entries below this times the geometric mean of their diagonal entries are zero */
#define NEGLIGIBLE		1e-15

static void
rotate_rows(double *p, double *q, int n, double c, double s)
{
	for (int k = 0; k < n; k++)
	{
		double		x = p[k];
		double		y = q[k];

		p[k] = c * x - s * y;
		q[k] = s * x + c * y;
	}
}

/* Rotate rows and columns p < q of a so that a[p][q] = 0, and the vectors with them. */
static void
rotate_pair(int n, double *a, double *vectors, size_t p, size_t q)
{
	size_t		row = (size_t) n;
	double		entry = a[p * row + q];
	double		theta = (a[q * row + q] - a[p * row + p]) / (2.0 * entry);
	double		t = 1.0 / (fabs(theta) + sqrt(theta * theta + 1.0));
	double		c;
	double		s;

	if (theta < 0.0)
		t = -t;
	c = 1.0 / sqrt(t * t + 1.0);
	s = t * c;
	rotate_rows(a + p * row, a + q * row, n, c, s);
	for (size_t k = 0; k < row; k++)
		rotate_rows(a + k * row + p, a + k * row + q, 1, c, s);
	rotate_rows(vectors + p * row, vectors + q * row, n, c, s);
}

/* false when there was nothing left to do */
static bool
sweep(SphxEnv *env, int n, double *a, double *vectors)
{
	size_t		row = (size_t) n;
	bool		changed = false;

	for (size_t p = 0; p < row; p++)
	{
		for (size_t q = p + 1; q < row; q++)
		{
			double		scale = sqrt(fabs(a[p * row + p])) * sqrt(fabs(a[q * row + q]));

			if (!(fabs(a[p * row + q]) > NEGLIGIBLE * scale) ||
				fabs(a[p * row + q]) < 1e-300)
				continue;
			rotate_pair(n, a, vectors, p, q);
			changed = true;
		}
		env->tick(env, p, (uint64_t) n);
	}
	return changed;
}

/* selection sort: it moves no row of vectors more than once */
static void
sort_descending(int n, double *vectors, double *values)
{
	for (int i = 0; i < n; i++)
	{
		int			best = i;

		for (int k = i + 1; k < n; k++)
			if (values[k] > values[best])
				best = k;
		if (best != i)
		{
			double		value = values[i];

			values[i] = values[best];
			values[best] = value;
			for (int k = 0; k < n; k++)
			{
				double	   *x = vectors + (size_t) i * (size_t) n + k;
				double	   *y = vectors + (size_t) best * (size_t) n + k;

				value = *x;
				*x = *y;
				*y = value;
			}
		}
	}
}

void
sphx_eigen(SphxEnv *env, int n, double *a, double *vectors, double *values)
{
	size_t		row = (size_t) n;

	assert(n >= 0);
	memset(vectors, 0, sizeof(double) * row * row);
	for (size_t i = 0; i < row; i++)
		vectors[i * row + i] = 1.0;
	for (int i = 0; i < MOST_SWEEPS && sweep(env, n, a, vectors); i++)
		;
	for (size_t i = 0; i < row; i++)
		values[i] = a[i * row + i];
	sort_descending(n, vectors, values);
}
