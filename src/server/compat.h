/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What every server-side file includes first, and the only place that
 *	  knows differences between server versions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_COMPAT_H
#define SPHX_COMPAT_H

#include "postgres.h"

#include "fmgr.h"
#include "storage/buf.h"

#if PG_VERSION_NUM < 140000 || PG_VERSION_NUM >= 200000
#error "sphx supports PostgreSQL 14 to 19"
#endif

/* Version 16 moved the varlena macros out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * Version 16 brought soft errors of input functions.  Before it an input
 * function can only throw; the context, which then is never an
 * ErrorSaveContext, is not looked at.
 */
#if PG_VERSION_NUM < 160000
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#endif

/* Settings under a prefix are reserved by name from version 15 on. */
#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* Version 15 brought the set-up of functions that return sets; compat.c has it for 14. */
#if PG_VERSION_NUM < 150000
#define InitMaterializedSRF(fcinfo, flags) SphxInitMaterializedSRF(fcinfo, flags)
extern void SphxInitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags);
#endif

/* Version 16 renamed what identifies a relation's storage. */
#if PG_VERSION_NUM >= 160000
#include "storage/relfilelocator.h"
typedef RelFileLocator SphxRelLocator;
#define SphxRelationLocator(rel) ((rel)->rd_locator)
#else
#include "storage/relfilenode.h"
typedef RelFileNode SphxRelLocator;
#define SphxRelationLocator(rel) ((rel)->rd_node)
#endif

/* Version 18 put the word for functions that never return in front of them. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn			pg_attribute_noreturn()
#endif

/* Version 17 renamed the question which kind of process this is. */
#if PG_VERSION_NUM < 170000
#define AmAutoVacuumWorkerProcess() IsAutoVacuumWorkerProcess()
#endif

/* Version 16 gave the parser of names a place to note errors in. */
#if PG_VERSION_NUM >= 160000
#define SphxParseName(name)	stringToQualifiedNameList(name, NULL)
#else
#define SphxParseName(name)	stringToQualifiedNameList(name)
#endif

/* Version 18 lets a module tell its name and version (Makefile defines it). */
#if PG_VERSION_NUM >= 180000
#define SPHX_MODULE_MAGIC	PG_MODULE_MAGIC_EXT(.name = "sphx", .version = SPHX_VERSION)
#else
#define SPHX_MODULE_MAGIC	PG_MODULE_MAGIC
#endif

/* Version 18 tells analyze from vacuum in the delay. */
#if PG_VERSION_NUM >= 180000
#define SphxVacuumDelay()	vacuum_delay_point(false)
#else
#define SphxVacuumDelay()	vacuum_delay_point()
#endif

/* Version 18 shows in EXPLAIN ANALYZE how often an index was searched. */
#if PG_VERSION_NUM >= 180000
#define SphxCountSearch(scan) \
	((scan)->instrument != NULL ? (void) (scan)->instrument->nsearches++ : (void) 0)
#else
#define SphxCountSearch(scan)	((void) (scan))
#endif

/*
 * A path that must not be used.  From version 18 on the number of disabled
 * nodes is compared before costs.
 */
#if PG_VERSION_NUM >= 180000
#define SphxDisablePath(p)	((p)->path.disabled_nodes = 2)
#else
#define SphxDisablePath(p)	((void) (p))
#endif

/* Version 18 dropped a parameter of the hook that executes a query. */
#if PG_VERSION_NUM >= 180000
#define SPHX_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *query, ScanDirection direction, uint64 count
#define SPHX_EXECUTOR_RUN_ARGUMENTS query, direction, count
#else
#define SPHX_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define SPHX_EXECUTOR_RUN_ARGUMENTS query, direction, count, execute_once
#endif

/*
 * Version 15 has windows end when a condition on a rank is no longer met, unless
 * there are other partitions or windows.
 */
#if PG_VERSION_NUM >= 150000
#define SphxEndsEarly(window)	((window)->runcondition != NULL && !(window)->use_pass_through)
#else
#define SphxEndsEarly(window)	(false)
#endif

/* Version 17 has UNION use the order of what it unites. */
#if PG_VERSION_NUM >= 170000
#define SphxSetopPathkeys(root)	((root)->setop_pathkeys)
#else
#define SphxSetopPathkeys(root)	NIL
#endif

/* Version 16 has one function for the owners of all kinds of objects. */
#if PG_VERSION_NUM >= 160000
#define SphxOwnsRelation(relation, role) object_ownercheck(RelationRelationId, relation, role)
#else
#define SphxOwnsRelation(relation, role) pg_class_ownercheck(relation, role)
#endif

/* Version 16 lets the caller of a sort choose whether values are copied. */
#if PG_VERSION_NUM >= 160000
#define SphxSortedDatum(sort, value, isnull) tuplesort_getdatum(sort, true, false, value, isnull, NULL)
#else
#define SphxSortedDatum(sort, value, isnull) tuplesort_getdatum(sort, true, value, isnull, NULL)
#endif

/* Version 17 lets the same question count stronger modes as well. */
#if PG_VERSION_NUM >= 170000
#define SphxHoldsHeavyweight(tag, mode)	LockHeldByMe(tag, mode, false)
#else
#define SphxHoldsHeavyweight(tag, mode)	LockHeldByMe(tag, mode)
#endif

/* Version 17 has maintenance commands run with a search path of their own. */
#if PG_VERSION_NUM < 170000
#define RestrictSearchPath() ((void) 0)
#endif

/* Version 15 moved what is known of a recovery to a header of its own. */
#if PG_VERSION_NUM >= 150000
#define SPHX_RECOVERY_HEADER "access/xlogrecovery.h"
#else
#define SPHX_RECOVERY_HEADER "access/xlog.h"
#endif

/* From version 15 on one may ask which rows are gone as am/insert/obsolete.c does. */
#if PG_VERSION_NUM >= 150000
#define SPHX_TELLS_OBSOLETE
#endif

/* Version 18 lets a module print what it knows of a plan's node in EXPLAIN. */
#if PG_VERSION_NUM >= 180000
#define SPHX_EXPLAINS_NODES
#endif

/* Version 19 tells the hook that plans a query what is explained. */
#if PG_VERSION_NUM >= 190000
#define SPHX_PLANNER_PARAMETERS \
	Query *query, const char *source, int cursor_options, ParamListInfo params, \
	struct ExplainState *explained
#define SPHX_PLANNER_ARGUMENTS query, source, cursor_options, params, explained
#else
#define SPHX_PLANNER_PARAMETERS \
	Query *query, const char *source, int cursor_options, ParamListInfo params
#define SPHX_PLANNER_ARGUMENTS query, source, cursor_options, params
#endif

/* Version 19 keeps what a handler returns; before it is copied and freed. */
#if PG_VERSION_NUM >= 190000
#define SPHX_RETURN_ROUTINE(am)	PG_RETURN_POINTER(am)
#else
#define SPHX_RETURN_ROUTINE(am) \
	PG_RETURN_POINTER(memcpy(palloc(sizeof(IndexAmRoutine)), am, sizeof(IndexAmRoutine)))
#endif

/* Version 19 wants to be told when a description has all its columns. */
#if PG_VERSION_NUM >= 190000
#define SphxFinishDescription(description)	TupleDescFinalize(description)
#else
#define SphxFinishDescription(description)	((void) (description))
#endif

/* Version 19 has flags for those who fetch rows by their TIDs. */
#if PG_VERSION_NUM >= 190000
#define SphxBeginFetch(table)	table_index_fetch_begin(table, SO_NONE)
#else
#define SphxBeginFetch(table)	table_index_fetch_begin(table)
#endif

/* Does this backend hold the lock on the shared buffer, in any mode or exclusively? */
extern bool SphxBufferLocked(Buffer buffer);
extern bool SphxBufferLockedExclusive(Buffer buffer);

/*
 * Memory that all sessions share, set up by the first of them; NULL: there is
 * none.  Version 17 has it for the asking; before, it must be reserved at the
 * start of the server, by a library in shared_preload_libraries.
 */
extern void *SphxSharedMemory(const char *name, Size size, void (*init) (void *memory));
extern void SphxReserveShared(Size size);

#endif							/* SPHX_COMPAT_H */
