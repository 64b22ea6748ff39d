/*-------------------------------------------------------------------------
 *
 * shard_query.c
 *	  sphx_shard_query: the query that asks all partitions at the same time.
 *
 * ORDER BY a distance with a LIMIT over a partitioned table is a Merge Append,
 * which does not run its children asynchronously, and pushes no limit down to
 * foreign ones.  So the query has a subquery for each partition, with the order
 * and the limit, which postgres_fdw sends as they are; and the union of them is
 * a subquery that the planner does not flatten (OFFSET 0), so that it is an
 * Append, and the few rows are sorted above it.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(sphx_shard_query);

/* The operator of this name on two values of the type, as OPERATOR(schema.name). */
static char *
find_operator(const char *name, Oid type)
{
	CatCList   *list = SearchSysCacheList3(OPERNAMENSP, CStringGetDatum(name),
										   ObjectIdGetDatum(type), ObjectIdGetDatum(type));
	char	   *found = NULL;
	bool		visible = false;

	for (int i = 0; i < list->n_members && !visible; i++)
	{
		Form_pg_operator form = (Form_pg_operator) GETSTRUCT(&list->members[i]->tuple);

		if (form->oprresult != FLOAT8OID)
			continue;
		visible = OperatorIsVisible(form->oid);
		if (found == NULL || visible)
			found = psprintf("OPERATOR(%s.%s)",
							 quote_identifier(get_namespace_name(form->oprnamespace)),
							 NameStr(form->oprname));
	}
	ReleaseCatCacheList(list);
	if (found == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("no distance %s on type %s", name, format_type_be(type)),
				 errhint("Distances are <->, <=> and <#>.")));
	return found;
}

/* The type of a column of the table. */
static Oid
column_type(Relation parent, const char *column)
{
	AttrNumber	number = get_attnum(RelationGetRelid(parent), column);

	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						column, RelationGetRelationName(parent))));
	return getBaseType(get_atttype(RelationGetRelid(parent), number));
}

/* All columns by name: partitions need not have them in the same order. */
static char *
list_columns(Relation parent)
{
	TupleDesc	description = RelationGetDescr(parent);
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < description->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(description, i);

		if (attribute->attisdropped)
			continue;
		if (strcmp(NameStr(attribute->attname), "distance") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("\"%s\" has a column \"distance\", as the query has", RelationGetRelationName(parent)),
					 errhint("List the columns, this one by another name, in argument \"columns\".")));
		appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "",
						 quote_identifier(NameStr(attribute->attname)));
	}
	return list.data;
}

static Relation
open_table(Oid oid)
{
	Relation	table = relation_open(oid, AccessShareLock);
	char		kind = table->rd_rel->relkind;

	if (kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_RELATION && kind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(table))));
	return table;
}

/* What is the same in the subqueries of all partitions. */
typedef struct ShardQuery
{
	const char *columns;
	const char *column;			/* quoted */
	const char *operator;
	const char *condition;		/* or NULL */
	const char *limit;
} ShardQuery;

/* (SELECT …) UNION ALL … of all tables with rows that belong to the table. */
static char *
unite_partitions(const ShardQuery *query, Relation table)
{
	List	   *members = find_all_inheritors(RelationGetRelid(table), AccessShareLock, NULL);
	StringInfoData sql;
	ListCell   *cell;

	initStringInfo(&sql);
	foreach(cell, members)
	{
		Oid			member = lfirst_oid(cell);

		if (get_rel_relkind(member) == RELKIND_PARTITIONED_TABLE)
			continue;
		appendStringInfo(&sql, "%s\t(SELECT %s, %s %s $1 AS distance FROM ONLY %s",
						 sql.len > 0 ? " UNION ALL\n" : "", query->columns, query->column, query->operator,
						 quote_qualified_identifier(get_namespace_name(get_rel_namespace(member)),
													get_rel_name(member)));
		if (query->condition != NULL)
			appendStringInfo(&sql, " WHERE (%s)", query->condition);
		appendStringInfo(&sql, " ORDER BY distance LIMIT %s)", query->limit);
	}
	if (sql.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("partitioned table \"%s\" has no partitions", RelationGetRelationName(table))));
	return sql.data;
}

/*
 * sphx_shard_query(parent regclass, "column" name, operator name, k bigint,
 * columns text, condition text) -> text: a query for the k rows of a
 * partitioned table that are nearest to $1.  Without k it takes $2 rows,
 * without columns all of them.
 */
Datum
sphx_shard_query(PG_FUNCTION_ARGS)
{
	ShardQuery	query = {.limit = "$2"};
	Relation	table;
	char	   *sql;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(3))
	{
		if (PG_GETARG_INT64(3) < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("k must be at least 1")));
		query.limit = psprintf(INT64_FORMAT, PG_GETARG_INT64(3));
	}
	table = open_table(PG_GETARG_OID(0));
	query.column = quote_identifier(NameStr(*PG_GETARG_NAME(1)));
	query.operator = find_operator(NameStr(*PG_GETARG_NAME(2)),
								   column_type(table, NameStr(*PG_GETARG_NAME(1))));
	query.columns = PG_ARGISNULL(4) ? list_columns(table) : text_to_cstring(PG_GETARG_TEXT_PP(4));
	if (!PG_ARGISNULL(5))
		query.condition = text_to_cstring(PG_GETARG_TEXT_PP(5));
	sql = psprintf("SELECT * FROM (\n%s\n\tOFFSET 0) AS shards ORDER BY distance LIMIT %s",
				   unite_partitions(&query, table), query.limit);
	relation_close(table, AccessShareLock);
	PG_RETURN_TEXT_P(cstring_to_text(sql));
}
