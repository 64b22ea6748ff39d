/*-------------------------------------------------------------------------
 *
 * connect.c
 *	  Joining the parts of a neighbour graph that edges do not lead to.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/base/random.h"
#include "math/graph/construct.h"
#include "math/graph/distance.h"
#include "math/graph/record.h"

/* rows that an unreachable row is compared with to find one to be reached from */
#define TRIED_ROWS		256

typedef struct ConnectState
{
	SphxEnv    *env;
	const SphxBuildInput *input;
	SphxNeighbour *edges;
	int			m;
	bool	   *reached;		/* n */
	uint32_t   *list;			/* n: rows reached, in the order of reaching */
	uint32_t	count;
	uint8_t    *given;			/* n: edges that a row has given to connect
								 * others */
} ConnectState;

/* mark everything that edges lead to from a row */
static void
reach_from(ConnectState *state, uint32_t row)
{
	uint32_t	next = state->count;

	state->reached[row] = true;
	state->list[state->count++] = row;
	for (; next < state->count; next++)
	{
		const SphxNeighbour *list = state->edges + state->list[next] * (size_t) state->m;

		for (int i = 0; i < state->m && list[i].id != SPHX_INVALID_NODE; i++)
		{
			if (!state->reached[list[i].id])
			{
				state->reached[list[i].id] = true;
				state->list[state->count++] = list[i].id;
			}
		}
		if (next % 1024 == 0)
			state->env->tick(state->env, state->input->n, state->input->n);
	}
}

/* the nearest of some reached rows that still can give an edge */
static uint32_t
nearest_reached(ConnectState *state, uint32_t row, SphxRandom *random, float *distance)
{
	size_t		d = (size_t) state->input->d;
	uint32_t	best = SPHX_INVALID_NODE;

	*distance = INFINITY;
	for (int i = 0; i < TRIED_ROWS; i++)
	{
		uint32_t	other = state->list[sphx_random_below(random, state->count)];
		float		tried = sphx_whole_l2sq(state->input->rows + row * d,
											state->input->rows + other * d, d);

		if (state->given[other] < state->m / 2 && tried < *distance)
		{
			*distance = tried;
			best = other;
		}
	}
	return best;
}

/*
 * The edge is put in at the end of the list.  What it takes the place of may
 * be the only way to another row; so reachability is looked at again at the
 * end of a round.
 */
static void
lead_to(ConnectState *state, uint32_t from, uint32_t row, float distance)
{
	SphxNeighbour *list = state->edges + from * (size_t) state->m;
	int			place = state->m - 1 - state->given[from]++;

	while (place > 0 && list[place - 1].id == SPHX_INVALID_NODE)
		place--;
	list[place].id = row;
	list[place].distance = distance;
}

/* one round: reach all rows, mending where need be; returns how many edges were put in */
static uint32_t
connect_round(ConnectState *state, SphxRandom *random)
{
	uint32_t	mended = 0;

	memset(state->reached, 0, state->input->n * sizeof(bool));
	state->count = 0;
	reach_from(state, 0);
	for (uint32_t row = 1; row < state->input->n; row++)
	{
		float		distance;
		uint32_t	from;

		if (state->reached[row])
			continue;
		from = nearest_reached(state, row, random, &distance);
		if (from != SPHX_INVALID_NODE)
		{
			lead_to(state, from, row, distance);
			mended++;
		}
		reach_from(state, row);
	}
	return mended;
}

void
sphx_connect_graph(SphxEnv *env, const SphxBuildInput *input, SphxNeighbour *edges, int m)
{
	ConnectState state = {.env = env,.input = input,.edges = edges,.m = m};
	SphxRandom	random;

	if (input->n < 2)
		return;
	state.reached = env->alloc(env, input->n * sizeof(bool));
	state.list = env->alloc(env, input->n * sizeof(uint32_t));
	state.given = env->alloc(env, input->n);
	memset(state.given, 0, input->n);
	sphx_random_seed(&random, 1);
	for (int round = 0; round < 4; round++)
		if (connect_round(&state, &random) == 0)
			break;
	env->release(env, state.reached);
	env->release(env, state.list);
	env->release(env, state.given);
}
