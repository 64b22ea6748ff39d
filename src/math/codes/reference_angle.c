/*-------------------------------------------------------------------------
 *
 * reference_angle.c
 *	  Angle testing with reference angles (Lu, Xiao and Ishikawa).
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "math/codes/haar.h"
#include "math/codes/reference_angle.h"

struct SphxAngle
{
	SphxEnv    *env;
	SphxSpherical *code;
	SphxHaar   *haar;
	int			d;
	double	   *rotated;		/* [d] scratch */
	double	   *word;			/* [d] scratch */
};

double
sphx_angle_memory(int dim)
{
	return sizeof(SphxAngle) + 2.0 * sizeof(double) * dim + sphx_haar_memory(dim);
}

SphxAngle *
sphx_angle_create(SphxEnv *env, SphxSpherical *code, uint64_t seed)
{
	SphxAngle  *angle = env->alloc(env, sizeof(SphxAngle));

	angle->env = env;
	angle->code = code;
	angle->d = sphx_spherical_dim(code);
	angle->rotated = env->alloc(env, (size_t) angle->d * sizeof(double));
	angle->word = env->alloc(env, (size_t) angle->d * sizeof(double));
	angle->haar = sphx_haar_create(env, angle->d, seed);
	return angle;
}

void
sphx_angle_release(SphxAngle *angle)
{
	SphxEnv    *env = angle->env;

	sphx_haar_release(angle->haar);
	env->release(env, angle->word);
	env->release(env, angle->rotated);
	env->release(env, angle);
}

double
sphx_ks1_reference(SphxAngle *angle, const double *q, double *reference)
{
	double		cosine;

	memcpy(angle->rotated, q, (size_t) angle->d * sizeof(double));
	sphx_haar_apply(angle->haar, angle->rotated);
	cosine = sphx_spherical_nearest(angle->code, angle->rotated, reference);
	sphx_haar_apply_inverse(angle->haar, reference);
	return cosine;
}

void
sphx_ks2_rotate(const SphxAngle *angle, double *x)
{
	sphx_haar_apply(angle->haar, x);
}

double
sphx_ks2_estimate(SphxAngle *angle, const double *rotated, const double *v, double *cosine)
{
	double		product = 0.0;

	memcpy(angle->rotated, v, (size_t) angle->d * sizeof(double));
	sphx_haar_apply(angle->haar, angle->rotated);
	*cosine = sphx_spherical_nearest(angle->code, angle->rotated, angle->word);
	for (int k = 0; k < angle->d; k++)
		product += rotated[k] * angle->word[k];
	return *cosine > 0.0 ? product / *cosine : NAN;
}

/*
 * P(W <= w) for the inner product W of a fixed and a uniform unit vector of
 * d - 1 dimensions; W = 2 T - 1 with T of the distribution Beta((d - 2) / 2,
 * (d - 2) / 2) (Eq. 15).
 */
static double
inner_product_cdf(const SphxSine *inner, double w)
{
	return 1.0 - sphx_sine_cdf(inner, acos(fmax(-1.0, fmin(1.0, w))));
}

double
sphx_ks1_distribution(const SphxSine *inner, double phi, double psi, double x)
{
	/* KS1 = cos phi cos psi + sin phi sin psi W (Eq. 14) */
	return inner_product_cdf(inner, (x - cos(phi) * cos(psi)) / (sin(phi) * sin(psi)));
}

double
sphx_ks2_exceedance(const SphxSine *inner, double phi, double psi, double theta)
{
	/* KS2 = cos phi + sin phi tan psi W (Eq. 21), and W is symmetric */
	return inner_product_cdf(inner, (cos(phi) - cos(theta)) / (sin(phi) * tan(psi)));
}
