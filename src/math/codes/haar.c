/*-------------------------------------------------------------------------
 *
 * haar.c
 *	  Random rotations with the uniform (Haar) distribution on SO(d).
 *
 * Any rotation that takes e_1 to a uniform point, behind a uniform rotation of
 * the other d - 1 coordinates, is uniform (Diaconis and Shahshahani, The
 * subgroup algorithm for generating uniform random variables, 1987).  The
 * first is a Householder reflection after a change of sign (Stewart, The
 * efficient generation of random orthogonal matrices, 1980).  So H = R_0 R_1
 * ... R_(d-2) F, where R_i concerns coordinates i and up, and F is a sign of the
 * last that makes the determinant 1.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>

#include "math/base/random.h"
#include "math/codes/haar.h"

#define TICK_ROWS	64

/* so that a rotation and a code made from the same seed are independent */
#define STREAM		UINT64_C(0x68616172)

struct SphxHaar
{
	SphxEnv    *env;
	size_t		d;
	double	   *sign;			/* [d]: of coordinate i before reflection i;
								 * the last is F */
	double	   *normal;			/* unit normals of the reflections: d, d - 1,
								 * ..., 2 numbers */
};

/* numbers before those of reflection i */
static size_t
normal_start(size_t d, size_t i)
{
	return i * d - i * (i - 1) / 2;
}

double
sphx_haar_memory(int d)
{
	return sizeof(SphxHaar) + sizeof(double) * (d + d * (d + 1.0) / 2.0);
}

/*
 * The normal w of a reflection with e_1 -> -sign(x_1) x for a uniform unit
 * vector x: w is along x + sign(x_1) e_1, which cannot cancel.  Returns the
 * sign of x_1.
 */
static double
draw_normal(SphxRandom *random, size_t n, double *w)
{
	double		square;
	double		sign;
	double		length;

	do
	{
		square = 0.0;
		for (size_t k = 0; k < n; k++)
		{
			w[k] = sphx_random_normal(random);
			square += w[k] * w[k];
		}
	} while (!(square > 0.0));
	sign = w[0] < 0.0 ? -1.0 : 1.0;
	/* of w + sign |w| e_1, whose first number is changed next */
	length = sqrt(2.0 * (square + sqrt(square) * fabs(w[0])));
	w[0] += sign * sqrt(square);
	for (size_t k = 0; k < n; k++)
		w[k] /= length;
	return sign;
}

SphxHaar *
sphx_haar_create(SphxEnv *env, int d, uint64_t seed)
{
	SphxHaar   *haar = env->alloc(env, sizeof(SphxHaar));
	double		determinant = 1.0;
	SphxRandom	random;

	assert(d >= 1);
	haar->env = env;
	haar->d = (size_t) d;
	haar->sign = env->alloc(env, haar->d * sizeof(double));
	haar->normal = env->alloc(env, haar->d * (haar->d + 1) / 2 * sizeof(double));
	sphx_random_seed(&random, seed ^ STREAM);
	for (size_t i = 0; i + 1 < haar->d; i++)
	{
		double		sign = draw_normal(&random, haar->d - i, haar->normal + normal_start(haar->d, i));

		/* the reflection has determinant -1, and so has the sign if negative */
		haar->sign[i] = -sign;
		determinant *= sign;
		if (i % TICK_ROWS == 0)
			env->tick(env, i, haar->d);
	}
	haar->sign[haar->d - 1] = determinant;
	return haar;
}

void
sphx_haar_release(SphxHaar *haar)
{
	SphxEnv    *env = haar->env;

	env->release(env, haar->normal);
	env->release(env, haar->sign);
	env->release(env, haar);
}

/* reflection i of x, of which it concerns numbers i and up */
static void
reflect(const SphxHaar *haar, size_t i, double *x)
{
	const double *w = haar->normal + normal_start(haar->d, i);
	size_t		n = haar->d - i;
	double		product = 0.0;

	for (size_t k = 0; k < n; k++)
		product += w[k] * x[i + k];
	for (size_t k = 0; k < n; k++)
		x[i + k] -= 2.0 * product * w[k];
	if (i % TICK_ROWS == 0)
		haar->env->tick(haar->env, i, haar->d);
}

void
sphx_haar_apply(const SphxHaar *haar, double *x)
{
	x[haar->d - 1] *= haar->sign[haar->d - 1];
	for (size_t i = haar->d - 1; i-- > 0;)
	{
		x[i] *= haar->sign[i];
		reflect(haar, i, x);
	}
}

void
sphx_haar_apply_inverse(const SphxHaar *haar, double *x)
{
	for (size_t i = 0; i + 1 < haar->d; i++)
	{
		reflect(haar, i, x);
		x[i] *= haar->sign[i];
	}
	x[haar->d - 1] *= haar->sign[haar->d - 1];
}
