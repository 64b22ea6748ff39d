/*-------------------------------------------------------------------------
 *
 * options.c
 *	  WITH (...) options.
 *
 *-------------------------------------------------------------------------
 */
#include "am/definition/options.h"

#include <float.h>

#include "access/reloptions.h"
#include "catalog/namespace.h"
#include "utils/regproc.h"

#include "page/meta.h"

#define DEFAULT_EF_CONSTRUCTION 100
#define DEFAULT_GAP_WEIGHT	2.0

static relopt_kind option_kind;

static relopt_enum_elt_def storage_values[] = {
	{"auto", SPHX_STORAGE_AUTO},
	{"int16", SPHX_STORAGE_INT16},
	{"int8", SPHX_STORAGE_INT8},
	{"int6", SPHX_STORAGE_INT6},
	{"int4", SPHX_STORAGE_INT4},
	{"int2", SPHX_STORAGE_INT2},
	{NULL, 0}
};

static relopt_enum_elt_def rotation_values[] = {
	{"auto", SPHX_ROTATION_AUTO},
	{"random", SPHX_ROTATION_RANDOM},
	{"learned", SPHX_ROTATION_LEARNED},
	{NULL, 0}
};

/* bits a dimension that edge codes may have */
#define LEAST_CODE_BITS		0.125
#define MOST_CODE_BITS		4.0

/* Is it a name, with or without a schema?  Whether it exists is the build's question. */
static void
check_centroids(const char *name)
{
	if (name != NULL)
		(void) makeRangeVarFromNameList(SphxParseName(name));
}

void
SphxInitOptions(void)
{
	Assert(option_kind == 0);	/* not yet called */
	option_kind = add_reloption_kind();

	/* ranges of m and code_bits have gaps: check_options knows them */
	add_int_reloption(option_kind, "m", "Neighbours a node keeps (0 = chosen)",
					  0, INT_MIN, INT_MAX, AccessExclusiveLock);
	add_int_reloption(option_kind, "ef_construction", "Nodes read to find a new node's neighbours",
					  DEFAULT_EF_CONSTRUCTION, SPHX_MIN_EF_CONSTRUCTION,
					  SPHX_MAX_EF_CONSTRUCTION, AccessExclusiveLock);
	add_int_reloption(option_kind, "lists", "Number of cells (0 = chosen)",
					  0, 0, SPHX_MAX_LISTS, AccessExclusiveLock);
	add_real_reloption(option_kind, "gap_weight", "Weight of the centroids' separation in training",
					   DEFAULT_GAP_WEIGHT, 0.0, 100.0, AccessExclusiveLock);
	add_real_reloption(option_kind, "code_bits", "Bits a dimension of edge codes (0 = chosen)",
					   0.0, -DBL_MAX, DBL_MAX, AccessExclusiveLock);
	add_enum_reloption(option_kind, "storage", "Precision of vectors in the index",
					   storage_values, SPHX_STORAGE_AUTO,
					   gettext_noop("Valid values are \"auto\", \"int16\", \"int8\", \"int6\", \"int4\" and \"int2\"."),
					   AccessExclusiveLock);
	add_enum_reloption(option_kind, "rotation", "Directions of the index's coordinates",
					   rotation_values, SPHX_ROTATION_AUTO,
					   gettext_noop("Valid values are \"auto\", \"random\" and \"learned\"."),
					   AccessExclusiveLock);
	add_string_reloption(option_kind, "centroids", "Relation with centroids trained elsewhere",
						 NULL, check_centroids, AccessExclusiveLock);
}

/* What the server's own checks of ranges leave open. */
static void
check_options(const SphxOptions *options)
{
	if (options->m != 0 &&
		(options->m < SPHX_MIN_M || options->m > SPHX_MAX_M || options->m % 2 != 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value %d out of bounds for option \"m\"", options->m),
				 errdetail("Valid values are even numbers between \"%d\" and \"%d\", and \"0\" for a choice from the data.",
						   SPHX_MIN_M, SPHX_MAX_M)));
	if (options->code_bits != 0.0 &&
		!(options->code_bits >= LEAST_CODE_BITS && options->code_bits <= MOST_CODE_BITS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value %g out of bounds for option \"code_bits\"", options->code_bits),
				 errdetail("Valid values are between \"%g\" and \"%g\", and \"0\" for a choice from the data.",
						   LEAST_CODE_BITS, MOST_CODE_BITS)));
}

bytea *
sphxoptions(Datum reloptions, bool validate)
{
	static const relopt_parse_elt table[] = {
		{.optname = "m",.opttype = RELOPT_TYPE_INT,.offset = offsetof(SphxOptions, m)},
		{.optname = "ef_construction",.opttype = RELOPT_TYPE_INT,
		.offset = offsetof(SphxOptions, ef_construction)},
		{.optname = "lists",.opttype = RELOPT_TYPE_INT,.offset = offsetof(SphxOptions, lists)},
		{.optname = "gap_weight",.opttype = RELOPT_TYPE_REAL,
		.offset = offsetof(SphxOptions, gap_weight)},
		{.optname = "code_bits",.opttype = RELOPT_TYPE_REAL,
		.offset = offsetof(SphxOptions, code_bits)},
		{.optname = "storage",.opttype = RELOPT_TYPE_ENUM,.offset = offsetof(SphxOptions, storage)},
		{.optname = "rotation",.opttype = RELOPT_TYPE_ENUM,
		.offset = offsetof(SphxOptions, rotation)},
		{.optname = "centroids",.opttype = RELOPT_TYPE_STRING,
		.offset = offsetof(SphxOptions, centroids)},
	};
	void	   *options = build_reloptions(reloptions, validate, option_kind, sizeof(SphxOptions),
										   table, lengthof(table));

	if (validate && options != NULL)
		check_options(options);
	return options;
}

SphxOptions
SphxGetOptions(Relation index)
{
	SphxOptions options = {
		.ef_construction = DEFAULT_EF_CONSTRUCTION,
		.gap_weight = DEFAULT_GAP_WEIGHT,
		.storage = SPHX_STORAGE_AUTO
	};

	Assert(index->rd_options == NULL || VARSIZE(index->rd_options) >= sizeof(options));
	if (index->rd_options != NULL)
		memcpy(&options, index->rd_options, sizeof(options));
	return options;
}

char *
SphxCentroidsOption(Relation index)
{
	SphxOptions *options = (SphxOptions *) index->rd_options;

	if (options == NULL || options->centroids == 0)
		return NULL;
	Assert(options->centroids >= (int) sizeof(*options) && options->centroids < VARSIZE(options));
	return pstrdup((const char *) options + options->centroids);
}
