/*-------------------------------------------------------------------------
 *
 * inspect.c
 *	  What the functions that look into an index share.
 *
 *-------------------------------------------------------------------------
 */
#include "fn/inspect.h"

#include "access/amapi.h"
#include "access/relation.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"

#include "am/create/build.h"

pg_noreturn static void
report_missing(Oid oid)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("index with OID %u does not exist", oid)));
}

void
SphxRequireIndex(Oid oid)
{
	char		relkind = get_rel_relkind(oid);

	if (relkind == '\0')
		report_missing(oid);
	if (relkind != RELKIND_INDEX && relkind != RELKIND_PARTITIONED_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an index", get_rel_name(oid)),
				 errhint("Name an index that was created with USING sphx.")));
}

Relation
SphxOpenIndex(Oid oid)
{
	/* dropped since, perhaps; no other relation can have its OID so soon */
	Relation	index = try_relation_open(oid, AccessShareLock);

	if (index == NULL)
		report_missing(oid);
	return index;
}

void
SphxRequirePages(Relation index)
{
	const char *name = RelationGetRelationName(index);

	if (index->rd_indam->ambuild != sphxbuild)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an sphx index", name),
				 errhint("Name an index that was created with USING sphx.")));
	if (index->rd_rel->relkind == RELKIND_PARTITIONED_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a partitioned index", name),
				 errhint("Name the index of a partition.")));
	if (RELATION_IS_OTHER_TEMP(index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary indexes of other sessions")));
	if (index->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED && RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot access unlogged index \"%s\" during recovery", name)));

	/* left behind by a CREATE INDEX CONCURRENTLY that failed while building */
	if (!index->rd_index->indisready)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" was not built", name),
				 errhint("Please REINDEX it.")));
}

Relation
SphxOpenReadable(Oid oid)
{
	Relation	index;
	AclResult	acl;

	SphxRequireIndex(oid);
	index = SphxOpenIndex(oid);

	/* one who may read the table may know what its index looks like */
	acl = pg_class_aclcheck(index->rd_index->indrelid, GetUserId(), ACL_SELECT);
	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_TABLE, get_rel_name(index->rd_index->indrelid));
	SphxRequirePages(index);
	return index;
}
