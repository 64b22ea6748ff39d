/*-------------------------------------------------------------------------
 *
 * layout.c
 *	  The layout of records that follows from an index's dimensions, its
 *	  options, and what is known of its vectors.
 *
 * A layout is as good as a query by it is cheap and its records are small: of all
 * that fit, the one with the least product of what a query is expected to cost and
 * of a power of the pages that the records take.
 *
 *-------------------------------------------------------------------------
 */
#include "am/definition/layout.h"

#include <math.h>

#include "access/heaptoast.h"
#include "utils/lsyscache.h"

#include "am/definition/opclass.h"
#include "am/definition/options.h"
#include "math/graph/allot.h"
#include "server/memory.h"

#define MOST_M				32	/* the degree that measurements favour, */
#define LEAST_M				24	/* as far as it goes down for smaller records, */
#define LEAST_M_IP			28	/* also where edges have to lead to long
								 * vectors, */
#define LAST_M				8	/* and for a record to fit at all */

/* of what is not known: the intrinsic dimension, and an edge's length by the vectors' */
#define USUAL_INTRINSIC		25.0f
#define USUAL_EDGE			0.7f

#define PAYLOAD_SMALLEST	(2 * (int) sizeof(ItemPointerData))
#define PAYLOAD_LARGEST		(10 * (int) sizeof(ItemPointerData))

/*
 * Nodes that a search for recall .95 is expected to read: with noise of the
 * estimates 1 + (12 noise)^4 times as many, and with m neighbours in place of 32
 * (32 / m) to the power of .025 x intrinsic dimension.  Apart from a factor of each
 * data set that was within a tenth of what sift, words and text read with 20 to 32
 * neighbours and noises of .03 to .065; of img, 9,760 rows, degree and noise matter
 * less.  A query costs so much beside them: the way down to layer 0, the executor.
 */
#define READS_USUAL			30.0
#define NOISE_FACTOR		12.0
#define DEGREE_POWER		0.025
#define QUERY_READS			30.0

/* records of half the size may cost so many times the work: 2 to this power */
#define SIZE_POWER			0.45

/*
 * Rows of another kind may come in, whose edges do not have the sample's favourite
 * directions: codes that leave more noise than this of edges that have none count
 * as so much worse, by the fourth power.
 */
#define MOST_EVEN_NOISE		0.15

/*
 * Coarse vectors: z being their error by the length of edges times the intrinsic
 * dimension, of 10 rows returned so many more are fetched per z, since their bounds
 * overlap (measured: 7.3 to 10.5), and the search itself goes astray, 1 + .1 z^2
 * times.  The executor has a look at those fetched, and at others whose bounds
 * overlap: prices in reads, of rows that hold their vectors and of those whose
 * vectors are in TOAST.
 */
#define ROWS_RETURNED		10.0
#define ROWS_OVERLAPPING	0.85
#define ASTRAY				0.1
#define ROW_READS			1.5
#define TOAST_READS			4.0

/*
 * Errors of stored vectors by their norms that are tried: those of 8, 6, 4 and 2
 * bits, and some between; 0 is 16 bits for all.
 */
static const double errors[] = {0.0, 0.0095, 0.012, 0.016, 0.02, 0.026, 0.033, 0.045, 0.07, 0.115, 0.2, 0.35};

/*
 * 16 bits for all spare the executor the rows' own vectors, but only where that
 * is no more of a page than this: larger ones would double the index.
 */
#define WIDE_BYTES			(BLCKSZ / 8)

#define ERRORS_LIKED		8	/* beyond these only where nothing else fits */

/* What layouts are chosen from. */
typedef struct Choice
{
	const SphxOptions *options;
	const SphxShape *shape;
	int			least_m;
	bool		toasted;		/* rows' vectors are in TOAST */
	SphxServerEnv env;
	int			dims;
	int			D;
	int			most;			/* nibbles an edge: 4 bits a dimension */
	float	   *noise;			/* by nibbles, 0..most */
	float	   *even;			/* room for variances, or moments, that are
								 * not known */

	/* the best so far */
	double		work;
	SphxLayout	layout;
	float		predicted;		/* its noise */
	int			records;		/* a page; 0 when nothing fits */
} Choice;

/* Coordinates of a vector in the index. */
static int
padded_dims(int dims)
{
	return (dims + 3) / 4 * 4;
}

/* What the executor spends on rows because vectors are stored with errors. */
static double
work_on_rows(const Choice *choice, double z)
{
	double		more = ROWS_OVERLAPPING * z;	/* a row */
	double		price = more * ROW_READS;

	/* nearly all bounds overlap where a tenth of a row more is fetched */
	if (choice->toasted)
		price += (more + 1.0 - exp(-20.0 * z)) * TOAST_READS;
	return ROWS_RETURNED * price;
}

/* The work of a query, in reads. */
static double
expected_work(const Choice *choice, int m, double noise, double error)
{
	double		intrinsic = choice->shape->intrinsic;
	double		z = Min(error / choice->shape->edge * intrinsic, 20.0);
	double		power = Max(Min(DEGREE_POWER * intrinsic, 1.2), 0.3);
	double		reads = READS_USUAL * (1.0 + pow(Min(NOISE_FACTOR * noise, 100.0), 4.0)) *
	pow((double) MOST_M / m, power) * (1.0 + ASTRAY * z * z);

	return QUERY_READS + reads + work_on_rows(choice, z);
}

/* Nibbles an edge that are left of a record of `size` bytes. */
static int
nibbles_left(const Choice *choice, const SphxLayout *layout, int vector, int size)
{
	int			fixed = (int) sizeof(SphxRecord) + PAYLOAD_SMALLEST + vector +
	layout->m * ((int) sizeof(uint32) + 2);
	int			left = size - fixed - 4;	/* for alignment */

	/* whole bytes */
	return left <= 0 ? 0 : Min(left / layout->m * 2, choice->most);
}

/* Keep the layout if it is the best so far. */
static void
consider(Choice *choice, SphxLayout *layout, int nibbles, double error)
{
	double		work;
	int			records;

	sphx_allot_bands(&choice->env.base, choice->D, choice->shape->variances, nibbles,
					 &layout->code);
	sphx_layout_init(layout);
	records = (int) SPHX_PAGE_ROOM / layout->size;
	if (records == 0)
		return;
	work = expected_work(choice, layout->m, choice->noise[nibbles], error) /
		pow(records, SIZE_POWER) *
		pow(Max(sphx_even_noise(&layout->code) / MOST_EVEN_NOISE, 1.0), 4.0);
	if (choice->records > 0 && work >= choice->work)
		return;
	choice->work = work;
	choice->layout = *layout;
	choice->predicted = choice->noise[nibbles];
	choice->records = records;
}

/* The bits of code_bits a dimension; 0 when they are open. */
static int
given_nibbles(const Choice *choice)
{
	if (choice->options->code_bits == 0.0)
		return 0;
	return (int) Max(Min(rint(choice->options->code_bits * choice->D / 4.0), choice->most),
					 sphx_least_nibbles(choice->D));
}

/* All numbers of records a page, with m and the width of vectors given. */
static void
try_records(Choice *choice, SphxLayout *layout, int vector, double error)
{
	int			given = given_nibbles(choice);
	int			least = given > 0 ? given : sphx_least_nibbles(choice->D);

	for (int records = 1; records <= SPHX_PAGE_ROOM; records++)
	{
		int			nibbles = nibbles_left(choice, layout, vector,
										   (int) SPHX_PAGE_ROOM / records / 4 * 4);

		if (nibbles < least)
			break;
		consider(choice, layout, given > 0 ? given : nibbles, error);
	}
}

/* The widths that the option `storage` leaves open, with m given. */
static void
try_widths(Choice *choice, int m, int from, int end)
{
	SphxLayout	layout = {.dims = choice->dims,.D = choice->D,.m = m,
	.payload_bytes = PAYLOAD_SMALLEST};

	for (int i = from; i < end; i++)
	{
		double		error = errors[i];
		int			vector = 2 * choice->D;

		if (error > 0.0)
			vector = sphx_allot_widths(choice->D, choice->shape->moments, &error, &layout);
		else if (vector > WIDE_BYTES)
			continue;
		else
			sphx_layout_store(&layout, SPHX_STORAGE_INT16);
		try_records(choice, &layout, vector, error);
	}
}

/* The width that the option `storage` names. */
static void
try_storage(Choice *choice, int m, SphxStorage storage)
{
	static const double error[SPHX_WIDTHS] = {0.0, 0.0094, 0.0327, 0.1136, 0.3448};
	SphxLayout	layout = {.dims = choice->dims,.D = choice->D,.m = m,
	.payload_bytes = PAYLOAD_SMALLEST};

	sphx_layout_store(&layout, storage);
	try_records(choice, &layout, choice->D * sphx_width_bits[storage] / 8, error[storage]);
}

static void
try_degree(Choice *choice, int m, bool liked)
{
	int			count = lengthof(errors);

	if (choice->options->storage != SPHX_STORAGE_AUTO)
		try_storage(choice, m, (SphxStorage) choice->options->storage);
	else if (liked)
		try_widths(choice, m, 0, ERRORS_LIKED);
	else
		try_widths(choice, m, ERRORS_LIKED, count);
}

/* All degrees that the option m leaves open. */
static void
try_degrees(Choice *choice)
{
	int			m = choice->options->m;

	for (int liked = 1; liked >= 0 && choice->records == 0; liked--)
	{
		for (int i = MOST_M; m == 0 && i >= choice->least_m; i -= 2)
			try_degree(choice, i, liked);
		for (int i = choice->least_m - 2; m == 0 && choice->records == 0 && i >= LAST_M; i -= 2)
			try_degree(choice, i, liked);
		if (m != 0)
			try_degree(choice, m, liked);
	}
}

/* Bytes of a row's vector. */
static double
row_bytes(Relation index, int dims)
{
	switch (SphxIndexOperand(index))
	{
		case SPHX_OPERAND_BIT:
			return dims / 8.0;
		case SPHX_OPERAND_HALFVEC:
			return 2.0 * dims;
		case SPHX_OPERAND_VECTOR:
		case SPHX_OPERAND_PGVECTOR:
			break;
	}
	return 4.0 * dims;
}

/* Choose a layout for `dims` dimensions; choice->records is 0 when none fits. */
static void
choose(Choice *choice, Relation index, int dims, const SphxOptions *options,
	   const SphxShape *shape)
{
	SphxShape	even = {.intrinsic = USUAL_INTRINSIC,.edge = USUAL_EDGE};
	int			D = padded_dims(dims);

	memset(choice, 0, sizeof(*choice));
	choice->options = options;
	choice->least_m = SphxIndexMetric(index) == SPHX_METRIC_IP ? LEAST_M_IP : LEAST_M;
	choice->toasted = row_bytes(index, dims) > TOAST_TUPLE_THRESHOLD;
	choice->dims = dims;
	choice->D = D;
	choice->most = D;
	SphxInitEnv(&choice->env, CurrentMemoryContext);
	if (shape == NULL)
	{
		choice->even = palloc(sizeof(float) * (Size) D);
		for (int i = 0; i < D; i++)
			choice->even[i] = 1.0f / (float) D;
		even.variances = even.moments = choice->even;
		shape = &even;
	}
	choice->shape = shape;
	choice->noise = palloc(sizeof(float) * ((Size) choice->most + 1));
	sphx_noise_curve(&choice->env.base, D, shape->variances, choice->most, choice->noise);
	try_degrees(choice);
	pfree(choice->noise);
	if (choice->even != NULL)
		pfree(choice->even);
}

static bool
fits(Relation index, int dims, const SphxOptions *options)
{
	Choice		choice;

	choose(&choice, index, dims, options, NULL);
	return choice.records > 0;
}

/* Say which option would make a record fit. */
static void
report_too_large(Relation index, int dims, const SphxOptions *options)
{
	SphxOptions smaller_m = *options;
	SphxOptions smaller_storage = *options;
	SphxOptions smaller_code = *options;
	const char *hint;

	smaller_m.m = 0;
	smaller_storage.storage = SPHX_STORAGE_AUTO;
	smaller_code.code_bits = 0.0;
	if (fits(index, dims, &smaller_m))
		hint = "Set a smaller m, or leave it out.";
	else if (fits(index, dims, &smaller_storage))
		hint = "Leave out storage.";
	else if (fits(index, dims, &smaller_code))
		hint = "Set a smaller code_bits, or leave it out.";
	else
		hint = "Leave out m, storage and code_bits.";
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("a vector of %d dimensions with its neighbours does not fit an index page", dims),
			 errhint("%s", hint)));
}

/* What is left of the page's share goes to heap TIDs of duplicates. */
static void
widen_payload(SphxLayout *layout, int records)
{
	while (layout->payload_bytes < PAYLOAD_LARGEST)
	{
		layout->payload_bytes += (int) sizeof(ItemPointerData);
		sphx_layout_init(layout);
		if ((int) SPHX_PAGE_ROOM / layout->size < records)
		{
			layout->payload_bytes -= (int) sizeof(ItemPointerData);
			break;
		}
	}
	sphx_layout_init(layout);
}

/* What the metapage says of the layout. */
static void
describe_layout(const SphxLayout *layout, SphxMetaPageData *meta)
{
	meta->version = SPHX_FORMAT_VERSION;
	meta->storage = 0;
	meta->book = 0;
	meta->m = (uint16) layout->m;
	meta->dims = (uint32) layout->dims;
	meta->D = (uint32) layout->D;
	meta->payload_bytes = (uint32) layout->payload_bytes;
	meta->record_size = (uint32) layout->size;
	meta->per_page = (uint32) (SPHX_PAGE_ROOM / layout->size);
	meta->band_count = (uint32) layout->code.count;
	memcpy(meta->bands, layout->code.bands, sizeof(meta->bands));
	meta->stored_count = (uint32) layout->stored_count;
	memcpy(meta->stored, layout->stored, sizeof(meta->stored));
}

void
SphxChooseLayout(Relation index, int dims, const SphxShape *shape, SphxIndexInfo *info)
{
	SphxOptions options = SphxGetOptions(index);
	SphxMetaPageData *meta = &info->meta;
	Choice		choice;

	choose(&choice, index, dims, &options, shape);
	if (choice.records == 0)
		report_too_large(index, dims, &options);
	widen_payload(&choice.layout, choice.records);
	Assert(choice.records == (int) SPHX_PAGE_ROOM / choice.layout.size);
	Assert(choice.layout.payload_bytes >= PAYLOAD_SMALLEST &&
		   choice.layout.payload_bytes <= PAYLOAD_LARGEST);
	Assert(options.m == 0 || choice.layout.m == options.m);

	info->layout = choice.layout;
	describe_layout(&choice.layout, meta);
	meta->metric = (uint16) SphxIndexMetric(index);
	meta->operand = (uint32) SphxIndexOperand(index);
	meta->ef_construction = (uint32) options.ef_construction;
	meta->gap_weight = options.gap_weight;
	meta->shape.noise = choice.predicted;
}

double
SphxLeastNoise(const SphxIndexInfo *info, const float *variances)
{
	SphxServerEnv env;
	int			nibbles = info->layout.pieces;
	float	   *noise = palloc(sizeof(float) * ((Size) nibbles + 1));
	double		least;

	SphxInitEnv(&env, CurrentMemoryContext);
	sphx_noise_curve(&env.base, info->layout.D, variances, nibbles, noise);
	least = noise[nibbles];
	pfree(noise);
	return least;
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
