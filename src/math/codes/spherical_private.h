/*-------------------------------------------------------------------------
 *
 * spherical_private.h
 *	  What families.c tells spherical.c of a code.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_SPHERICAL_PRIVATE_H
#define SPHX_SPHERICAL_PRIVATE_H

#include "math/codes/parts.h"
#include "math/codes/spherical.h"

#define SPHX_MAX_PARTS	5

/* Fill in the parts, the points of random codes still missing; returns how many. */
extern int	sphx_family_parts(const SphxSphericalSpec *spec, SphxPart *part);

/* codewords of so many parts; UINT64_MAX as sphx_spherical_size */
extern uint64_t sphx_parts_count(int parts, const SphxPart *part);

/* Draw the points of a random code: param[0] * dim numbers. */
extern void sphx_family_draw(SphxEnv *env, const SphxSphericalSpec *spec, double *points);

#endif							/* SPHX_SPHERICAL_PRIVATE_H */
