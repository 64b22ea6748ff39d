/*-------------------------------------------------------------------------
 *
 * workers.c
 *	  Parallel workers of CREATE INDEX.
 *
 * The leader does everything but the loops that take most of the time: these
 * are tasks (math/base/parallel.h), whose items leader and workers take from a
 * counter in shared memory.  Between two runs workers wait.
 *
 * Arrays that a task reads or writes are dynamic shared memory segments of their
 * own, which leader and workers have at different addresses.  The state of a
 * task is copied to the workers with its pointers given as segment and offset.
 * A worker has a segment mapped for the length of a run only, so that the memory
 * is free as soon as the leader gives it back.
 *
 * Nobody waits for a worker that has not taken part: one that cannot start, or
 * starts late, is missed by nobody.  A worker that fails raises its error, or
 * that of a lost connection, in the leader, which is in CHECK_FOR_INTERRUPTS
 * again and again.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/workers.h"

#include <sys/statvfs.h>

#include "access/genam.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/dsm.h"
#include "storage/dsm_impl.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/wait_event.h"

#include "math/train/assign.h"
#include "math/train/spectrum.h"

/* what the server gives each participant of a parallel CREATE INDEX at least, in kB */
#define PARTICIPANT_MEMORY	32768

#define MOST_STATE			8192
#define MOST_POINTERS		8
#define FIRST_SEGMENTS		32

#define KEY_SHARED			UINT64CONST(0x5350485800000001)
#define KEY_USAGE			UINT64CONST(0x5350485800000002)
#define KEY_QUERY			UINT64CONST(0x5350485800000003)

/* All tasks that workers know. */
static const SphxTask *const tasks[] = {
	&sphx_assign_task, &sphx_pools_task, &sphx_exact_task, &sphx_join_task,
	&sphx_forward_task, &sphx_final_task, &sphx_spectrum_near_task,
	&sphx_spectrum_image_task, &sphx_see_task, &sphx_group_task, &sphx_edges_task,
	&sphx_nearest_task, &sphx_bounds_task, &sphx_width_task
};

/* A pointer to a shared array, for another process. */
typedef struct SharedPointer
{
	dsm_handle	segment;		/* DSM_HANDLE_INVALID: NULL */
	Size		offset;
} SharedPointer;

/* What leader and workers have in common. */
typedef struct Shared
{
	Oid			index;
	ConditionVariable begun;	/* a run is open, or all are done */
	ConditionVariable ended;	/* a worker has ended its part of a run */

	slock_t		mutex;			/* of the next four */
	bool		done;			/* there will be no more runs */
	bool		open;			/* workers may join the run */
	uint32		run;			/* its number */
	int			active;			/* workers in it */

	/* the run: changed only while no worker is in it */
	int			task;
	Size		scratch;
	uint64		count;
	pg_atomic_uint64 next;		/* item */
	SharedPointer pointers[MOST_POINTERS];
	char		state[MOST_STATE] pg_attribute_aligned(MAXIMUM_ALIGNOF);
} Shared;

/* What a worker has used, for EXPLAIN and pg_stat_statements. */
typedef struct Usage
{
	BufferUsage buffers;
	WalUsage	wal;
} Usage;

/* Items of a run that others take as well. */
typedef struct SharedItems
{
	SphxItems	base;			/* first */
	Shared	   *shared;
} SharedItems;

/* The leader's side. */
typedef struct Leader
{
	SphxWorkers base;			/* first */
	ParallelContext *parallel;
	Shared	   *shared;
	dsm_segment **segments;
	int			count;
	int			room;
} Leader;

/* the worker's: the index */
static SphxPages *worker_pages = NULL;

SphxPages *
SphxRunPages(SphxPages *own)
{
	return worker_pages != NULL ? worker_pages : own;
}

static bool
next_shared_item(SphxItems *items, uint64_t *item)
{
	Shared	   *shared = ((SharedItems *) items)->shared;

	*item = pg_atomic_fetch_add_u64(&shared->next, 1);
	return *item < items->count;
}


/* Shared arrays */

/*
 * Is there room for so many bytes?  Where /dev/shm has a bound, as in containers,
 * dsm_create reports the lack of it as an error.
 */
static bool
shared_memory_left(size_t size)
{
	struct statvfs shm;

	return dynamic_shared_memory_type != DSM_IMPL_POSIX || statvfs("/dev/shm", &shm) != 0 ||
		size <= (uint64) shm.f_bavail * shm.f_frsize;
}

static void *
share(SphxWorkers *workers, SphxEnv *env, size_t size)
{
	Leader	   *leader = (Leader *) workers;
	dsm_segment *segment = NULL;

	if (shared_memory_left(size))
		segment = dsm_create(Max(size, 1), DSM_CREATE_NULL_IF_MAXSEGMENTS);

	/* without it the leader does alone what needs the array */
	if (segment == NULL)
		return env->alloc(env, size);
	if (leader->count == leader->room)
		leader->segments = SphxEnlarge(GetMemoryChunkContext(leader), leader->segments,
									   &leader->room, 0, sizeof(dsm_segment *));
	leader->segments[leader->count++] = segment;
	return dsm_segment_address(segment);
}

/* The number of the segment that has this address, or -1. */
static int
find_segment(const Leader *leader, const char *ptr)
{
	for (int i = 0; i < leader->count; i++)
	{
		const char *start = dsm_segment_address(leader->segments[i]);

		if (ptr >= start && ptr < start + dsm_segment_map_length(leader->segments[i]))
			return i;
	}
	return -1;
}

static void
unshare(SphxWorkers *workers, SphxEnv *env, void *ptr)
{
	Leader	   *leader = (Leader *) workers;
	int			i = find_segment(leader, ptr);

	if (i < 0)
	{
		env->release(env, ptr);
		return;
	}
	dsm_detach(leader->segments[i]);
	leader->segments[i] = leader->segments[--leader->count];
}


/* The leader */

/* Describe the pointers of a state; false if one leads to memory that is not shared. */
static bool
describe_pointers(const Leader *leader, const SphxTask *task, const void *state)
{
	for (int i = 0; i < task->pointer_count; i++)
	{
		SharedPointer *pointer = &leader->shared->pointers[i];
		const char *ptr;
		int			segment;

		memcpy(&ptr, (const char *) state + task->pointers[i], sizeof(ptr));
		pointer->segment = DSM_HANDLE_INVALID;
		if (ptr == NULL)
			continue;
		segment = find_segment(leader, ptr);
		if (segment < 0)
			return false;
		pointer->segment = dsm_segment_handle(leader->segments[segment]);
		pointer->offset = (Size) (ptr - (char *) dsm_segment_address(leader->segments[segment]));
	}
	return true;
}

/* Open a run to the workers. */
static void
open_run(Leader *leader, SphxEnv *env, int task, const void *state, uint64 count)
{
	Shared	   *shared = leader->shared;

	shared->task = task;
	shared->scratch = env->scratch;
	shared->count = count;
	memcpy(shared->state, state, tasks[task]->size);
	pg_atomic_write_u64(&shared->next, 0);
	SpinLockAcquire(&shared->mutex);
	Assert(!shared->open && shared->active == 0 && !shared->done);
	shared->run++;
	shared->open = true;
	SpinLockRelease(&shared->mutex);
	ConditionVariableBroadcast(&shared->begun);
}

/* Wait for those that have joined the run. */
static void
close_run(Leader *leader)
{
	Shared	   *shared = leader->shared;

	for (;;)
	{
		int			active;

		SpinLockAcquire(&shared->mutex);
		shared->open = false;
		active = shared->active;
		SpinLockRelease(&shared->mutex);
		if (active == 0)
			break;
		ConditionVariableSleep(&shared->ended, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
}

/* In the task the leader is like a worker: it does not open a run within the run. */
static void
take_part(SphxEnv *env, const SphxTask *task, void *state, SphxItems *items)
{
	SphxWorkers *workers = env->workers;

	env->workers = NULL;
	task->work(env, state, items);
	env->workers = workers;
}

static void
run(SphxWorkers *workers, SphxEnv *env, const SphxTask *task, void *state, uint64_t count)
{
	Leader	   *leader = (Leader *) workers;
	SharedItems items = {{next_shared_item, count, 0}, leader->shared};
	int			number = 0;

	while (number < (int) lengthof(tasks) && tasks[number] != task)
		number++;
	Assert(number < (int) lengthof(tasks));
	Assert(task->size <= MOST_STATE && task->pointer_count <= MOST_POINTERS);
	if (count < 2 || !describe_pointers(leader, task, state))
	{
		env->workers = NULL;
		sphx_run_alone(env, task, state, count);
		env->workers = workers;
		return;
	}
	open_run(leader, env, number, state, count);
	take_part(env, task, state, &items.base);
	close_run(leader);
}

/*
 * As many workers as the server starts for a table of this size: one more for
 * three times as much.  What counts is the vectors, which may be in the TOAST
 * table, and not the rows.
 */
static int
workers_for_size(const SphxBuild *build)
{
	double		blocks = (double) SphxCountRows(build->rows) * build->d * sizeof(float) / BLCKSZ;
	int			most = maintenance_work_mem / PARTICIPANT_MEMORY - 1;
	double		threshold = Max(min_parallel_table_scan_size, 1);
	int			workers = 0;

	for (; blocks >= threshold && workers < most; threshold *= 3)
		workers++;
	return workers;
}

static int
plan_workers(const SphxBuild *build, Relation heap)
{
	int			workers = RelationGetParallelWorkers(heap, -1);

	if (SphxCountRows(build->rows) == 0 || RelationUsesLocalBuffers(build->index) ||
		!IsUnderPostmaster)
		return 0;
	if (workers < 0)
		workers = workers_for_size(build);
	return Min(Min(workers, max_parallel_maintenance_workers), SphxBuildMostParticipants() - 1);
}

/* What workers find in the context's table of contents. */
static Shared *
fill_contents(ParallelContext *parallel, Oid index, const char *query)
{
	Shared	   *shared = shm_toc_allocate(parallel->toc, sizeof(Shared));
	Size		usage = mul_size(sizeof(Usage), (Size) parallel->nworkers);
	Usage	   *usages = shm_toc_allocate(parallel->toc, usage);

	memset(shared, 0, sizeof(Shared));
	shared->index = index;
	SpinLockInit(&shared->mutex);
	ConditionVariableInit(&shared->begun);
	ConditionVariableInit(&shared->ended);
	pg_atomic_init_u64(&shared->next, 0);
	shm_toc_insert(parallel->toc, KEY_SHARED, shared);
	memset(usages, 0, usage);
	shm_toc_insert(parallel->toc, KEY_USAGE, usages);
	if (query != NULL)
	{
		char	   *copy = shm_toc_allocate(parallel->toc, strlen(query) + 1);

		strcpy(copy, query);
		shm_toc_insert(parallel->toc, KEY_QUERY, copy);
	}
	return shared;
}

/* Launch up to so many workers; NULL, and nothing is left, if there are none. */
static ParallelContext *
launch(int workers, Oid index, Shared **shared)
{
	const char *query = debug_query_string;
	ParallelContext *parallel;

	EnterParallelMode();
	parallel = CreateParallelContext("sphx", "SphxBuildWorkerMain", workers);
	shm_toc_estimate_chunk(&parallel->estimator, sizeof(Shared));
	shm_toc_estimate_chunk(&parallel->estimator, mul_size(sizeof(Usage), (Size) workers));
	shm_toc_estimate_keys(&parallel->estimator, 2);
	if (query != NULL)
	{
		shm_toc_estimate_chunk(&parallel->estimator, strlen(query) + 1);
		shm_toc_estimate_keys(&parallel->estimator, 1);
	}
	InitializeParallelDSM(parallel);
	/* without a segment the context is in private memory, and has no workers */
	if (parallel->seg != NULL)
	{
		*shared = fill_contents(parallel, index, query);
		LaunchParallelWorkers(parallel);
		if (parallel->nworkers_launched > 0)
			return parallel;
	}
	DestroyParallelContext(parallel);
	ExitParallelMode();
	return NULL;
}

void
SphxBeginWorkers(SphxBuild *build, Relation heap)
{
	int			workers = plan_workers(build, heap);
	ParallelContext *parallel;
	Shared	   *shared = NULL;
	Leader	   *leader;

	Assert(build->env.base.workers == NULL);
	if (workers <= 0)
		return;
	parallel = launch(workers, RelationGetRelid(build->index), &shared);
	if (parallel == NULL)
		return;
	ereport(DEBUG1,
			(errmsg_internal("building index \"%s\" with %d parallel workers",
							 RelationGetRelationName(build->index), parallel->nworkers_launched)));
	leader = MemoryContextAllocZero(build->context, sizeof(Leader));
	leader->base.share = share;
	leader->base.unshare = unshare;
	leader->base.run = run;
	leader->parallel = parallel;
	leader->shared = shared;
	leader->room = FIRST_SEGMENTS;
	leader->segments = MemoryContextAlloc(build->context,
										  sizeof(dsm_segment *) * FIRST_SEGMENTS);
	build->env.base.workers = &leader->base;
}

void
SphxEndWorkers(SphxBuild *build)
{
	Leader	   *leader = (Leader *) build->env.base.workers;
	Usage	   *usages;

	if (leader == NULL)
		return;
	SpinLockAcquire(&leader->shared->mutex);
	leader->shared->done = true;
	SpinLockRelease(&leader->shared->mutex);
	ConditionVariableBroadcast(&leader->shared->begun);
	WaitForParallelWorkersToFinish(leader->parallel);
	usages = shm_toc_lookup(leader->parallel->toc, KEY_USAGE, false);
	for (int i = 0; i < leader->parallel->nworkers_launched; i++)
		InstrAccumParallelQuery(&usages[i].buffers, &usages[i].wal);
	while (leader->count > 0)
		dsm_detach(leader->segments[--leader->count]);
	DestroyParallelContext(leader->parallel);
	ExitParallelMode();
	build->env.base.workers = NULL;
}


/* The workers */

/* Wait for a run that this worker has not taken part in and join it; false if there will be none. */
static bool
join_run(Shared *shared, uint32 *last)
{
	bool		done;
	bool		joined;

	for (;;)
	{
		SpinLockAcquire(&shared->mutex);
		done = shared->done;
		joined = !done && shared->open && shared->run != *last;
		if (joined)
		{
			shared->active++;
			*last = shared->run;
		}
		SpinLockRelease(&shared->mutex);
		if (done || joined)
			break;
		ConditionVariableSleep(&shared->begun, PG_WAIT_EXTENSION);
	}
	ConditionVariableCancelSleep();
	return joined;
}

static void
leave_run(Shared *shared)
{
	SpinLockAcquire(&shared->mutex);
	Assert(shared->active > 0);
	shared->active--;
	SpinLockRelease(&shared->mutex);
	ConditionVariableBroadcast(&shared->ended);
}

/* Map the arrays of a run, and have the state's pointers lead to them. */
static void
map_arrays(const Shared *shared, const SphxTask *task, char *state, dsm_segment **segments)
{
	for (int i = 0; i < task->pointer_count; i++)
	{
		const SharedPointer *pointer = &shared->pointers[i];
		char	   *ptr = NULL;

		segments[i] = NULL;
		for (int j = 0; j < i; j++)
			if (segments[j] != NULL && dsm_segment_handle(segments[j]) == pointer->segment)
				ptr = (char *) dsm_segment_address(segments[j]) + pointer->offset;
		if (pointer->segment != DSM_HANDLE_INVALID && ptr == NULL)
		{
			segments[i] = dsm_attach(pointer->segment);
			if (segments[i] == NULL)
				elog(ERROR, "could not attach to a shared array of an index build");
			ptr = (char *) dsm_segment_address(segments[i]) + pointer->offset;
		}
		memcpy(state + task->pointers[i], &ptr, sizeof(ptr));
	}
}

/* Take part in a run; all memory comes from the current context. */
static void
do_items(Shared *shared)
{
	const SphxTask *task = tasks[shared->task];
	SharedItems items = {{next_shared_item, shared->count, 0}, shared};
	char	   *state = palloc(task->size);
	dsm_segment *segments[MOST_POINTERS];
	SphxServerEnv env;

	if (pg_atomic_read_u64(&shared->next) >= shared->count)
		return;
	SphxInitEnv(&env, CurrentMemoryContext);
	env.base.scratch = shared->scratch;
	memcpy(state, shared->state, task->size);
	map_arrays(shared, task, state, segments);
	task->work(&env.base, state, &items.base);
	for (int i = 0; i < task->pointer_count; i++)
		if (segments[i] != NULL)
			dsm_detach(segments[i]);
}

static void
do_runs(Shared *shared)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "sphx build worker",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	uint32		last = 0;

	while (join_run(shared, &last))
	{
		do_items(shared);
		MemoryContextReset(context);
		leave_run(shared);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

extern PGDLLEXPORT void SphxBuildWorkerMain(dsm_segment *segment, shm_toc *toc);

void
SphxBuildWorkerMain(dsm_segment *segment, shm_toc *toc)
{
	Shared	   *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	Usage	   *usage = (Usage *) shm_toc_lookup(toc, KEY_USAGE, false) + ParallelWorkerNumber;
	Relation	index;
	SphxPages	pages;

	debug_query_string = shm_toc_lookup(toc, KEY_QUERY, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	/* the leader's locks, of the same group, do not conflict with it */
	index = index_open(shared->index, RowExclusiveLock);
	SphxOpenPages(&pages, index);
	pages.building = true;
	worker_pages = &pages;
	SphxLoadBlas();
	InstrStartParallelQuery();
	do_runs(shared);
	InstrEndParallelQuery(&usage->buffers, &usage->wal);
	worker_pages = NULL;
	index_close(index, RowExclusiveLock);
}
