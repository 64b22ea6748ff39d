/*-------------------------------------------------------------------------
 *
 * compat.c
 *	  What server versions lack, or have in different ways.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include "miscadmin.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#endif

#if PG_VERSION_NUM < 150000
#include "funcapi.h"

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

#if PG_VERSION_NUM >= 190000
bool
SphxBufferLocked(Buffer buffer)
{
	return BufferIsLockedByMe(buffer);
}

bool
SphxBufferLockedExclusive(Buffer buffer)
{
	return BufferIsLockedByMeInMode(buffer, BUFFER_LOCK_EXCLUSIVE);
}
#else
static LWLock *
content_lock(Buffer buffer)
{
	return BufferDescriptorGetContentLock(GetBufferDescriptor(buffer - 1));
}

bool
SphxBufferLocked(Buffer buffer)
{
	return LWLockHeldByMe(content_lock(buffer));
}

bool
SphxBufferLockedExclusive(Buffer buffer)
{
	return LWLockHeldByMeInMode(content_lock(buffer), LW_EXCLUSIVE);
}
#endif

#if PG_VERSION_NUM >= 170000

#if PG_VERSION_NUM >= 190000
static void
init_segment(void *memory, void *init)
{
	((void (*) (void *)) init) (memory);
}
#endif

void *
SphxSharedMemory(const char *name, Size size, void (*init) (void *memory))
{
	bool		found;

	if (!IsUnderPostmaster)
		return NULL;
#if PG_VERSION_NUM >= 190000
	return GetNamedDSMSegment(name, size, init_segment, &found, (void *) init);
#else
	return GetNamedDSMSegment(name, size, init, &found);
#endif
}

void
SphxReserveShared(Size size)
{
}
#else
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
