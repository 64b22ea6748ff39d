/*-------------------------------------------------------------------------
 *
 * group.c
 *	  Rows of a shard in the order in which their nodes are written.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/workers.h"

#include "common/hashfn.h"
#include "miscadmin.h"

/* A row's place in a grouped shard: by cell, near rows together, equal ones side by side. */
typedef struct RowOrder
{
	uint32		row;
	uint32		hash;
	float		key;			/* coordinate by which its part of the cell is
								 * divided */
} RowOrder;

/* An item is a cell: its rows are ordered, and copied to their places. */
typedef struct GroupState
{
	int			d;
	int			near_d;
	uint32		per_page;
	const uint32 *start;		/* cells + 1: places of each cell */
	RowOrder   *order;			/* by cell */
	const float *x;
	float	   *sorted;
} GroupState;

Size
SphxGroupMemory(void)
{
	return sizeof(RowOrder);
}

static int
compare_order(const void *a, const void *b)
{
	const RowOrder *x = a;
	const RowOrder *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static int
compare_keys(const void *a, const void *b)
{
	const RowOrder *x = a;
	const RowOrder *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return compare_order(a, b);
}

/*
 * Make the coordinate in which these rows differ most their key, one of the first
 * where these are learned; `sums` has room for 2 near_d.
 */
static void
set_keys(const GroupState *state, RowOrder *order, uint32 n, double *sums)
{
	int			d = state->near_d;
	double	   *squares = sums + d;
	double		most = -1.0;
	int			widest = 0;

	memset(sums, 0, sizeof(double) * 2 * (Size) d);
	for (uint32 i = 0; i < n; i++)
	{
		const float *x = state->x + (Size) order[i].row * (Size) state->d;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < d; j++)
		{
			sums[j] += x[j];
			squares[j] += (double) x[j] * x[j];
		}
	}
	for (int j = 0; j < d; j++)
	{
		double		spread = squares[j] - sums[j] * sums[j] / n;

		if (spread > most)
		{
			most = spread;
			widest = j;
		}
	}
	for (uint32 i = 0; i < n; i++)
		order[i].key = state->x[(Size) order[i].row * (Size) state->d + (Size) widest];
}

/*
 * Put rows of a cell that are near each other on one page, if they fill several:
 * who reads one node of a page is likely to read others, and has the page
 * already.  The rows are halved, at a multiple of a page, by the coordinate in
 * which they differ most, and so are the halves.  Equal rows, whose hashes are
 * equal, stay together.
 */
static void
order_part(const GroupState *state, RowOrder *order, uint32 n, double *sums)
{
	uint32		page = state->per_page;
	uint32		middle = (n + page - 1) / page / 2 * page;
	uint32		half = middle;

	if (n <= page)
		return;
	Assert(half > 0 && half < n);
	set_keys(state, order, n, sums);
	qsort(order, n, sizeof(RowOrder), compare_keys);
	while (half > 0 && order[half - 1].hash == order[middle].hash)
		half--;
	if (half == 0)
		for (half = middle; half < n && order[half].hash == order[0].hash;)
			half++;
	if (half == n)
		return;
	order_part(state, order, half, sums);
	order_part(state, order + half, n - half, sums);
}

/* Order the rows of a cell by place and content. */
static void
group_cell(const GroupState *state, uint32 start, uint32 end, double *sums)
{
	Size		d = (Size) state->d;
	RowOrder   *order = state->order + start;

	for (uint32 i = 0; i < end - start; i++)
		order[i].hash = hash_bytes((const unsigned char *) (state->x + order[i].row * d),
								   (int) (sizeof(float) * d));
	qsort(order, end - start, sizeof(RowOrder), compare_order);
	order_part(state, order, end - start, sums);
	for (uint32 i = start; i < end; i++)
		memcpy(state->sorted + i * d, state->x + state->order[i].row * d, sizeof(float) * d);
}

static void
group_cells(SphxEnv *env, void *arg, SphxItems *items)
{
	const GroupState *state = arg;
	double	   *sums = env->alloc(env, sizeof(double) * 2 * (Size) state->near_d);
	uint64		cell;

	while (items->next(items, &cell))
	{
		CHECK_FOR_INTERRUPTS();
		group_cell(state, state->start[cell], state->start[cell + 1], sums);
	}
	env->release(env, sums);
}

static const size_t group_pointers[] = {
	offsetof(GroupState, start), offsetof(GroupState, order), offsetof(GroupState, x),
	offsetof(GroupState, sorted)
};

const SphxTask sphx_group_task = SPHX_TASK(group_cells, GroupState, group_pointers);

/* Put the rows' numbers in the order of cells; start[] then says where each cell's are. */
static void
sort_by_cell(const SphxShard *shard, int cells, uint32 *start, RowOrder *order)
{
	memset(start, 0, sizeof(uint32) * ((Size) cells + 1));
	for (uint32 i = 0; i < shard->count; i++)
	{
		Assert(shard->rows[i].probes > 0 && shard->rows[i].cells[0] < (uint32) cells);
		start[shard->rows[i].cells[0] + 1]++;
	}
	for (int c = 0; c < cells; c++)
		start[c + 1] += start[c];

	/* filling moves each start to its end, which is the next one's start */
	for (uint32 i = 0; i < shard->count; i++)
		order[start[shard->rows[i].cells[0]]++].row = i;
	memmove(start + 1, start, sizeof(uint32) * (Size) cells);
	start[0] = 0;
}

void
SphxGroupRows(SphxBuild *build, SphxShard *shard)
{
	SphxEnv    *env = &shard->env.base;
	Size		count = (Size) shard->count + 1;
	uint32	   *start = sphx_share(env, sizeof(uint32) * ((Size) build->cells + 1));
	RowOrder   *order = sphx_share(env, sizeof(RowOrder) * count);
	float	   *sorted = sphx_share(env, sizeof(float) * (Size) build->d * count);
	SphxBuildRow *rows = MemoryContextAllocHuge(shard->context, sizeof(SphxBuildRow) * count);
	GroupState	state = {
		.d = build->d,
		.near_d = build->near_d,
		.per_page = build->info.meta.per_page,
		.start = start,
		.order = order,
		.x = shard->x,
		.sorted = sorted
	};

	sort_by_cell(shard, build->cells, start, order);
	sphx_run(env, &sphx_group_task, &state, (uint64) build->cells);
	for (uint32 i = 0; i < shard->count; i++)
		rows[i] = shard->rows[order[i].row];
	sphx_unshare(env, order);
	sphx_unshare(env, start);
	sphx_unshare(env, shard->x);
	pfree(shard->rows);
	shard->rows = rows;
	shard->x = sorted;
}
