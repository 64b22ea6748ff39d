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
#include "type/operand.h"

/* numbers in operator classes */
#define SPHX_DISTANCE_STRATEGY	1	/* the ordering operator */
#define SPHX_DISTANCE_PROC		1	/* its function */
#define SPHX_METRIC_PROC		2	/* SphxMetric, a function without
									 * arguments */
#define SPHX_OPERAND_PROC		3	/* SphxOperand, likewise; may be missing:
									 * SPHX_OPERAND_VECTOR */

/* the metric of an index, from its operator class */
extern SphxMetric SphxIndexMetric(Relation index);

/* what rows and queries of an index are, from its operator class */
extern SphxOperand SphxIndexOperand(Relation index);

/* the same from a class's family and its type */
extern SphxOperand SphxFamilyOperand(Oid family, Oid type);

/* What values of a type are, if the access method has an operator class for it. */
extern bool SphxTypeOperand(Oid access_method, Oid type, SphxOperand *operand);

/* validate.c: callback of the access method */
extern bool sphxvalidate(Oid opclass);

#endif							/* SPHX_OPCLASS_H */
