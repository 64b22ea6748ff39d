/*-------------------------------------------------------------------------
 *
 * spherical.h
 *	  Spherical codes: named constructions, their sizes and minimum angles,
 *	  codewords by number, and decoding to the nearest codeword.
 *
 * A code is a set of unit vectors.  All codewords have norm 1; all families
 * but the random "gaussian" one (whose points have no symmetry) have their
 * centre at the origin.  Angles are in radians.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_SPHERICAL_H
#define SPHX_SPHERICAL_H

#include <stdbool.h>

#include "math/base/env.h"

#define SPHX_FAMILY_MAX_PARAMS	4
#define SPHX_FAMILY_MAX_DIM		16000

typedef struct SphxFamily SphxFamily;

/* a member of a family */
typedef struct SphxSphericalSpec
{
	const SphxFamily *family;
	int			dim;
	int			params;			/* how many were given */
	int64_t		param[SPHX_FAMILY_MAX_PARAMS];	/* in order; what was not
												 * given has its default */
} SphxSphericalSpec;

struct SphxFamily
{
	const char *name;
	const char *alias;			/* another name, or NULL */
	const char *parameters;		/* "" or what stands in parentheses behind the
								 * name */
	int			required;		/* parameters that must be given ... */
	int			allowed;		/* ... and that may be */
	int			min_dim;
	int			max_dim;
	const char *size;			/* formulas for the user; k = dimension */
	const char *cosine;			/* of the minimum angle; "" when random */
	bool		isogonal;		/* all Voronoi cells are congruent */
};

extern const SphxFamily sphx_families[];
extern const int sphx_family_count;

typedef enum SphxSphericalStatus
{
	SPHX_SPHERICAL_OK,
	SPHX_SPHERICAL_UNKNOWN,		/* no such family */
	SPHX_SPHERICAL_SYNTAX,		/* not name or name(number, ...) */
	SPHX_SPHERICAL_PARAMS,		/* too many or too few parameters */
	SPHX_SPHERICAL_VALUE,		/* a parameter has an impossible value */
	SPHX_SPHERICAL_DIM			/* the family does not exist in this dimension */
} SphxSphericalStatus;

/*
 * Read "name" or "name(number, ...)"; case, blanks, '-' and '_' in the name
 * do not count.  On failure spec->family tells, where known, of what family.
 */
extern SphxSphericalStatus sphx_spherical_parse(const char *given, int dim,
												SphxSphericalSpec *spec);

/* can the family be had in this dimension at all? */
extern bool sphx_family_exists(const SphxFamily *family, int dim);

/* codewords; UINT64_MAX when there are 2^62 or more */
extern uint64_t sphx_spherical_size(const SphxSphericalSpec *spec);

/* the same at one level of a product code, which is not a power then */
extern double sphx_spherical_level_size(const SphxSphericalSpec *spec);

/* smallest angle between two codewords; NAN for random codes */
extern double sphx_spherical_min_angle(const SphxSphericalSpec *spec);

/* bytes that creating the code takes, to be checked before */
extern double sphx_spherical_memory(const SphxSphericalSpec *spec);

typedef struct SphxSpherical SphxSpherical;

/* A code ready for use; random ones are drawn now.  Not to be shared by threads. */
extern SphxSpherical *sphx_spherical_create(SphxEnv *env, const SphxSphericalSpec *spec);

/* the code of n >= 1 given unit vectors (n * dim numbers, not copied) */
extern SphxSpherical *sphx_spherical_from_points(SphxEnv *env, int n, int dim,
												 const double *points);
extern void sphx_spherical_release(SphxSpherical *code);

extern int	sphx_spherical_dim(const SphxSpherical *code);
extern uint64_t sphx_spherical_count(const SphxSpherical *code);
extern bool sphx_spherical_isogonal(const SphxSpherical *code);

/* codeword number index, 0 .. count - 1 */
extern void sphx_spherical_word(SphxSpherical *code, uint64_t index, double *word);

/*
 * Number of the codeword nearest to x (of any length): the one with the
 * largest inner product, which goes to *product unless that is NULL.
 */
extern uint64_t sphx_spherical_decode(SphxSpherical *code, const double *x, double *product);

/*
 * That codeword itself, also of product codes with too many codewords to be
 * numbered; returns its inner product with x.
 */
extern double sphx_spherical_nearest(SphxSpherical *code, const double *x, double *word);

/* multiplications that decoding takes, roughly */
extern double sphx_spherical_cost(const SphxSpherical *code);

/*
 * The points of a product code: *levels sets of *m vectors of dim / *levels
 * numbers and norm 1 / sqrt(*levels).  NULL for other codes.  A code made
 * from points is a product code of one level.
 */
extern const double *sphx_spherical_points(const SphxSpherical *code, int *m, int *levels);

/* hyperplanes that cut independently of each other; 0 when the code is not of this kind */
extern int	sphx_spherical_hyperplanes(const SphxSpherical *code);

#endif							/* SPHX_SPHERICAL_H */
