/*-------------------------------------------------------------------------
 *
 * reference_angle.h
 *	  Angle testing with reference angles (Lu, Xiao and Ishikawa).
 *
 * S is a spherical code and H a uniform random rotation.  Z_S(x) is the
 * codeword nearest to x, and A_S(x) = <x, Z_S(x)> the cosine of the reference
 * angle psi of a unit vector x.
 *
 *	  KS1(q, v) = <v, Z_HS(q)>					(Eq. 2) for comparing angles
 *	  KS2(q, v) = <Hq, Z_S(Hv)> / A_S(Hv)		(Eq. 3) for an angle and a threshold
 *
 * These are reference implementations: all of H S is at hand, and a rotation
 * takes d^2 multiplications.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_REFERENCE_ANGLE_H
#define SPHX_REFERENCE_ANGLE_H

#include "math/codes/sine.h"
#include "math/codes/spherical.h"

/*
 * S and H.  The rotation that KS1 turns S with is the inverse of the one that
 * KS2 turns q and v with (either is uniform), so that KS1(x, x) is the
 * cosine of the reference angle that both have to do with.
 */
typedef struct SphxAngle SphxAngle;

/* the code is not copied, and used as scratch */
extern SphxAngle *sphx_angle_create(SphxEnv *env, SphxSpherical *code, uint64_t seed);
extern void sphx_angle_release(SphxAngle *angle);

/* bytes that it takes besides the code */
extern double sphx_angle_memory(int dim);

/*
 * KS1 of q and any v is the inner product of v with this reference vector,
 * Z_HS(q).  Returns A_HS(q) for a unit vector q.
 */
extern double sphx_ks1_reference(SphxAngle *angle, const double *q, double *reference);

/* x = Hx, which KS2 needs of q */
extern void sphx_ks2_rotate(const SphxAngle *angle, double *x);

/*
 * KS2 of q, given as Hq, and a unit vector v.  A_S(Hv) goes to *cosine; when it
 * is not positive the result means nothing and is NAN.
 */
extern double sphx_ks2_estimate(SphxAngle *angle, const double *rotated, const double *v, double *cosine);

/*
 * Distributions.  inner is that of the angle between a fixed and a uniform
 * direction of d - 1 dimensions, sphx_sine_create(env, d - 3), for vectors of d
 * >= 3 dimensions.
 */

/*
 * P(KS1(q, v) <= x) for unit vectors at the angle phi, of which q has the
 * reference angle psi (Lemma 4.2, Eq. 4); both in (0, pi).
 */
extern double sphx_ks1_distribution(const SphxSine *inner, double phi, double psi, double x);

/*
 * P(KS2(q, v) >= cos theta) for unit vectors at the angle phi in (0, pi), of
 * which v has the reference angle psi in (0, pi / 2) (Lemma 4.3, Eq. 24).
 */
extern double sphx_ks2_exceedance(const SphxSine *inner, double phi, double psi, double theta);

#endif							/* SPHX_REFERENCE_ANGLE_H */
