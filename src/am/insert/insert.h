/*-------------------------------------------------------------------------
 *
 * insert.h
 *	  Insertion of rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_INSERT_H
#define SPHX_INSERT_H

#include "server/compat.h"

#include "access/genam.h"
#include "nodes/execnodes.h"

/* callback of the access method */
extern bool sphxinsert(Relation index, Datum *values, bool *isnull, ItemPointer tid,
					   Relation heap, IndexUniqueCheck unique, bool unchanged,
					   IndexInfo *index_info);

#endif							/* SPHX_INSERT_H */
