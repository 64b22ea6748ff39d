/*-------------------------------------------------------------------------
 *
 * centroids.c
 *	  Centroids trained elsewhere: WITH (centroids = 'relation').
 *
 * A build runs as the owner of the table, in a security-restricted operation,
 * and so does the query that reads the centroids.  What it reads must not
 * depend on who builds: a name without a schema is looked up in the schema of
 * the table, never along the search path, and the search path is pg_catalog
 * while a view is evaluated.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/build_state.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "am/definition/geometry.h"
#include "am/definition/opclass.h"
#include "type/vector_query.h"

/* what centroids may take */
#define CENTROID_BYTES		((double) (1024 * 1024) * 1024.0)
#define FIRST_ROOM			64

/* preferred where a relation has several columns of vectors */
#define COLUMN_NAME			"centroid"

/* Centroids on their way in. */
typedef struct Reader
{
	SphxBuild  *build;
	const char *name;			/* of the relation, for messages */
	Size		count;
	Size		room;
	float	   *rows;			/* room * D, transformed */
} Reader;

/* The relation, locked until the end of the transaction so that its name stays its own. */
static Relation
open_source(Relation index, const char *name)
{
	RangeVar   *range = makeRangeVarFromNameList(SphxParseName(name));
	Oid			table = index->rd_index->indrelid;
	Oid			oid;
	Relation	source;

	if (range->schemaname == NULL)
		range->schemaname = get_namespace_name(get_rel_namespace(table));
	oid = RangeVarGetRelid(range, AccessShareLock, true);
	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" with the centroids of index \"%s\" does not exist", name,
						RelationGetRelationName(index)),
				 errdetail("A name without a schema is looked up in the schema of the table."),

		/*
		 * what CREATE INDEX is at work on is gone after the error, but for
		 * CONCURRENTLY
		 */
				 index->rd_createSubid != InvalidSubTransactionId ?
				 errhint("Create it, or leave the option out.") :
				 errhint("Create it, or have the index forget it by ALTER INDEX ... RESET (centroids), followed by REINDEX.")));
	source = relation_open(oid, NoLock);
	if (oid == table)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("centroids of index \"%s\" cannot come from the table that it is on",
						RelationGetRelationName(index))));

	/*
	 * a restored dump has the data of tables before indexes, but refreshes
	 * materialized views after them
	 */
	if (source->rd_rel->relkind != RELKIND_RELATION &&
		source->rd_rel->relkind != RELKIND_PARTITIONED_TABLE &&
		source->rd_rel->relkind != RELKIND_VIEW &&
		source->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or view", name),
				 errhint("Put the centroids into a table.")));
	return source;
}

/*
 * The column of centroids: the only one of a type that could be indexed, or that
 * which is called so.  Messages name the index's type, with its schema on every
 * version: from 17 on the search path of CREATE INDEX is pg_catalog alone.
 */
static Form_pg_attribute
centroid_column(Relation source, Relation index, SphxOperand *operand)
{
	TupleDesc	desc = RelationGetDescr(source);
	Oid			type = index->rd_opcintype[0];
	Form_pg_attribute found = NULL;
	int			count = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		SphxOperand column_operand;

		if (column->attisdropped ||
			!SphxTypeOperand(index->rd_rel->relam, getBaseType(column->atttypid), &column_operand) ||
			(column_operand == SPHX_OPERAND_BIT && SphxIndexOperand(index) != SPHX_OPERAND_BIT))
			continue;
		found = column;
		*operand = column_operand;
		if (strcmp(NameStr(column->attname), COLUMN_NAME) == 0)
			return found;
		count++;
	}
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("relation \"%s\" has no column of type %s", RelationGetRelationName(source),
						format_type_be_qualified(type))));
	if (count > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("relation \"%s\" has %d columns of type %s",
						RelationGetRelationName(source), count, format_type_be_qualified(type)),
				 errhint("Call the column of centroids \"%s\".", COLUMN_NAME)));
	return found;
}

static void
make_room(Reader *reader)
{
	Size		row_bytes = sizeof(float) * (Size) reader->build->info.layout.D;

	if (reader->count < reader->room)
		return;
	if (((double) reader->count + 1.0) * (double) row_bytes > CENTROID_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("centroids in \"%s\" would take more than %.0f bytes", reader->name,
						CENTROID_BYTES)));
	if (reader->room == 0)
	{
		reader->room = FIRST_ROOM;
		reader->rows = MemoryContextAllocHuge(reader->build->context, reader->room * row_bytes);
	}
	else
	{
		reader->room *= 2;
		reader->rows = repalloc_huge(reader->rows, reader->room * row_bytes);
	}
}

/* One centroid: checked, transformed like a row of the table, and kept. */
static void
add_centroid(void *arg, const Vector *v)
{
	Reader	   *reader = arg;
	SphxBuild  *build = reader->build;
	int			number = (int) reader->count + 1;

	if (v == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("centroid %d in \"%s\" is null", number, reader->name)));
	if (v->dim != (int) build->info.meta.dims)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("centroid %d in \"%s\" has %d dimensions, not %u", number, reader->name,
						v->dim, build->info.meta.dims)));
	if (reader->count == SPHX_MAX_LISTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("\"%s\" has more than %d centroids", reader->name, SPHX_MAX_LISTS)));
	make_room(reader);
	Assert(reader->count < reader->room);
	if (!SphxTransform(&build->pages, &build->info, v,
					   reader->rows + reader->count * (Size) build->info.layout.D))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("centroid %d in \"%s\" is zero and has no direction", number,
						reader->name)));
	reader->count++;
}

/* Run the query with a search path that nobody has a hand in. */
static void
read_source(Reader *reader)
{
	Relation	source = open_source(reader->build->index, reader->name);
	SphxOperand operand;
	Form_pg_attribute column = centroid_column(source, reader->build->index, &operand);
	char	   *schema = get_namespace_name(RelationGetNamespace(source));
	int			nest_level = NewGUCNestLevel();
	char	   *query;

	query = psprintf("SELECT %s FROM %s", quote_identifier(NameStr(column->attname)),
					 quote_qualified_identifier(schema, RelationGetRelationName(source)));
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	Assert(ActiveSnapshotSet());
	SphxReadVectors(query, getBaseType(column->atttypid), operand, add_centroid, reader);
	AtEOXact_GUC(false, nest_level);
	relation_close(source, NoLock);
}

/* What can only be said of all centroids together; equal ones are merged. */
static void
finish_centroids(Reader *reader)
{
	SphxBuild  *build = reader->build;
	Size		D = (Size) build->info.layout.D;
	Size		kept;

	if (reader->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("there are no centroids in \"%s\"", reader->name)));
	if (build->options.lists > 0 && (Size) build->options.lists != reader->count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"lists\" is %d, but the number of centroids in \"%s\" is %zu",
						build->options.lists, reader->name, reader->count),
				 errhint("Leave out lists.")));
	kept = sphx_drop_equal_rows(&build->env.base, reader->count, (int) D, reader->rows);
	Assert(kept >= 1 && kept <= reader->count);
	if (kept < reader->count)
		ereport(NOTICE,
				(errmsg("of %zu centroids in \"%s\" only %zu are different", reader->count,
						reader->name, kept)));
	build->cells = (int) kept;
	build->centroids = build->env.base.alloc(&build->env.base, sizeof(float) * kept * D);
	memcpy(build->centroids, reader->rows, sizeof(float) * kept * D);
	pfree(reader->rows);
}

void
SphxLoadCentroids(SphxBuild *build)
{
	Reader		reader = {.build = build,.name = SphxCentroidsOption(build->index)};

	if (reader.name == NULL)
		return;
	read_source(&reader);
	finish_centroids(&reader);
}
