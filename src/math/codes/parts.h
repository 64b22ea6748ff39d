/*-------------------------------------------------------------------------
 *
 * parts.h
 *	  The building blocks of spherical codes: each lists its codewords and
 *	  finds the one nearest to a vector without looking at all of them.
 *
 * A code is the union of a few parts (families.c).  Within a part codewords
 * are numbered from 0 and all have the same length, which all parts of a code
 * share; it need not be 1.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_PARTS_H
#define SPHX_PARTS_H

#include <stdbool.h>

#include "math/base/env.h"

typedef enum SphxPartKind
{
	SPHX_PART_MAX,				/* m of the first `span` coordinates are
								 * +-scale, the others 0 */
	SPHX_PART_HALF,				/* the first `span` coordinates are +-scale,
								 * the number of minus signs even (or odd) */
	SPHX_PART_ARRANGED,			/* the listed arrangements, with all signs */
	SPHX_PART_SIMPLEX,			/* regular simplex */
	SPHX_PART_ROOTS_A,			/* differences of two vertices of the simplex */
	SPHX_PART_POLYGON,			/* regular polygon of m vertices */
	SPHX_PART_OCTADS,			/* +-2 on an octad of the Golay code, an even
								 * number of minus signs */
	SPHX_PART_GOLAY,			/* (-3, 1^23) in any order, signs changed on a
								 * word of the Golay code */
	SPHX_PART_PRODUCT			/* one of m points at each of several levels,
								 * concatenated */
} SphxPartKind;

typedef struct SphxPart
{
	SphxPartKind kind;
	int			dim;			/* coordinates of a codeword */
	int			span;			/* MAX, HALF: coordinates that vary, dim or
								 * dim - 1 */
	int			m;				/* MAX: nonzero coordinates; POLYGON:
								 * vertices; PRODUCT: points of a level */
	int			levels;			/* PRODUCT */
	bool		odd;			/* HALF: parity of the number of minus signs */
	double		scale;			/* MAX, HALF */
	double		tail;			/* MAX, HALF: last coordinate when span < dim */
	int			arrangements;	/* ARRANGED: how many */
	const double *arranged;		/* ARRANGED: dim numbers >= 0 each, all with
								 * equally many zeros */
	const double *points;		/* PRODUCT: levels x m x dim / levels */
} SphxPart;

/* scratch of one user of parts, and tables that parts share */
typedef struct SphxPartWork SphxPartWork;

/* golay: the part needs the tables of the Golay code */
extern SphxPartWork *sphx_part_work_create(SphxEnv *env, int dim, bool golay);
extern void sphx_part_work_release(SphxEnv *env, SphxPartWork *work);

/* number of codewords, or UINT64_MAX when it is 2^62 or more */
extern uint64_t sphx_part_count(const SphxPart *part);

/* codeword `index`, not normalised: part->dim numbers */
extern void sphx_part_word(const SphxPart *part, uint64_t index, SphxPartWork *work,
						   double *word);

/*
 * The codeword with the largest inner product with x; returns that inner
 * product.  Ties go to the same codeword every time.
 */
extern double sphx_part_best(const SphxPart *part, const double *x, SphxPartWork *work,
							 uint64_t *index);

#endif							/* SPHX_PARTS_H */
