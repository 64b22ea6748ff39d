/*-------------------------------------------------------------------------
 *
 * graph.c
 *	  From candidate lists to a neighbour graph of bounded degree.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/graph/construct.h"
#include "math/graph/distance.h"
#include "math/graph/record.h"
#include "math/graph/select.h"
#include "math/kernels/kernels.h"

#define ORDER_TYPE	SphxNeighbour
#define ORDER_KEY	distance
#define ORDER_ID	id
#include "math/graph/order.h"

/* a row considers this many reverse edges at most, as a multiple of m */
#define REVERSE_FACTOR	2

/*
 * Edges that should lead to every row, as a part of m.  In data with hubs many
 * rows are among the nearest of no other, and a search would not find them.
 */
#define LEAST_IN_DEGREE(m)	((uint32_t) (m) * 2 / 3)

/*
 * Every row also considers rows sampled from the cells around it, so many a
 * cell.  Nearest neighbours alone leave tight clusters without a way between
 * them; the heuristic keeps those far candidates that no neighbour is nearer
 * to.
 */
#define FAR_SAMPLES		8

/* rows of one item of a task */
#define ROW_BLOCK		256

typedef struct GraphState
{
	SphxEnv    *env;			/* the participant's */
	SphxBuildInput input;
	const SphxNeighbour *knn;
	int			k;
	int			m;
	SphxNeighbour *forward;		/* n * m */
	uint32_t   *reverse_start;	/* n + 1 */
	SphxNeighbour *reverse;		/* grouped by the row they lead to */
	SphxNeighbour *work;		/* the participant's: candidates of one row */
	SphxNeighbour *room;		/* to sort as many */
	uint32_t   *samples;		/* cell_count * FAR_SAMPLES rows, or
								 * SPHX_INVALID_NODE */
	uint8_t    *diverse;		/* n: how many of a row's edges the heuristic
								 * chose */
	uint32_t   *in_degree;		/* n */
	SphxNeighbour *edges;		/* n * m: the result */
} GraphState;

float
sphx_extra_coordinate(const float *x, int D, float radius)
{
	float		square = sphx_kernels->dot_f32(x, x, (size_t) D);

	return sqrtf(fmaxf(0.0f, radius * radius - square));
}

static int
list_length(const SphxNeighbour *list, int room)
{
	int			n = 0;

	while (n < room && list[n].id != SPHX_INVALID_NODE)
		n++;
	return n;
}

static bool
list_contains(const SphxNeighbour *list, int count, uint32_t id)
{
	for (int i = 0; i < count; i++)
		if (list[i].id == id)
			return true;
	return false;
}

static void
list_end(SphxNeighbour *list, int count, int room)
{
	for (int i = count; i < room; i++)
	{
		list[i].distance = INFINITY;
		list[i].id = SPHX_INVALID_NODE;
	}
}

/* of candidate i in state->work from its row */
static inline float
row_distance(const void *arg, int i)
{
	const GraphState *state = arg;

	return state->work[i].distance;
}

/* between candidates i and j, as far as it is below that of i from its row */
static inline float
pair_distance(const void *arg, int i, int j)
{
	const GraphState *state = arg;
	size_t		d = (size_t) state->input.d;
	const float *rows = state->input.rows;

	return sphx_bounded_l2sq(rows + state->work[i].id * d, rows + state->work[j].id * d, d,
							 state->work[i].distance);
}

/* the diverse ones of the n candidates in state->work */
static int
select_diverse(const GraphState *state, int n, SphxNeighbour *out)
{
	int			chosen[SPHX_MAX_M];
	int			count = sphx_select_diverse(n, state->m, row_distance, pair_distance, state, chosen);

	for (int i = 0; i < count; i++)
		out[i] = state->work[chosen[i]];
	return count;
}

/* rows of every cell, spread evenly over its rows in their order */
static void
sample_cells(GraphState *state)
{
	const SphxBuildInput *input = &state->input;
	SphxEnv    *env = state->env;
	size_t		cells = (size_t) input->cell_count;
	uint32_t   *sizes = env->alloc(env, cells * sizeof(uint32_t));
	uint32_t   *seen = env->alloc(env, cells * sizeof(uint32_t));

	state->samples = sphx_share(env, cells * FAR_SAMPLES * sizeof(uint32_t));
	memset(state->samples, 0xff, cells * FAR_SAMPLES * sizeof(uint32_t));
	memset(sizes, 0, cells * sizeof(uint32_t));
	memset(seen, 0, cells * sizeof(uint32_t));
	for (uint32_t row = 0; row < input->n; row++)
		sizes[input->cells[row * (size_t) input->probes]]++;
	for (uint32_t row = 0; row < input->n; row++)
	{
		uint32_t	cell = input->cells[row * (size_t) input->probes];
		uint64_t	number = seen[cell]++;
		uint64_t	place = number * FAR_SAMPLES / sizes[cell];

		state->samples[cell * (size_t) FAR_SAMPLES + place] = row;
	}
	env->release(env, sizes);
	env->release(env, seen);
}

/*
 * Candidates of a row: its nearest, then the sampled ones beyond them; all
 * ascending.  Returns how many are in state->work.
 */
static int
gather_candidates(GraphState *state, uint32_t row)
{
	const SphxBuildInput *input = &state->input;
	size_t		d = (size_t) input->d;
	const SphxNeighbour *nearest = state->knn + row * (size_t) state->k;
	SphxNeighbour *work = state->work;
	int			near_count = list_length(nearest, state->k);
	float		bound = near_count == state->k ? nearest[near_count - 1].distance : -1.0f;
	int			n = near_count;

	memcpy(work, nearest, (size_t) near_count * sizeof(SphxNeighbour));
	for (int p = 0; p < input->probes; p++)
	{
		size_t		cell = input->cells[row * (size_t) input->probes + (size_t) p];

		for (size_t i = 0; i < FAR_SAMPLES; i++)
		{
			uint32_t	id = state->samples[cell * FAR_SAMPLES + i];
			float		distance;

			if (id == SPHX_INVALID_NODE || id == row)
				continue;
			distance = sphx_whole_l2sq(input->rows + row * d, input->rows + id * d, d);
			if (distance > bound && (bound >= 0.0f || !list_contains(work, near_count, id)))
			{
				work[n].distance = distance;
				work[n++].id = id;
			}
		}
	}
	sort_entries(work + near_count, (size_t) (n - near_count), state->room);
	if (bound < 0.0f)
		sort_entries(work, (size_t) n, state->room);
	return n;
}

/* the most candidates that a row has in any step */
static size_t
work_room(const GraphState *state)
{
	size_t		forward = (size_t) state->k + (size_t) state->input.probes * FAR_SAMPLES;
	size_t		both = (size_t) (1 + REVERSE_FACTOR) * (size_t) state->m;

	return forward > both ? forward : both;
}

/* Choose edges of the rows that are this participant's; `done` rows were ready before the run. */
static void
choose_rows(SphxEnv *env, GraphState *state, SphxItems *items, uint64_t done,
			void (*choose) (GraphState *state, uint32_t row))
{
	uint64_t	n = state->input.n;
	uint64_t	row;
	uint64_t	end;

	state->env = env;
	state->work = env->alloc(env, 2 * work_room(state) * sizeof(SphxNeighbour));
	state->room = state->work + work_room(state);
	while (sphx_next_block(items, n, ROW_BLOCK, &row, &end))
	{
		env->tick(env, done + row, 2 * n);
		for (; row < end; row++)
			choose(state, (uint32_t) row);
	}
	env->release(env, state->work);
}

static void
choose_forward_row(GraphState *state, uint32_t row)
{
	SphxNeighbour *out = state->forward + row * (size_t) state->m;
	int			candidates = gather_candidates(state, row);
	int			count = select_diverse(state, candidates, out);

	list_end(out, count, state->m);
}

static void
choose_forward(SphxEnv *env, void *arg, SphxItems *items)
{
	choose_rows(env, arg, items, 0, choose_forward_row);
}

/* group all forward edges by the row they lead to */
static void
collect_reverse(GraphState *state)
{
	size_t		m = (size_t) state->m;
	uint32_t	n = state->input.n;
	uint32_t   *start = sphx_share(state->env, (n + 1) * sizeof(uint32_t));

	memset(start, 0, (n + 1) * sizeof(uint32_t));
	for (size_t i = 0; i < n * m; i++)
		if (state->forward[i].id != SPHX_INVALID_NODE)
			start[state->forward[i].id + 1]++;
	for (uint32_t row = 0; row < n; row++)
		start[row + 1] += start[row];
	state->reverse = sphx_share(state->env, start[n] * sizeof(SphxNeighbour));

	/* filling moves each start to its end, which is the next one's start */
	for (size_t i = 0; i < n * m; i++)
	{
		uint32_t	to = state->forward[i].id;

		if (to != SPHX_INVALID_NODE)
		{
			state->reverse[start[to]].id = (uint32_t) (i / m);
			state->reverse[start[to]++].distance = state->forward[i].distance;
		}
	}
	memmove(start + 1, start, n * sizeof(uint32_t));
	start[0] = 0;
	state->reverse_start = start;
}

/* forward and the nearest reverse edges of a row, ascending, each once */
static int
both_directions(GraphState *state, uint32_t row)
{
	const SphxNeighbour *forward = state->forward + row * (size_t) state->m;
	SphxNeighbour *reverse = state->reverse + state->reverse_start[row];
	int			reverse_count = (int) (state->reverse_start[row + 1] - state->reverse_start[row]);
	int			forward_count = list_length(forward, state->m);
	SphxNeighbour *work = state->work;
	int			n;
	int			unique = 0;

	if (reverse_count > REVERSE_FACTOR * state->m)
	{
		select_entries(reverse, (size_t) reverse_count, (size_t) (REVERSE_FACTOR * state->m - 1));
		reverse_count = REVERSE_FACTOR * state->m;
	}
	memcpy(work, forward, (size_t) forward_count * sizeof(SphxNeighbour));
	memcpy(work + forward_count, reverse, (size_t) reverse_count * sizeof(SphxNeighbour));
	n = forward_count + reverse_count;
	sort_entries(work, (size_t) n, state->room);

	/*
	 * a pair has the same distance in both directions, so equal ids are side
	 * by side
	 */
	for (int i = 0; i < n; i++)
		if (unique == 0 || work[i].id != work[unique - 1].id)
			work[unique++] = work[i];
	return unique;
}

/* top up with the nearest that are not in the list */
static int
fill_up(const GraphState *state, SphxNeighbour *out, int count, const SphxNeighbour *from, int n)
{
	for (int i = 0; i < n && count < state->m; i++)
		if (!list_contains(out, count, from[i].id))
			out[count++] = from[i];
	return count;
}

static void
choose_final_row(GraphState *state, uint32_t row)
{
	const SphxNeighbour *nearest = state->knn + row * (size_t) state->k;
	SphxNeighbour *out = state->edges + row * (size_t) state->m;
	int			n = both_directions(state, row);
	int			count = select_diverse(state, n, out);

	state->diverse[row] = (uint8_t) count;
	count = fill_up(state, out, count, nearest, list_length(nearest, state->k));
	count = fill_up(state, out, count, state->work, n);
	list_end(out, count, state->m);
}

static void
choose_final(SphxEnv *env, void *arg, SphxItems *items)
{
	choose_rows(env, arg, items, ((const GraphState *) arg)->input.n, choose_final_row);
}

#define GRAPH_POINTERS \
	offsetof(GraphState, input.rows), offsetof(GraphState, knn), offsetof(GraphState, forward)

static const size_t forward_pointers[] = {
	GRAPH_POINTERS, offsetof(GraphState, input.cells), offsetof(GraphState, samples)
};
static const size_t final_pointers[] = {
	GRAPH_POINTERS, offsetof(GraphState, reverse_start), offsetof(GraphState, reverse),
	offsetof(GraphState, diverse), offsetof(GraphState, edges)
};

const SphxTask sphx_forward_task = SPHX_TASK(choose_forward, GraphState, forward_pointers);
const SphxTask sphx_final_task = SPHX_TASK(choose_final, GraphState, final_pointers);

static void
count_in_degrees(GraphState *state, const SphxNeighbour *edges)
{
	size_t		entries = (size_t) state->input.n * (size_t) state->m;

	memset(state->in_degree, 0, state->input.n * sizeof(uint32_t));
	for (size_t i = 0; i < entries; i++)
		if (edges[i].id != SPHX_INVALID_NODE)
			state->in_degree[edges[i].id]++;
}

/*
 * Among the edges of `list` that only fill it up, the one whose far end has
 * the most edges to spare; -1 when there is none.  A free place is best.
 */
static int
spare_edge(const GraphState *state, const SphxNeighbour *list, int diverse)
{
	uint32_t	most = LEAST_IN_DEGREE(state->m);
	int			best = -1;

	for (int i = diverse; i < state->m; i++)
	{
		if (list[i].id == SPHX_INVALID_NODE)
			return i;
		if (state->in_degree[list[i].id] > most)
		{
			most = state->in_degree[list[i].id];
			best = i;
		}
	}
	return best;
}

/* let rows that few edges lead to take the place of spare edges of their neighbours */
static void
raise_in_degrees(GraphState *state, SphxNeighbour *edges)
{
	size_t		m = (size_t) state->m;

	count_in_degrees(state, edges);
	for (uint32_t row = 0; row < state->input.n; row++)
	{
		const SphxNeighbour *near = edges + row * m;

		for (size_t i = 0; i < m && near[i].id != SPHX_INVALID_NODE &&
			 state->in_degree[row] < LEAST_IN_DEGREE(m); i++)
		{
			SphxNeighbour *list = edges + near[i].id * m;
			int			place;

			if (list_contains(list, state->m, row))
				continue;
			place = spare_edge(state, list, state->diverse[near[i].id]);
			if (place < 0)
				continue;
			if (list[place].id != SPHX_INVALID_NODE)
				state->in_degree[list[place].id]--;
			list[place].id = row;
			list[place].distance = near[i].distance;
			state->in_degree[row]++;
		}
		if (row % 1024 == 0)
			state->env->tick(state->env, 2 * (uint64_t) state->input.n,
							 2 * (uint64_t) state->input.n);
	}
}

SphxNeighbour *
sphx_build_graph(SphxEnv *env, const SphxBuildInput *input, const SphxNeighbour *knn, int k, int m)
{
	size_t		entries = (size_t) input->n * (size_t) m;
	uint64_t	blocks = sphx_blocks(input->n, ROW_BLOCK);
	GraphState	state;

	memset(&state, 0, sizeof(state));
	state.env = env;
	state.input = *input;
	state.knn = knn;
	state.k = k;
	state.m = m;
	state.edges = sphx_share(env, entries * sizeof(SphxNeighbour));
	state.forward = sphx_share(env, entries * sizeof(SphxNeighbour));
	state.diverse = sphx_share(env, input->n);
	state.in_degree = env->alloc(env, input->n * sizeof(uint32_t));
	sample_cells(&state);
	sphx_run(env, &sphx_forward_task, &state, blocks);
	collect_reverse(&state);
	sphx_run(env, &sphx_final_task, &state, blocks);
	raise_in_degrees(&state, state.edges);
	sphx_connect_graph(env, input, state.edges, m);
	sphx_unshare(env, state.forward);
	sphx_unshare(env, state.samples);
	sphx_unshare(env, state.diverse);
	env->release(env, state.in_degree);
	sphx_unshare(env, state.reverse);
	sphx_unshare(env, state.reverse_start);
	return state.edges;
}
