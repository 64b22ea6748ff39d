/*-------------------------------------------------------------------------
 *
 * last_scan.c
 *	  What the last index scan of the session did.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include "access/htup_details.h"
#include "funcapi.h"

#include "am/scan/scan.h"

PG_FUNCTION_INFO_V1(sphx_last_scan);

#define COLUMNS		9

/*
 * sphx_last_scan() -> (index regclass, nodes_read bigint, cells_read integer,
 * widenings integer, nodes_late bigint, rows_returned bigint,
 * rows_rechecked bigint, table_read boolean, blocks_requested bigint): figures of the scan that ended
 * last in this session; NULLs where there was none.
 */
Datum
sphx_last_scan(PG_FUNCTION_ARGS)
{
	const SphxScanCounts *counts = SphxLastScan();
	TupleDesc	description;
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = ObjectIdGetDatum(counts->index);
	values[1] = Int64GetDatum((int64) counts->nodes_read);
	values[2] = Int32GetDatum((int32) counts->cells_read);
	values[3] = Int32GetDatum(counts->widenings);
	values[4] = Int64GetDatum((int64) counts->nodes_late);
	values[5] = Int64GetDatum((int64) counts->rows_returned);
	values[6] = Int64GetDatum((int64) counts->rows_rechecked);
	values[7] = BoolGetDatum(counts->table_read);
	values[8] = Int64GetDatum((int64) counts->requests);
	if (!OidIsValid(counts->index))
		memset(nulls, true, sizeof(nulls));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls));
}
