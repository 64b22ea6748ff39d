/*-------------------------------------------------------------------------
 *
 * stats.c
 *	  sphx_index_stats: what an index consists of, and how its training went.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "fn/inspect.h"
#include "page/node.h"

PG_FUNCTION_INFO_V1(sphx_index_stats);

#define STATS_COLUMNS		31

/* those that sphx 0.1 declares */
#define FIRST_COLUMNS		29

/* a calibration is stale when the index has by this part more or less nodes than then */
#define STALE_PART			0.2

/* what the walk over all pages counts */
typedef struct PageCounts
{
	int32		pages[SPHX_PAGE_OVERFLOW + 1];	/* by kind; [0] = never
												 * written */
	int64		tids;			/* heap TIDs */
	int64		dead;			/* nodes marked DELETED */
	int64		free;			/* slots of node and overflow pages */
	int64		nodes;			/* living ones */
} PageCounts;

/* a row in the making */
typedef struct RowBuilder
{
	Datum		values[STATS_COLUMNS];
	bool		nulls[STATS_COLUMNS];
	int			count;
} RowBuilder;

static void
add_column(RowBuilder *row, Datum value)
{
	Assert(row->count < STATS_COLUMNS);
	row->nulls[row->count] = false;
	row->values[row->count++] = value;
}

static void
add_null(RowBuilder *row)
{
	Assert(row->count < STATS_COLUMNS);
	row->nulls[row->count] = true;
	row->values[row->count++] = (Datum) 0;
}

static void
count_records(const SphxIndexInfo *info, Page page, PageCounts *counts)
{
	for (uint32 slot = 0; slot < info->meta.per_page; slot++)
	{
		const SphxRecord *r = SphxPageRecord(info, page, slot);

		if (!(r->flags & SPHX_NODE_USED))
			counts->free++;
		else if (r->flags & SPHX_NODE_DELETED)
			counts->dead++;
		else
		{
			counts->tids += r->payload_count;
			counts->nodes += r->flags & SPHX_NODE_OVERFLOW ? 0 : 1;
		}
	}
}

/* One page at a time, so that the counts are of no single moment. */
static void
count_pages(SphxPages *pages, const SphxIndexInfo *info, PageCounts *counts)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(pages->index);

	memset(counts, 0, sizeof(*counts));
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		SphxPageKind kind;
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		buffer = SphxReadPlannedPage(pages, info, block, BUFFER_LOCK_SHARE, &kind);
		Assert((int) kind <= SPHX_PAGE_OVERFLOW);
		counts->pages[kind]++;
		if (kind == SPHX_PAGE_NODE || kind == SPHX_PAGE_OVERFLOW)
			count_records(info, BufferGetPage(buffer), counts);
		UnlockReleaseBuffer(buffer);
	}
}

static const char *
metric_name(SphxMetric metric)
{
	if (metric == SPHX_METRIC_IP)
		return "ip";
	return metric == SPHX_METRIC_COSINE ? "cosine" : "l2";
}

static float4
code_bits(SphxCodebook book)
{
	/* a nibble for every piece */
	return 4.0f / (float4) sphx_code_piece_dim(book);
}

/* what is not known is a NaN on the metapage */
static void
add_figure(RowBuilder *row, float8 value)
{
	if (isnan(value))
		add_null(row);
	else
		add_column(row, Float8GetDatum(value));
}

static void
add_training(RowBuilder *row, const SphxTrainingData *training)
{
	add_figure(row, training->separation);
	add_figure(row, training->nearest_mean);
	add_figure(row, training->nearest_p5);
	add_figure(row, training->error);
	add_figure(row, training->imbalance);
}

/* The columns up to "storage". */
static void
add_parameters(RowBuilder *row, const SphxIndexInfo *info, const PageCounts *counts)
{
	const SphxMetaPageData *meta = &info->meta;

	add_column(row, Int32GetDatum((int32) meta->dims));
	add_column(row, CStringGetTextDatum(metric_name((SphxMetric) meta->metric)));
	add_column(row, Int64GetDatum(counts->tids));
	add_column(row, Int32GetDatum((int32) meta->cells));
	add_column(row, Int32GetDatum((int32) meta->layer_count));
	add_training(row, &meta->training);
	add_training(row, &meta->kmeans);
	add_figure(row, meta->gap_weight);
	add_column(row, Float4GetDatum(code_bits((SphxCodebook) meta->book)));
	add_column(row, Float8GetDatum(meta->mean_a));
	add_column(row, Int32GetDatum(meta->m));
	add_column(row, CStringGetTextDatum(meta->storage == SPHX_STORAGE_INT16 ? "int16" : "int8"));
}

/* The columns from "bytes_per_vector" on. */
static void
add_counts(RowBuilder *row, const PageCounts *counts)
{
	static const int order[] = {
		SPHX_PAGE_META, SPHX_PAGE_DIRECTORY, SPHX_PAGE_CENTROID,
		SPHX_PAGE_NODE, SPHX_PAGE_OVERFLOW, 0
	};
	double		bytes = 0.0;

	for (int i = 0; i < lengthof(order); i++)
		bytes += (double) BLCKSZ * counts->pages[order[i]];
	if (counts->tids > 0)
		add_column(row, Float8GetDatum(bytes / (double) counts->tids));
	else
		add_null(row);
	for (int i = 0; i < lengthof(order); i++)
		add_column(row, Int32GetDatum(counts->pages[order[i]]));
	add_column(row, Int64GetDatum(counts->dead));
	add_column(row, Int64GetDatum(counts->free));
}

/* The columns about the calibration. */
static void
add_calibration(RowBuilder *row, const SphxCalibration *calibration, int64 nodes)
{
	double		then = calibration->nodes;

	if (calibration->checksum == 0)
	{
		add_null(row);
		add_null(row);
		return;
	}
	add_column(row, Int64GetDatum((int64) calibration->nodes));
	add_column(row, BoolGetDatum(fabs((double) nodes - then) > STALE_PART * then));
}

/* One row about the index; reads all of it. */
Datum
sphx_index_stats(PG_FUNCTION_ARGS)
{
	Relation	index;
	SphxPages	pages;
	SphxIndexInfo info;
	PageCounts	counts;
	RowBuilder	row;
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		(desc->natts != STATS_COLUMNS && desc->natts != FIRST_COLUMNS))
		elog(ERROR, "return type must be a row of %d columns", STATS_COLUMNS);

	index = SphxOpenReadable(PG_GETARG_OID(0));
	SphxOpenPages(&pages, index);
	pages.strategy = GetAccessStrategy(BAS_BULKREAD);
	SphxGetInfo(&pages, &info);
	count_pages(&pages, &info, &counts);
	FreeAccessStrategy(pages.strategy);
	index_close(index, AccessShareLock);

	row.count = 0;
	add_parameters(&row, &info, &counts);
	add_counts(&row, &counts);
	add_calibration(&row, &info.calibration, counts.nodes);
	Assert(row.count == STATS_COLUMNS);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), row.values, row.nulls)));
}
