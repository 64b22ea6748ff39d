/*-------------------------------------------------------------------------
 *
 * optimize_points.c
 *	  What all parts of the code optimiser do with points, and their account
 *	  of work.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>

#include "math/codes/optimize_private.h"

#define WORK_A_TICK			((uint64_t) 1 << 22)	/* multiplications */

void
sphx_code_work(SphxCodeProblem *p, uint64_t operations)
{
	p->work += operations;
	if (p->work > WORK_A_TICK)
	{
		p->work = 0;
		p->env->tick(p->env, p->done, p->total);
	}
}

/* four partial sums: a processor adds them side by side */
double
sphx_code_dot(const double *a, const double *b, int d)
{
	double		s0 = 0.0;
	double		s1 = 0.0;
	double		s2 = 0.0;
	double		s3 = 0.0;
	int			j = 0;

	for (; j + 4 <= d; j += 4)
	{
		s0 += a[j] * b[j];
		s1 += a[j + 1] * b[j + 1];
		s2 += a[j + 2] * b[j + 2];
		s3 += a[j + 3] * b[j + 3];
	}
	for (; j < d; j++)
		s0 += a[j] * b[j];
	return (s0 + s2) + (s1 + s3);
}

void
sphx_code_unit(double *x, int d)
{
	double		length = sqrt(sphx_code_dot(x, x, d));

	assert(length > 0.0);
	for (int j = 0; j < d; j++)
		x[j] /= length;
}

/*
 * Nearly uniform: a sum of twelve uniform variables is close enough to a
 * normal one, and the same on every machine.
 */
void
sphx_code_random_direction(SphxRandom *random, double *x, int d)
{
	do
	{
		for (int j = 0; j < d; j++)
		{
			x[j] = -6.0;
			for (int i = 0; i < 12; i++)
				x[j] += sphx_random_uniform(random);
		}
	} while (sphx_code_dot(x, x, d) < 1e-6);
	sphx_code_unit(x, d);
}
