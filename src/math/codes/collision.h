/*-------------------------------------------------------------------------
 *
 * collision.h
 *	  Collision probabilities and query exponents of hashing with spherical
 *	  codes (Laarhoven).
 *
 * A vector x is hashed to the codeword nearest to A x, A a k x d matrix of
 * independent standard normal numbers.  With angle theta between x and y
 *
 *		p1 = P(h(x) = h(y))		p2 = the same for unrelated x and y
 *		rho = log p1 / log p2
 *
 * None of them depends on d (Theorem 8).
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_COLLISION_H
#define SPHX_COLLISION_H

#include "math/codes/spherical.h"

typedef struct SphxCollision
{
	double		p1;
	double		p2;
	double		rho;			/* 1 when p1 = p2, NAN for a single codeword */
	/* 99 % confidence bounds on the errors of integration; 0 for closed forms */
	double		p1_error;
	double		p2_error;
	double		rho_error;
	bool		exact;			/* a closed form */
} SphxCollision;

typedef struct SphxCollisionParams
{
	double		theta;			/* 0 .. pi / 2 */
	int64_t		samples;		/* points of the integration rule; 0 = chosen
								 * from the code */
	uint64_t	seed;			/* of the rule's random shifts */
} SphxCollisionParams;

/*
 * Memory that sphx_collision takes beside the code, in bytes: of one that is
 * not isogonal, with so many codewords at a level.
 */
extern double sphx_collision_bytes(double codewords);

/*
 * Closed forms: codes of one and two dimensions (Eqs. 30, 31, 37) and
 * hypercubes (Eq. 42); also two codewords, whatever the dimension.  Otherwise
 * integration (collision.c); the cells of a product code are independent
 * level by level, and so its probabilities are products.
 */
extern void sphx_collision(SphxEnv *env, SphxSpherical *code,
						   const SphxCollisionParams *params, SphxCollision *result);

#endif							/* SPHX_COLLISION_H */
