/*-------------------------------------------------------------------------
 *
 * opclass.h
 *	  Operator classes: what they consist of, and their metric.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_OPCLASS_H
#define SPHX_OPCLASS_H

#include "server/compat.h"

#include "utils/rel.h"

#include "math/graph/record.h"

/* numbers in operator classes */
#define SPHX_DISTANCE_STRATEGY	1	/* the ordering operator */
#define SPHX_DISTANCE_PROC		1	/* its function */
#define SPHX_METRIC_PROC		2	/* SphxMetric, a function without
									 * arguments */

/* the metric of an index, from its operator class */
extern SphxMetric SphxIndexMetric(Relation index);

/* validate.c: callback of the access method */
extern bool sphxvalidate(Oid opclass);

#endif							/* SPHX_OPCLASS_H */
