/*-------------------------------------------------------------------------
 *
 * parallel.c
 *	  Runs of tasks, by the caller alone unless there are workers.
 *
 *-------------------------------------------------------------------------
 */
#include "math/base/parallel.h"

static bool
next_item(SphxItems *items, uint64_t *item)
{
	*item = items->taken;
	if (items->taken == items->count)
		return false;
	items->taken++;
	return true;
}

void
sphx_run_alone(SphxEnv *env, const SphxTask *task, void *state, uint64_t count)
{
	SphxItems	items = {next_item, count, 0};

	task->work(env, state, &items);
}

void
sphx_run(SphxEnv *env, const SphxTask *task, void *state, uint64_t count)
{
	if (env->workers != NULL)
		env->workers->run(env->workers, env, task, state, count);
	else
		sphx_run_alone(env, task, state, count);
}

void *
sphx_share(SphxEnv *env, size_t size)
{
	if (env->workers != NULL)
		return env->workers->share(env->workers, env, size);
	return env->alloc(env, size);
}

void
sphx_unshare(SphxEnv *env, void *ptr)
{
	if (env->workers != NULL)
		env->workers->unshare(env->workers, env, ptr);
	else
		env->release(env, ptr);
}
