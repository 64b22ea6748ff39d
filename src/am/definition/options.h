/*-------------------------------------------------------------------------
 *
 * options.h
 *	  WITH (...) options.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_OPTIONS_H
#define SPHX_OPTIONS_H

#include "server/compat.h"

#include "utils/rel.h"

typedef struct SphxOptions
{
	int32		vl_len_;		/* varlena header */
	int			m;				/* 0 = chosen */
	int			ef_construction;
	int			lists;			/* 0 = chosen */
	double		gap_weight;
	double		code_bits;		/* 0 = chosen, or .125 to 4 */
	int			storage;		/* SphxStorage, or SPHX_STORAGE_AUTO */
	int			rotation;		/* SphxRotationOption */
	int			centroids;		/* offset of a name from the start of what the
								 * relation cache holds; 0 = none */
} SphxOptions;

#define SPHX_STORAGE_AUTO		(-1)

typedef enum SphxRotationOption
{
	SPHX_ROTATION_AUTO,
	SPHX_ROTATION_RANDOM,
	SPHX_ROTATION_LEARNED
} SphxRotationOption;

extern void SphxInitOptions(void);

extern SphxOptions SphxGetOptions(Relation index);

/* The name of the relation with the index's centroids, in palloc'd memory, or NULL. */
extern char *SphxCentroidsOption(Relation index);

/* callback of the access method */
extern bytea *sphxoptions(Datum reloptions, bool validate);

#endif							/* SPHX_OPTIONS_H */
