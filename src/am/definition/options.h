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

#include "page/meta.h"

/* numbers in operator classes */
#define SPHX_DISTANCE_STRATEGY	1	/* the ordering operator */
#define SPHX_DISTANCE_PROC		1	/* its function */
#define SPHX_METRIC_PROC		2	/* SphxMetric, a function without
									 * arguments */

typedef struct SphxOptions
{
	int32		vl_len_;		/* varlena header */
	int			m;				/* 0 = chosen */
	int			ef_construction;
	int			lists;			/* 0 = chosen */
	double		gap_weight;
	double		code_bits;		/* 0 = chosen, .5, 1 or 2 */
	int			storage;		/* SphxStorage, or SPHX_STORAGE_AUTO */
	int			centroids;		/* offset of a name from the start of what the
								 * relation cache holds; 0 = none */
} SphxOptions;

#define SPHX_STORAGE_AUTO		(-1)
#define SPHX_DEFAULT_EF_CONSTRUCTION 100
#define SPHX_DEFAULT_GAP_WEIGHT 2.0

extern void SphxInitOptions(void);

extern SphxOptions SphxGetOptions(Relation index);

/* The name of the relation with the index's centroids, in palloc'd memory, or NULL. */
extern char *SphxCentroidsOption(Relation index);

/*
 * Fill metric, layout, ef_construction and gap_weight of info->meta for
 * vectors of this many dimensions, and info->layout; an error when a record
 * cannot fit a page.
 */
extern void SphxChooseLayout(Relation index, int dims, SphxIndexInfo *info);

/* dimensions from the column's type modifier, or -1 */
extern int	SphxTypmodDims(Relation index);

/* callbacks of the access method */
extern bytea *sphxoptions(Datum reloptions, bool validate);
extern bool sphxvalidate(Oid opclass);

/* the metric of an index, from its operator class */
extern SphxMetric SphxIndexMetric(Relation index);

#endif							/* SPHX_OPTIONS_H */
