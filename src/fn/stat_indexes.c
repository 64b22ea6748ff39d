/*-------------------------------------------------------------------------
 *
 * stat_indexes.c
 *	  What the scans of each index did, all together.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include "access/htup_details.h"
#include "funcapi.h"

#include "am/scan/activity.h"

PG_FUNCTION_INFO_V1(sphx_scan_figures);
PG_FUNCTION_INFO_V1(sphx_stat_reset);

/*
 * sphx_scan_figures(index regclass) -> (scans bigint, nodes_read bigint,
 * cells_read bigint, widenings bigint, nodes_late bigint, rows_returned bigint,
 * rows_rechecked bigint, table_reads bigint): sums over the scans of the index;
 * zeros for whatever else the OID is of.
 */
Datum
sphx_scan_figures(PG_FUNCTION_ARGS)
{
	TupleDesc	description;
	uint64		figures[SPHX_FIGURES];
	Datum		values[SPHX_FIGURES];
	bool		nulls[SPHX_FIGURES] = {false};

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	SphxGetActivity(PG_GETARG_OID(0), figures);
	for (int i = 0; i < SPHX_FIGURES; i++)
		values[i] = Int64GetDatum((int64) figures[i]);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls));
}

/* sphx_stat_reset() -> void: the figures of this database are 0 again. */
Datum
sphx_stat_reset(PG_FUNCTION_ARGS)
{
	SphxResetActivity();
	PG_RETURN_VOID();
}
