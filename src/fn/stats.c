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

#define STATS_COLUMNS		43

/* those that sphx 0.1 declares */
#define FIRST_COLUMNS		29

/* a calibration is stale when the index has by this part more or less nodes than then */
#define STALE_PART			0.2

/* edges' codes that tell less than this part of what they did call for a new build */
#define ACCURACY_PART		0.95

/* so many times the rows of the build, and so many at least, have outgrown what it learned */
#define OUTGROWN_FACTOR		10.0
#define OUTGROWN_ROWS		2000.0

/* what the walk over all pages counts */
typedef struct PageCounts
{
	int32		pages[SPHX_PAGE_LAST + 1];	/* by kind; [0] = never written */
	int64		tids;			/* heap TIDs */
	int64		dead;			/* nodes marked DELETED */
	int64		free;			/* slots of node and overflow pages */
	int64		nodes;			/* living ones */
	int64		edges;			/* of these */
	double		accuracies;		/* sum over the edges of A */
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
			if (r->flags & SPHX_NODE_OVERFLOW)
				continue;
			counts->nodes++;
			counts->edges += r->neighbours;
			counts->accuracies += sphx_record_accuracies(&info->layout, r);
		}
	}
}

/* One page at a time, so that the counts are of no single moment. */
static void
count_pages(SphxPages *pages, const SphxIndexInfo *info, BlockNumber nblocks, PageCounts *counts)
{
	memset(counts, 0, sizeof(*counts));
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		SphxPageKind kind;
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		buffer = SphxReadPlannedPage(pages, info, block, BUFFER_LOCK_SHARE, &kind);
		Assert((int) kind <= SPHX_PAGE_LAST);
		counts->pages[kind]++;
		if (kind == SPHX_PAGE_NODE || kind == SPHX_PAGE_OVERFLOW)
			count_records(info, BufferGetPage(buffer), counts);
		UnlockReleaseBuffer(buffer);
	}
}

static const char *
metric_name(const SphxMetaPageData *meta)
{
	if (meta->metric == SPHX_METRIC_IP)
		return "ip";
	if (meta->metric == SPHX_METRIC_COSINE)
		return "cosine";
	return meta->operand == SPHX_OPERAND_BIT ? "hamming" : "l2";
}

/* of edge codes, on average over the dimensions: a nibble for every piece */
static float4
code_bits(const SphxLayout *layout)
{
	return 4.0f * (float4) layout->pieces / (float4) layout->D;
}

static const char *
storage_name(const SphxLayout *layout)
{
	static const char *const names[] = {"int16", "int8", "int6", "int4", "int2", "mixed"};

	return names[sphx_layout_storage(layout)];
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
	add_column(row, CStringGetTextDatum(metric_name(meta)));
	add_column(row, Int64GetDatum(counts->tids));
	add_column(row, Int32GetDatum((int32) meta->cells));
	add_column(row, Int32GetDatum((int32) meta->layer_count));
	add_training(row, &meta->training);
	add_training(row, &meta->kmeans);
	add_figure(row, meta->gap_weight);
	add_column(row, Float4GetDatum(code_bits(&info->layout)));
	add_column(row, Float8GetDatum(meta->mean_a));
	add_column(row, Int32GetDatum(meta->m));
	add_column(row, CStringGetTextDatum(storage_name(&info->layout)));
}

/* The columns from "bytes_per_vector" on. */
static void
add_counts(RowBuilder *row, const PageCounts *counts)
{
	static const int order[] = {
		SPHX_PAGE_META, SPHX_PAGE_DIRECTORY, SPHX_PAGE_CENTROID,
		SPHX_PAGE_NODE, SPHX_PAGE_OVERFLOW, 0
	};
	double		bytes = (double) BLCKSZ * counts->pages[SPHX_PAGE_BASIS];

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

/* Bits of the dimensions, as "16 x 4 + 40 x 2": so many of so many bits each. */
static void
append_part(StringInfo out, int dims, int bits)
{
	if (dims > 0)
		appendStringInfo(out, "%s%d x %d", out->len > 0 ? " + " : "", dims, bits);
}

/* The bits of edges' codes; bands of the same book are one. */
static char *
describe_codes(const SphxLayout *layout)
{
	StringInfoData out;
	int			rest = layout->D;

	initStringInfo(&out);
	for (int i = 0; i < layout->code.count;)
	{
		SphxCodebook book = (SphxCodebook) layout->code.bands[i].book;
		int			dims = 0;

		for (; i < layout->code.count && layout->code.bands[i].book == book; i++)
			dims += layout->code.bands[i].dims;
		if (book == SPHX_CODE_ORTHOPLEX)
			appendStringInfo(&out, "%d x 0.5", dims);
		else
			append_part(&out, dims, 4 / sphx_code_piece_dim(book));
		rest -= dims;
	}
	append_part(&out, rest, 0);
	return out.data;
}

/* The bits of stored vectors; bands of the same width are one. */
static char *
describe_vectors(const SphxLayout *layout)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < layout->stored_count;)
	{
		uint8		storage = layout->stored[i].storage;
		int			dims = 0;

		for (; i < layout->stored_count && layout->stored[i].storage == storage; i++)
			dims += layout->stored[i].dims;
		append_part(&out, dims, sphx_width_bits[storage]);
	}
	return out.data;
}

/* The columns about the geometry: NULL where the build did not find it out. */
static void
add_geometry(RowBuilder *row, const SphxIndexInfo *info, const PageCounts *counts)
{
	const SphxMetaPageData *meta = &info->meta;
	const SphxShapeData *shape = &meta->shape;
	bool		known = shape->intrinsic > 0.0f;

	add_column(row, CStringGetTextDatum(meta->basis_vectors > 0 ? "learned" : "random"));
	add_column(row, Int32GetDatum((int32) meta->basis_vectors));
	add_column(row, Float4GetDatum(meta->center_norm));
	add_figure(row, known ? shape->anisotropy : NAN);
	add_figure(row, known ? shape->head : NAN);
	add_figure(row, known ? shape->intrinsic : NAN);
	add_figure(row, meta->version > 1 ? shape->noise : NAN);
	add_column(row, CStringGetTextDatum(describe_codes(&info->layout)));
	add_column(row, CStringGetTextDatum(describe_vectors(&info->layout)));
	add_column(row, Int32GetDatum(counts->pages[SPHX_PAGE_BASIS]));
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

/*
 * The columns that say whether codes made for the rows of then, if there were any, do
 * for those of now.
 */
static void
add_accuracy(RowBuilder *row, const SphxIndexInfo *info, const PageCounts *counts)
{
	double		then = info->meta.mean_a;
	double		now = counts->edges > 0 ? counts->accuracies / (double) counts->edges : NAN;

	add_figure(row, now);
	if (counts->tids >= Max(OUTGROWN_FACTOR * info->meta.built_tuples, OUTGROWN_ROWS))
		add_column(row, BoolGetDatum(true));
	else if (then > 0.0 && !isnan(now))
		add_column(row, BoolGetDatum(now < ACCURACY_PART * then));
	else
		add_null(row);
}

/* One row about the index; reads all of it. */
Datum
sphx_index_stats(PG_FUNCTION_ARGS)
{
	Relation	index;
	SphxPages	pages;
	SphxIndexInfo info;
	PageCounts	counts;
	BlockNumber nblocks;
	RowBuilder	row;
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		(desc->natts != STATS_COLUMNS && desc->natts != FIRST_COLUMNS))
		elog(ERROR, "return type must be a row of %d columns", STATS_COLUMNS);

	index = SphxOpenReadable(PG_GETARG_OID(0));
	SphxOpenPages(&pages, index);
	pages.strategy = GetAccessStrategy(BAS_BULKREAD);
	/* cells made anew after the blocks were counted have no pages among them */
	nblocks = RelationGetNumberOfBlocks(index);
	SphxGetInfo(&pages, &info);
	SphxRefreshInfo(&pages, &info);
	count_pages(&pages, &info, nblocks, &counts);
	FreeAccessStrategy(pages.strategy);
	index_close(index, AccessShareLock);

	row.count = 0;
	add_parameters(&row, &info, &counts);
	add_counts(&row, &counts);
	add_calibration(&row, &info.calibration, counts.nodes);
	add_geometry(&row, &info, &counts);
	add_accuracy(&row, &info, &counts);
	Assert(row.count == STATS_COLUMNS);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), row.values, row.nulls)));
}
