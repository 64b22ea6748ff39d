/*-------------------------------------------------------------------------
 *
 * vector_query.h
 *	  The vectors that a query returns.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_VECTOR_QUERY_H
#define SPHX_VECTOR_QUERY_H

#include "type/operand.h"

/*
 * Takes a row: v is NULL for a NULL, else valid during the call only.  The
 * current memory context is reset now and then: what is to stay needs one of
 * its own.
 */
typedef void (*SphxVectorSink) (void *arg, const Vector *v);

/*
 * Run a query and hand its rows to the sink, in their order.  It must be a
 * single SELECT (or VALUES, TABLE) that changes nothing and returns one column
 * of the given type, or of one with the same bytes that is cast to it
 * implicitly; anything else is an error before it runs.  The operand is what
 * that type's values are.  It runs with the rights of the current user under the active
 * snapshot, through a cursor, so that no more than a few rows are held.  A
 * sequential scan begins at the table's first row, whatever else scans it.
 */
extern void SphxReadVectors(const char *query, Oid type, SphxOperand operand, SphxVectorSink sink,
							void *arg);

#endif							/* SPHX_VECTOR_QUERY_H */
