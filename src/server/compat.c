/*-------------------------------------------------------------------------
 *
 * compat.c
 *	  What server versions lack, or have in different ways.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#if PG_VERSION_NUM < 150000
#include "funcapi.h"
#include "miscadmin.h"

/*
 * Prepare to return a set through a tuplestore.  Flags are those of version
 * 15, of which only 0 is used.
 */
void
SphxInitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	TupleDesc	desc;

	Assert(flags == 0);
	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		!(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
											  false, work_mem);
	rsinfo->setDesc = desc;
	MemoryContextSwitchTo(old);
}
#endif

#if PG_VERSION_NUM >= 170000
#include "miscadmin.h"
#include "storage/dsm_registry.h"

void *
SphxSharedMemory(const char *name, Size size, void (*init) (void *memory))
{
	bool		found;

	return IsUnderPostmaster ? GetNamedDSMSegment(name, size, init, &found) : NULL;
}

void
SphxReserveShared(Size size)
{
}
#else
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

static Size reserved = 0;

void *
SphxSharedMemory(const char *name, Size size, void (*init) (void *memory))
{
	bool		found;
	void	   *memory;

	Assert(reserved == 0 || reserved == size);
	if (reserved == 0)
		return NULL;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = ShmemInitStruct(name, size, &found);
	if (!found)
		init(memory);
	LWLockRelease(AddinShmemInitLock);
	return memory;
}

#if PG_VERSION_NUM >= 150000
static shmem_request_hook_type previous_hook = NULL;

static void
request_memory(void)
{
	if (previous_hook != NULL)
		previous_hook();
	RequestAddinShmemSpace(reserved);
}
#endif

void
SphxReserveShared(Size size)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	reserved = size;
#if PG_VERSION_NUM >= 150000
	previous_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
#else
	RequestAddinShmemSpace(size);
#endif
}
#endif
