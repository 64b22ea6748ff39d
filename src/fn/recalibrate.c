/*-------------------------------------------------------------------------
 *
 * recalibrate.c
 *	  sphx_calibrate and sphx_calibration: which recall an index reaches by
 *	  the width of the search, measured now or kept from before.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "am/create/calibrate.h"
#include "fn/inspect.h"

PG_FUNCTION_INFO_V1(sphx_calibrate);
PG_FUNCTION_INFO_V1(sphx_calibration);

/* Rows (k, ef_search, recall), but for what was not measured. */
static void
return_calibration(FunctionCallInfo fcinfo, const SphxCalibration *calibration)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	for (int i = 0; i < calibration->limit_count; i++)
	{
		for (int j = 0; j < calibration->width_count; j++)
		{
			Datum		values[3];
			bool		nulls[3] = {false};

			if (calibration->recall[i][j] == 0.0f)
				continue;
			values[0] = Int32GetDatum(sphx_calibration_limits[i]);
			values[1] = Int32GetDatum(calibration->widths[j]);
			values[2] = Float8GetDatum((double) calibration->recall[i][j]);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
}

/*
 * Lock the table against vacuum, which frees nodes, and against another
 * calibration; queries and inserts go on.
 */
static Relation
lock_table(Oid oid)
{
	Oid			table;

	SphxRequireIndex(oid);
	table = IndexGetRelation(oid, true);
	if (!OidIsValid(table))
		return NULL;
	if (!SphxOwnsRelation(table, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(table));
	return try_table_open(table, ShareUpdateExclusiveLock);
}

Datum
sphx_calibrate(PG_FUNCTION_ARGS)
{
	Oid			oid = PG_GETARG_OID(0);
	Relation	table;
	Relation	index;
	SphxPages	pages;
	SphxServerEnv env;
	SphxCalibration calibration;

	PreventCommandIfReadOnly("sphx_calibrate()");
	PreventCommandDuringRecovery("sphx_calibrate()");
	table = lock_table(oid);
	index = SphxOpenIndex(oid);
	SphxRequirePages(index);
	SphxLoadBlas();
	SphxInitTask(&env, "calibration");
	SphxOpenPages(&pages, index);
	if (SphxMeasureRecall(&pages, &env, (Size) maintenance_work_mem * 1024, &calibration))
		SphxStoreCalibration(&pages, &calibration);
	else
		ereport(NOTICE,
				(errmsg("index \"%s\" has too few rows to be calibrated", RelationGetRelationName(index)),
				 errdetail("Searches read nearly all of it.")));
	index_close(index, AccessShareLock);
	if (table != NULL)
		table_close(table, NoLock);
	InitMaterializedSRF(fcinfo, 0);
	return_calibration(fcinfo, &calibration);
	PG_RETURN_NULL();
}

Datum
sphx_calibration(PG_FUNCTION_ARGS)
{
	Relation	index = SphxOpenReadable(PG_GETARG_OID(0));
	SphxPages	pages;
	SphxIndexInfo info;

	SphxOpenPages(&pages, index);
	SphxGetInfo(&pages, &info);
	index_close(index, AccessShareLock);
	InitMaterializedSRF(fcinfo, 0);
	return_calibration(fcinfo, &info.calibration);
	PG_RETURN_NULL();
}
