/*-------------------------------------------------------------------------
 *
 * see.c
 *	  Rows, which are only rotated, as they are seen in the index's basis.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/workers.h"

#include "access/parallel.h"
#include "miscadmin.h"

/* rows of an item */
#define ROW_BLOCK		512

typedef struct SeeState
{
	uint64		n;
	int			stride;			/* floats a row */
	float	   *rows;
	const SphxBasis *basis;		/* the participant's own */
	int			D;
	int			count;
	bool		centered;
	const char *bytes;			/* of the basis, for workers */
} SeeState;

static void
see_rows(SphxEnv *env, void *arg, SphxItems *items)
{
	SeeState   *state = arg;
	uint64		row;
	uint64		end;

	if (IsParallelWorker())
		state->basis = sphx_basis_read(env, state->D, state->count, state->centered, state->bytes);
	while (sphx_next_block(items, state->n, ROW_BLOCK, &row, &end))
	{
		for (; row < end; row += SPHX_REFLECT_ROWS)
		{
			sphx_basis_apply_rows(state->basis, Min(end - row, SPHX_REFLECT_ROWS),
								  state->rows + row * (uint64) state->stride,
								  (size_t) state->stride);
			CHECK_FOR_INTERRUPTS();
		}
	}
}

static const size_t see_pointers[] = {offsetof(SeeState, rows), offsetof(SeeState, bytes)};

const SphxTask sphx_see_task = SPHX_TASK(see_rows, SeeState, see_pointers);

void
SphxSeeRows(SphxBuild *build, uint64 n, int stride, float *rows)
{
	const SphxBasis *basis = build->basis;
	SphxEnv    *env = &build->env.base;
	SeeState	state = {.n = n,.stride = stride,.rows = rows,.basis = basis};
	char	   *bytes;

	if (basis == NULL)
		return;
	if (env->workers == NULL || n <= ROW_BLOCK)
	{
		sphx_run_alone(env, &sphx_see_task, &state, sphx_blocks(n, ROW_BLOCK));
		return;
	}
	state.D = basis->D;
	state.count = basis->count;
	state.centered = basis->center != NULL;
	bytes = sphx_share(env, sphx_basis_bytes(state.D, state.count, state.centered));
	sphx_basis_write(basis, bytes);
	state.bytes = bytes;
	sphx_run(env, &sphx_see_task, &state, sphx_blocks(n, ROW_BLOCK));
	sphx_unshare(env, bytes);
}
