/*-------------------------------------------------------------------------
 *
 * opclass.c
 *	  Metrics of operator classes.
 *
 *-------------------------------------------------------------------------
 */
#include "am/definition/opclass.h"

#include "access/genam.h"

PG_FUNCTION_INFO_V1(sphx_metric_l2);
PG_FUNCTION_INFO_V1(sphx_metric_cosine);
PG_FUNCTION_INFO_V1(sphx_metric_ip);

SphxMetric
SphxIndexMetric(Relation index)
{
	int			metric = DatumGetInt32(FunctionCall0Coll(index_getprocinfo(index, 1, SPHX_METRIC_PROC),
														 InvalidOid));

	if (metric < SPHX_METRIC_L2 || metric > SPHX_METRIC_IP)
		elog(ERROR, "operator class of index \"%s\" has unknown metric %d",
			 RelationGetRelationName(index), metric);
	return (SphxMetric) metric;
}

/*
 * Support function 2 of an operator class tells the metric, so that classes of
 * anybody, in any schema, can use the access method.
 */
Datum
sphx_metric_l2(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(SPHX_METRIC_L2);
}

Datum
sphx_metric_cosine(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(SPHX_METRIC_COSINE);
}

Datum
sphx_metric_ip(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(SPHX_METRIC_IP);
}
