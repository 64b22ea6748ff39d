/*-------------------------------------------------------------------------
 *
 * record_choice.c
 *	  Which edges a full list keeps when others are offered.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/graph/record_private.h"
#include "math/graph/select.h"

/* edges that a decision may be about: those of a full list, and as many offered */
#define MOST_EDGES			(2 * SPHX_MAX_M)

/*
 * Room for one decision about more edges than a list holds: first the present
 * ones, then those offered.
 */
struct SphxEdgeWork
{
	float	   *x;				/* D: an edge, decoded */
	uint8_t    *nibbles;		/* pieces */
	uint8_t    *table;			/* 16 * pieces */
	float		pair[MOST_EDGES][MOST_EDGES + SPHX_CODE_BLOCK]; /* squared distances */
	float		square[MOST_EDGES]; /* squared lengths */
	int			order[MOST_EDGES];	/* edges by ascending length */
	int			offered[SPHX_MAX_M];	/* which of those offered are new */
	bool		compared[MOST_EDGES];	/* pair[] of this edge is known */
	bool		chosen[MOST_EDGES];
};

SphxEdgeWork *
sphx_edge_work_create(SphxEnv *env, const SphxLayout *layout)
{
	size_t		pieces = (size_t) layout->pieces;
	size_t		floats = (size_t) layout->D * sizeof(float);
	SphxEdgeWork *work = env->alloc(env, sizeof(SphxEdgeWork) + floats + 17 * pieces);

	work->x = (float *) (work + 1);
	work->table = (uint8_t *) work->x + floats;
	work->nibbles = work->table + 16 * pieces;
	return work;
}

/* the far end of edge j as far as its code tells: a vector of edge j's length */
static void
decode_edge(const SphxLayout *layout, const SphxRecord *r, int j, SphxEdgeWork *work)
{
	float		length = sphx_length_decode(sphx_record_length_base(r), record_lengths(layout, r)[j]);
	float		norm;

	sphx_code_get(&layout->area, record_codes(layout, r), j, work->nibbles);
	sphx_code_decode(&layout->code, work->nibbles, work->x);
	norm = vector_norm(work->x, layout->D);
	for (int i = 0; i < layout->D; i++)
		work->x[i] *= length / norm;
}

/* indexes 0..n-1 by ascending work->square; n is small */
static void
sort_by_length(SphxEdgeWork *work, int n)
{
	for (int i = 0; i < n; i++)
	{
		int			k = i;

		for (; k > 0 && work->square[work->order[k - 1]] > work->square[i]; k--)
			work->order[k] = work->order[k - 1];
		work->order[k] = i;
	}
}

/* Of which edges a decision is made, and what is known of them. */
typedef struct EdgeChoice
{
	const SphxLayout *layout;
	SphxRecord *r;
	const float *e;				/* offered: differences */
	SphxEdgeWork *work;
} EdgeChoice;

/*
 * What the lengths and the edges offered tell: squared lengths of all edges, and
 * the distances of the far ends of those offered from all others.
 */
static void
compare_offered(const EdgeChoice *choice, int count)
{
	SphxEdgeWork *work = choice->work;
	const SphxRecord *r = choice->r;
	size_t		D = (size_t) choice->layout->D;
	int			present = r->neighbours;

	for (int j = 0; j < present; j++)
	{
		float		length = sphx_length_decode(sphx_record_length_base(r),
												record_lengths(choice->layout, r)[j]);

		work->square[j] = length * length;
		work->compared[j] = false;
	}
	for (int i = 0; i < count; i++)
	{
		const float *x = choice->e + (size_t) work->offered[i] * D;
		float	   *pair = work->pair[present + i];

		work->square[present + i] = sphx_kernels->dot_f32(x, x, D);
		work->compared[present + i] = true;
		sphx_record_estimate(choice->layout, r, x, work->square[present + i], work->table, pair);
		for (int j = 0; j < i; j++)
			pair[present + j] = work->pair[present + j][present + i] =
				sphx_kernels->l2sq_f32(x, choice->e + (size_t) work->offered[j] * D, D);
	}
}

/*
 * Distances of the far end of a present edge from those of all others.  It is
 * known by its code only, so they are estimated; only edges that have been
 * chosen need it, which are few.
 */
static void
compare_present(const EdgeChoice *choice, int j)
{
	SphxEdgeWork *work = choice->work;

	decode_edge(choice->layout, choice->r, j, work);
	sphx_record_estimate(choice->layout, choice->r, work->x, work->square[j], work->table,
						 work->pair[j]);
	work->compared[j] = true;
}

/*
 * An edge is only dropped as not diverse when another is nearer to its end by
 * this factor in squared distance.  Codes tell distances with an error, and
 * of many comparisons one goes wrong: then the long edges, for which there are
 * most comparisons, would be lost with every edge offered.
 */
#define MARGIN				1.15f

/* longer than all other edges by so much in squared length: to rows of another kind */
#define FAR					1.25f

/* of the i-th shortest edge: its squared length */
static inline float
edge_square(const void *arg, int i)
{
	const SphxEdgeWork *work = ((const EdgeChoice *) arg)->work;

	return work->square[work->order[i]];
}

/* between the far ends of the i-th edge and the c-th shortest, which was chosen; with the margin */
static inline float
edge_pair(const void *arg, int i, int c)
{
	const EdgeChoice *choice = arg;
	SphxEdgeWork *work = choice->work;
	int			edge = work->order[i];
	int			chosen = work->order[c];
	int			present = choice->r->neighbours;

	/* what was offered is known exactly: better what it says of the other */
	if (edge >= present)
		return MARGIN * work->pair[edge][chosen];
	if (!work->compared[chosen])
		compare_present(choice, chosen);
	return MARGIN * work->pair[chosen][edge];
}

/* which m of n edges stay: the diverse ones, then the shortest of the others */
static void
choose_edges(const EdgeChoice *choice, int n, int m)
{
	SphxEdgeWork *work = choice->work;
	int			places[SPHX_MAX_M];
	int			kept;

	sort_by_length(work, n);
	kept = sphx_select_diverse(n, m, edge_square, edge_pair, choice, places);
	kept = sphx_select_nearest(n, m, kept, places);
	memset(work->chosen, 0, sizeof(work->chosen));
	for (int i = 0; i < kept; i++)
		work->chosen[work->order[places[i]]] = true;
}

/* those of n offered edges whose ids are not in the list yet, into work->offered; their number */
static int
find_new_edges(const SphxLayout *layout, const SphxRecord *r, int n, const uint32_t *offered,
			   SphxEdgeWork *work)
{
	const uint32_t *ids = sphx_record_ids(layout, r);
	int			count = 0;

	for (int i = 0; i < n; i++)
	{
		bool		present = false;

		for (int j = 0; j < r->neighbours && !present; j++)
			present = ids[j] == offered[i];
		if (!present)
			work->offered[count++] = i;
	}
	return count;
}

/*
 * The place of an edge that enters: that of a dropped one, where its bytes are
 * the only ones to change; else the first one free.
 */
static int
next_place(SphxRecord *r, int present, bool choose, SphxEdgeWork *work)
{
	for (int j = 0; choose && j < present; j++)
		if (!work->chosen[j])
		{
			work->chosen[j] = true;
			return j;
		}
	return r->neighbours++;
}

/*
 * Enter the `count` new edges, or those of them that were chosen.  The record had
 * `present` edges.
 */
static bool
enter_edges(const EdgeChoice *choice, int present, int count, bool choose, const uint32_t *ids)
{
	const SphxLayout *layout = choice->layout;
	SphxEdgeWork *work = choice->work;
	bool		changed = false;

	for (int i = 0; i < count; i++)
	{
		const float *x = choice->e + (size_t) work->offered[i] * (size_t) layout->D;
		float		length;

		if (choose && !work->chosen[present + i])
			continue;
		length = vector_norm(x, layout->D);
		sphx_record_fit_length(layout, choice->r, length);
		sphx_record_put_edge(layout, choice->r, next_place(choice->r, present, choose, work),
							 ids[work->offered[i]], x, length, work->nibbles);
		changed = true;
	}
	assert(choice->r->neighbours <= layout->m);
	return changed;
}

bool
sphx_record_offer_edges(const SphxLayout *layout, SphxRecord *r, int n, const uint32_t *ids,
						const float *e, SphxEdgeWork *work)
{
	const EdgeChoice choice = {layout, r, e, work};
	int			present = r->neighbours;
	int			count = find_new_edges(layout, r, n, ids, work);
	bool		choose = present + count > layout->m;

	assert(n >= 0 && n <= layout->m);
	if (choose)
	{
		compare_offered(&choice, count);
		choose_edges(&choice, present + count, layout->m);
	}
	return enter_edges(&choice, present, count, choose, ids);
}

/* is the far end of edge i, which the row of distances is of, nearer to that of edge j than to the node? */
static inline bool
is_nearer(const SphxEdgeWork *work, const float *row, int i, int j)
{
	return !(MARGIN * row[j] >= work->square[i]);
}

/*
 * The present edge that can best be spared for the one offered, edge n: the longest
 * of those that a shorter one, or that one, makes needless.  Only as many rows of
 * distances are estimated as it takes to find it; when each is of use, the longest
 * goes.
 */
static int
find_needless(const EdgeChoice *choice, bool longest)
{
	SphxEdgeWork *work = choice->work;
	int			n = choice->r->neighbours;

	sort_by_length(work, n);
	for (int place = n - 1; place > 0; place--)
	{
		int			j = work->order[place];

		if (work->square[j] > work->square[n] && is_nearer(work, work->pair[n], j, j))
			return j;
		compare_present(choice, j);
		for (int c = 0; c < place; c++)
			if (is_nearer(work, work->pair[j], j, work->order[c]))
				return j;
	}
	return longest ? -1 : work->order[n - 1];
}

/* of a full list, the part of shorter edges below which an offered one is taken in any case */
#define NEAR_PART			2

/*
 * Does a full list want the one edge offered, edge n, and in which one's place?  -1:
 * no.  It does when the edge is among the shortest, whatever the others lead to: they
 * are what a narrow search relies on; otherwise as one of the diverse.  One that is
 * longer than all others is wanted when it leads far away: where rows of another
 * kind come in, nothing would lead to them else.
 */
static int
find_replaced(const EdgeChoice *choice)
{
	SphxEdgeWork *work = choice->work;
	int			n = choice->r->neighbours;
	int			shorter = 0;
	bool		needless = false;
	float		longest = 0.0f;

	compare_offered(choice, 1);
	for (int j = 0; j < n; j++)
	{
		longest = fmaxf(longest, work->square[j]);
		if (work->square[j] > work->square[n])
			continue;
		shorter++;
		needless = needless || is_nearer(work, work->pair[n], n, j);
	}
	if ((needless && shorter >= n / NEAR_PART) ||
		(shorter == n && FAR * longest > work->square[n]))
		return -1;
	return find_needless(choice, shorter == n);
}

bool
sphx_record_offer_edge(const SphxLayout *layout, SphxRecord *r, uint32_t id, const float *e,
					   SphxEdgeWork *work)
{
	const EdgeChoice choice = {layout, r, e, work};
	int			present = r->neighbours;
	bool		choose = present == layout->m;

	if (find_new_edges(layout, r, 1, &id, work) == 0)
		return false;
	if (choose)
	{
		int			replaced = find_replaced(&choice);

		if (replaced < 0)
			return false;
		memset(work->chosen, true, (size_t) present + 1);
		work->chosen[replaced] = false;
	}
	return enter_edges(&choice, present, 1, choose, &id);
}
