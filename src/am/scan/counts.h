/*-------------------------------------------------------------------------
 *
 * counts.h
 *	  What a scan did.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_COUNTS_H
#define SPHX_COUNTS_H

#include "server/compat.h"

/* Counts of one query, from its first row to its end. */
typedef struct SphxScanCounts
{
	Oid			index;			/* InvalidOid: there was none */
	uint64		nodes_read;		/* vectors whose distance was computed in the
								 * index */
	uint32		cells_read;		/* cells read whole */
	int			widenings;		/* of the beam */
	int			ef_search;		/* the setting, or what was chosen for it */
	uint64		nodes_late;		/* found after farther ones had been passed on */
	uint64		rows_returned;
	uint64		rows_rechecked; /* of them, those whose distance the executor
								 * had to compute */
	bool		table_read;		/* the table was read in place of the index */
	uint64		requests;		/* blocks of index and table asked for before
								 * they were read */
} SphxScanCounts;

#endif							/* SPHX_COUNTS_H */
