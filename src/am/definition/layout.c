/*-------------------------------------------------------------------------
 *
 * layout.c
 *	  The layout of records that follows from an index's dimensions and
 *	  options.
 *
 *-------------------------------------------------------------------------
 */
#include "am/definition/layout.h"

#include "utils/lsyscache.h"

#include "am/definition/opclass.h"
#include "am/definition/options.h"

#define AUTO_M				32	/* the degree that measurements favour */
#define AUTO_M_LOWEST		30	/* as far as it goes down for one more record
								 * a page */
#define AUTO_M_ORTHOPLEX	24	/* the same with codes of half a bit, whose
								 * neighbours are few bytes of the record */
#define AUTO_M_SIGNS		22	/* as far as it goes down for codes of a bit a
								 * dimension */
#define AUTO_M_LAST			8	/* as far as it goes down for a record to fit
								 * at all */
#define SIGNS_DIMS			384 /* up to here at least one bit a dimension */
#define LLOYD_DIMS			112 /* up to here two bits a dimension */
#define PAYLOAD_SMALLEST	(2 * sizeof(ItemPointerData))
#define PAYLOAD_LARGEST		(10 * sizeof(ItemPointerData))

static int
records_per_page(SphxLayout *layout)
{
	sphx_layout_init(layout);
	return (int) SPHX_PAGE_ROOM / layout->size;
}

/*
 * Records a page with m as given, or, when m is open, with the largest m not
 * far below AUTO_M that lets one more in.  Leaves the choice in layout.
 */
static int
choose_m(SphxLayout *layout, int m)
{
	int			lowest = layout->book == SPHX_CODE_ORTHOPLEX &&
	layout->storage == SPHX_STORAGE_INT16 ? AUTO_M_ORTHOPLEX : AUTO_M_LOWEST;
	int			most;

	layout->m = m != 0 ? m : AUTO_M;
	most = records_per_page(layout);
	if (m != 0)
		return most;
	for (layout->m = AUTO_M - 2; layout->m >= lowest; layout->m -= 2)
	{
		int			records = records_per_page(layout);

		if (records > most)
			return records;
	}
	layout->m = AUTO_M;
	return records_per_page(layout);
}

/*
 * 16 bits a dimension spare the executor much sorting by exact distance, for
 * which it reads the heap; 8 bits are taken where they let twice as many
 * records into a page.
 */
static int
choose_storage(SphxLayout *layout, const SphxOptions *options)
{
	int			wide;
	int			narrow;

	if (options->storage != SPHX_STORAGE_AUTO)
	{
		layout->storage = (SphxStorage) options->storage;
		return choose_m(layout, options->m);
	}
	layout->storage = SPHX_STORAGE_INT8;
	narrow = choose_m(layout, options->m);
	layout->storage = SPHX_STORAGE_INT16;
	wide = choose_m(layout, options->m);
	if (wide > 0 && narrow < 2 * wide)
		return wide;
	layout->storage = SPHX_STORAGE_INT8;
	return choose_m(layout, options->m);
}

static SphxCodebook
given_book(double code_bits)
{
	return code_bits == 2.0 ? SPHX_CODE_LLOYD :
		code_bits == 1.0 ? SPHX_CODE_SIGNS : SPHX_CODE_ORTHOPLEX;
}

/*
 * One bit a dimension where a page holds as many records with it as with half
 * a bit, if need be with fewer neighbours: at 512 dimensions 22 neighbours with
 * a bit need three fifths of the reads of 32 with half a bit.
 */
static int
choose_signs(SphxLayout *layout, const SphxOptions *options)
{
	int			most;

	layout->book = SPHX_CODE_ORTHOPLEX;
	most = choose_storage(layout, options);
	layout->book = SPHX_CODE_SIGNS;
	if (options->m != 0)
		return choose_storage(layout, options) == most ? most : 0;
	for (layout->m = AUTO_M; layout->m >= AUTO_M_SIGNS; layout->m -= 2)
		if (records_per_page(layout) == most)
			return most;
	return 0;
}

/*
 * Codes and the rest of the layout; the number of records a page, 0 when none
 * fits.  The noise of estimates falls with the dimension, so fewer bits do.
 */
static int
choose_codes(SphxLayout *layout, const SphxOptions *options)
{
	if (options->code_bits != 0.0)
		layout->book = given_book(options->code_bits);
	else if (layout->dims <= LLOYD_DIMS)
		layout->book = SPHX_CODE_LLOYD;
	else if (layout->dims <= SIGNS_DIMS)
		layout->book = SPHX_CODE_SIGNS;
	else
	{
		int			records = choose_signs(layout, options);

		if (records > 0)
			return records;
		layout->book = SPHX_CODE_ORTHOPLEX;
	}
	return choose_storage(layout, options);
}

/* A layout for options; the number of records a page, 0 when none fits. */
static int
try_layout(SphxLayout *layout, const SphxOptions *options)
{
	int			records = choose_codes(layout, options);

	if (records == 0 && options->code_bits == 0.0)
	{
		layout->book = SPHX_CODE_ORTHOPLEX;
		records = choose_storage(layout, options);
	}
	if (records == 0 && options->m == 0)
	{
		if (options->storage == SPHX_STORAGE_AUTO)
			layout->storage = SPHX_STORAGE_INT8;
		for (layout->m = AUTO_M_LOWEST - 2; records == 0 && layout->m >= AUTO_M_LAST; layout->m -= 2)
			records = records_per_page(layout);
		layout->m += 2;
	}
	return records;
}

/* Say which option would make a record fit. */
static void
report_too_large(int dims, const SphxOptions *options)
{
	SphxOptions smaller_m = *options;
	SphxOptions smaller_storage = *options;
	SphxOptions smaller_code = *options;
	SphxOptions small = {.code_bits = 0.5,.storage = SPHX_STORAGE_INT8};
	SphxOptions smallest = {.m = SPHX_MIN_M,.code_bits = 0.5,.storage = SPHX_STORAGE_INT8};
	SphxLayout	layout = {.dims = dims,.payload_bytes = PAYLOAD_SMALLEST};
	const char *hint;

	smaller_m.m = 0;
	smaller_storage.storage = SPHX_STORAGE_INT8;
	smaller_code.code_bits = 0.5;
	if (try_layout(&layout, &smaller_m) > 0)
		hint = "Set a smaller m, or leave it out.";
	else if (try_layout(&layout, &smaller_storage) > 0)
		hint = "Set storage = int8.";
	else if (try_layout(&layout, &smaller_code) > 0)
		hint = "Set code_bits = 0.5.";
	else if (try_layout(&layout, &small) > 0)
		hint = "Set storage = int8 and code_bits = 0.5, and leave out m.";
	else if (try_layout(&layout, &smallest) > 0)
		hint = psprintf("Set storage = int8, code_bits = 0.5 and m = %d.", SPHX_MIN_M);
	else
		hint = "Create the index on an expression with fewer dimensions, such as subvector(column, 1, 2000).";
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("a vector of %d dimensions with its neighbours does not fit an index page", dims),
			 errhint("%s", hint)));
}

void
SphxChooseLayout(Relation index, int dims, SphxIndexInfo *info)
{
	SphxOptions options = SphxGetOptions(index);
	SphxLayout	layout = {.dims = dims,.payload_bytes = PAYLOAD_SMALLEST};
	SphxMetaPageData *meta = &info->meta;
	int			records;

	records = try_layout(&layout, &options);
	if (records == 0)
		report_too_large(dims, &options);

	/* what is left of the page's share goes to heap TIDs of duplicates */
	while (layout.payload_bytes < (int) PAYLOAD_LARGEST)
	{
		layout.payload_bytes += (int) sizeof(ItemPointerData);
		if (records_per_page(&layout) < records)
		{
			layout.payload_bytes -= (int) sizeof(ItemPointerData);
			break;
		}
	}
	sphx_layout_init(&layout);
	Assert(records > 0 && records == (int) SPHX_PAGE_ROOM / layout.size);
	Assert(layout.payload_bytes >= (int) PAYLOAD_SMALLEST &&
		   layout.payload_bytes <= (int) PAYLOAD_LARGEST);
	Assert(options.m == 0 || layout.m == options.m);

	meta->metric = (uint16) SphxIndexMetric(index);
	meta->operand = (uint32) SphxIndexOperand(index);
	meta->storage = (uint16) layout.storage;
	meta->book = (uint16) layout.book;
	meta->m = (uint16) layout.m;
	meta->dims = (uint32) dims;
	meta->payload_bytes = (uint32) layout.payload_bytes;
	meta->record_size = (uint32) layout.size;
	meta->per_page = (uint32) records;
	meta->ef_construction = (uint32) options.ef_construction;
	meta->gap_weight = options.gap_weight;
	info->layout = layout;
}

int
SphxTypmodDims(Relation index)
{
	Form_pg_attribute column = TupleDescAttr(RelationGetDescr(index), 0);
	int32		typmod = column->atttypmod;

	/* a domain has the modifier in its definition */
	(void) getBaseTypeAndTypmod(column->atttypid, &typmod);
	return typmod;
}
