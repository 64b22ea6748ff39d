/*-------------------------------------------------------------------------
 *
 * opclass.c
 *	  Metrics of operator classes, and what their operators take.
 *
 *-------------------------------------------------------------------------
 */
#include "am/definition/opclass.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "catalog/pg_opclass.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(sphx_metric_l2);
PG_FUNCTION_INFO_V1(sphx_metric_cosine);
PG_FUNCTION_INFO_V1(sphx_metric_ip);
PG_FUNCTION_INFO_V1(sphx_operand_pgvector);
PG_FUNCTION_INFO_V1(sphx_operand_halfvec);
PG_FUNCTION_INFO_V1(sphx_operand_bit);

SphxMetric
SphxIndexMetric(Relation index)
{
	int			metric = DatumGetInt32(FunctionCall0Coll(index_getprocinfo(index, 1, SPHX_METRIC_PROC),
														 InvalidOid));

	Assert(IndexRelationGetNumberOfKeyAttributes(index) == 1);
	if (metric < SPHX_METRIC_L2 || metric > SPHX_METRIC_IP)
		elog(ERROR, "operator class of index \"%s\" has unknown metric %d",
			 RelationGetRelationName(index), metric);
	return (SphxMetric) metric;
}

/* What support function 3 says, if there is one. */
static SphxOperand
call_operand(Oid function)
{
	int			operand;

	if (!OidIsValid(function))
		return SPHX_OPERAND_VECTOR;
	operand = DatumGetInt32(OidFunctionCall0(function));
	if (operand < SPHX_OPERAND_VECTOR || operand > SPHX_OPERAND_BIT)
		elog(ERROR, "function %u names unknown operand %d", function, operand);
	return (SphxOperand) operand;
}

SphxOperand
SphxIndexOperand(Relation index)
{
	return call_operand(index_getprocid(index, 1, SPHX_OPERAND_PROC));
}

SphxOperand
SphxFamilyOperand(Oid family, Oid type)
{
	return call_operand(get_opfamily_proc(family, type, type, SPHX_OPERAND_PROC));
}

bool
SphxTypeOperand(Oid access_method, Oid type, SphxOperand *operand)
{
	CatCList   *classes = SearchSysCacheList1(CLAAMNAMENSP, ObjectIdGetDatum(access_method));
	Oid			family = InvalidOid;

	for (int i = 0; i < classes->n_members && !OidIsValid(family); i++)
	{
		Form_pg_opclass class = (Form_pg_opclass) GETSTRUCT(&classes->members[i]->tuple);

		if (class->opcintype == type)
			family = class->opcfamily;
	}
	ReleaseCatCacheList(classes);
	if (!OidIsValid(family))
		return false;
	*operand = SphxFamilyOperand(family, type);
	return true;
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

/* Support function 3 tells what the operator takes, where that is not our own vector. */
Datum
sphx_operand_pgvector(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(SPHX_OPERAND_PGVECTOR);
}

Datum
sphx_operand_halfvec(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(SPHX_OPERAND_HALFVEC);
}

Datum
sphx_operand_bit(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(SPHX_OPERAND_BIT);
}
