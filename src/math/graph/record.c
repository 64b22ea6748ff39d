/*-------------------------------------------------------------------------
 *
 * record.c
 *	  Node records: layout, vectors, and edges with their codes.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/graph/record.h"
#include "math/graph/select.h"

/* the largest stored elements */
#define LIMIT_INT16		32767.0f
#define LIMIT_INT8		127.0f

static int
align_up(int x, int to)
{
	return (x + to - 1) / to * to;
}

/* D for dims under the codebook */
static int
padded_dims(SphxCodebook book, int dims)
{
	return align_up(dims, book == SPHX_CODE_ORTHOPLEX ? 8 : 4);
}

void
sphx_layout_init(SphxLayout *layout)
{
	int			element = layout->storage == SPHX_STORAGE_INT16 ? 2 : 1;

	assert(layout->m >= SPHX_MIN_M && layout->m <= SPHX_MAX_M && layout->m % 2 == 0);
	layout->D = padded_dims(layout->book, layout->dims);
	layout->pieces = sphx_code_pieces(layout->book, layout->D);
	layout->payload = sizeof(SphxRecord);
	layout->vector = align_up(layout->payload + layout->payload_bytes, 2);
	layout->codes = layout->vector + layout->D * element;
	layout->ids = align_up(layout->codes + (int) sphx_code_bytes(layout->pieces, layout->m), 4);
	layout->lengths = layout->ids + layout->m * (int) sizeof(uint32_t);
	layout->gains = layout->lengths + layout->m;
	layout->size = align_up(layout->gains + layout->m, 4);
	assert(layout->size - layout->ids >= SPHX_CODE_OVERREAD);
}

static float
largest_coordinate(const float *x, int D)
{
	float		max = 0.0f;

	for (int i = 0; i < D; i++)
	{
		float		size = fabsf(x[i]);

		max = size > max ? size : max;
	}
	return max;
}

/*
 * The largest error of a stored vector: half a step in every coordinate, and
 * something for the rounding of x / scale.
 */
static float
largest_error(const SphxLayout *layout, float scale)
{
	return 0.505f * scale * sqrtf((float) layout->D);
}

/* |x - stored vector| as a part of the largest error, in steps of 1/255, rounded up */
static uint8_t
measure_error(const SphxLayout *layout, const SphxRecord *r, const float *x)
{
	const void *stored = (const char *) r + layout->vector;
	float		square = 0.0f;
	float		part;

	if (r->scale == 0.0f)
		return 0;
	for (int i = 0; i < layout->D; i++)
	{
		float		y = layout->storage == SPHX_STORAGE_INT16 ?
		(float) ((const int16_t *) stored)[i] : (float) ((const int8_t *) stored)[i];
		float		difference = x[i] / r->scale - y;

		square += difference * difference;
	}
	/* of .505 a coordinate, .005 are for rounding: in measuring as well */
	part = (sqrtf(square / (float) layout->D) + 0.005f) / 0.505f;
	return (uint8_t) fmaxf(1.0f, fminf(255.0f, ceilf(part * 255.0f)));
}

float
sphx_record_norm(const SphxLayout *layout, const SphxRecord *r)
{
	float		limit = layout->storage == SPHX_STORAGE_INT16 ? LIMIT_INT16 : LIMIT_INT8;

	return 1.001f * limit * r->scale * sqrtf((float) layout->D);
}

void
sphx_record_init(const SphxLayout *layout, SphxRecord *r, const float *x)
{
	bool		wide = layout->storage == SPHX_STORAGE_INT16;
	float		limit = wide ? LIMIT_INT16 : LIMIT_INT8;
	float		scale = largest_coordinate(x, layout->D) / limit;
	void	   *stored = (char *) r + layout->vector;

	/* below this the inverse would overflow; such a vector is stored as zero */
	if (scale < 1e-37f)
		scale = 0.0f;
	for (int i = 0; i < layout->D; i++)
	{
		float		y = scale > 0.0f ? rintf(x[i] / scale) : 0.0f;

		y = fmaxf(-limit, fminf(limit, y));
		if (wide)
			((int16_t *) stored)[i] = (int16_t) y;
		else
			((int8_t *) stored)[i] = (int8_t) y;
	}
	r->flags = SPHX_NODE_USED;
	r->neighbours = 0;
	r->scale = scale;
	r->error = measure_error(layout, r, x);
	r->unused = 0;
	r->length_base = 0;
	r->next = SPHX_INVALID_NODE;
}

void
sphx_record_vector(const SphxLayout *layout, const SphxRecord *r, float *x)
{
	const void *stored = (const char *) r + layout->vector;

	if (layout->storage == SPHX_STORAGE_INT16)
		sphx_kernels->decode_i16(stored, r->scale, x, (size_t) layout->D);
	else
		sphx_kernels->decode_i8(stored, r->scale, x, (size_t) layout->D);
}

bool
sphx_record_same_vector(const SphxLayout *layout, const SphxRecord *a, const SphxRecord *b)
{
	return a->scale == b->scale &&
		memcmp((const char *) a + layout->vector, (const char *) b + layout->vector,
			   (size_t) (layout->codes - layout->vector)) == 0;
}

float
sphx_record_error(const SphxLayout *layout, const SphxRecord *r)
{
	/*
	 * a stored zero may stand for coordinates up to the smallest scale times
	 * the limit
	 */
	if (r->scale == 0.0f)
		return 4e-33f * sqrtf((float) layout->D);

	return largest_error(layout, r->scale) * (r->error == 0 ? 1.0f : (float) r->error / 255.0f);
}

static uint8_t *
record_codes(const SphxLayout *layout, const SphxRecord *r)
{
	return (uint8_t *) r + layout->codes;
}

static uint8_t *
record_lengths(const SphxLayout *layout, const SphxRecord *r)
{
	return (uint8_t *) r + layout->lengths;
}

static uint8_t *
record_gains(const SphxLayout *layout, const SphxRecord *r)
{
	return (uint8_t *) r + layout->gains;
}

static float
vector_norm(const float *e, int D)
{
	return sqrtf(sphx_kernels->dot_f32(e, e, (size_t) D));
}

/* write edge j; length_base has been set so that `length` fits */
static void
put_edge(const SphxLayout *layout, SphxRecord *r, int j, uint32_t id, const float *e, float length,
		 uint8_t *nibbles)
{
	float		a = sphx_code_encode(layout->book, e, layout->D, length, nibbles);

	sphx_code_put(record_codes(layout, r), layout->pieces, layout->m, j, nibbles);
	sphx_record_ids(layout, r)[j] = id;
	record_lengths(layout, r)[j] = sphx_length_encode(sphx_record_length_base(r), length);
	record_gains(layout, r)[j] = sphx_gain_encode(a > 0.0f ? 1.0f / a : 1.0f);
}

SphxEdges *
sphx_edges_create(SphxEnv *env, const SphxLayout *layout)
{
	size_t		m = (size_t) layout->m;
	size_t		ids = m * sizeof(uint32_t);
	size_t		differences = m * (size_t) layout->D * sizeof(float);
	SphxEdges  *edges = env->alloc(env, sizeof(SphxEdges) + ids + differences +
								   (size_t) layout->pieces);

	edges->D = layout->D;
	edges->n = 0;
	edges->from = NULL;
	edges->ids = (uint32_t *) (edges + 1);
	edges->differences = (float *) (edges->ids + m);
	edges->nibbles = (uint8_t *) edges->differences + differences;
	return edges;
}

void
sphx_edges_start(SphxEdges *edges, const float *v)
{
	edges->from = v;
	edges->n = 0;
}

void
sphx_edges_add(SphxEdges *edges, uint32_t id, const float *w)
{
	float	   *difference = edges->differences + (size_t) edges->n * (size_t) edges->D;

	for (int d = 0; d < edges->D; d++)
		difference[d] = w[d] - edges->from[d];
	edges->ids[edges->n++] = id;
}

void
sphx_record_set_edges(const SphxLayout *layout, SphxRecord *r, const SphxEdges *edges)
{
	const float *e = edges->differences;
	size_t		D = (size_t) layout->D;
	float		longest = 0.0f;
	float		lengths[SPHX_MAX_M];

	assert(edges->n >= 0 && edges->n <= layout->m);
	for (int j = 0; j < edges->n; j++)
	{
		lengths[j] = vector_norm(e + (size_t) j * D, layout->D);
		longest = fmaxf(longest, lengths[j]);
	}
	r->length_base = (uint16_t) (sphx_length_base(longest) >> 16);
	memset(record_codes(layout, r), 0, sphx_code_bytes(layout->pieces, layout->m));
	for (int j = 0; j < edges->n; j++)
		put_edge(layout, r, j, edges->ids[j], e + (size_t) j * D, lengths[j], edges->nibbles);
	r->neighbours = (uint8_t) edges->n;
}

void
sphx_record_copy_edges(const SphxLayout *layout, SphxRecord *r, const SphxRecord *from)
{
	r->neighbours = from->neighbours;
	r->length_base = from->length_base;
	memcpy((char *) r + layout->codes, (const char *) from + layout->codes,
		   (size_t) (layout->size - layout->codes));
}

void
sphx_record_drop_edge(const SphxLayout *layout, SphxRecord *r, int j)
{
	int			last = r->neighbours - 1;

	assert(j >= 0 && j <= last);
	sphx_code_move(record_codes(layout, r), layout->pieces, layout->m, last, j);
	sphx_record_ids(layout, r)[j] = sphx_record_ids(layout, r)[last];
	record_lengths(layout, r)[j] = record_lengths(layout, r)[last];
	record_gains(layout, r)[j] = record_gains(layout, r)[last];
	r->neighbours = (uint8_t) last;
}

/*
 * Make room in the length codes for an edge of the given length: with a
 * higher base every code counts from there, and what falls below it becomes
 * the shortest.
 */
static void
raise_length_base(const SphxLayout *layout, SphxRecord *r, float length)
{
	uint32_t	base = sphx_length_base(length);
	uint8_t    *lengths = record_lengths(layout, r);

	if (base <= sphx_record_length_base(r))
		return;
	for (int j = 0; j < r->neighbours; j++)
		lengths[j] = sphx_length_encode(base, sphx_length_decode(sphx_record_length_base(r), lengths[j]));
	r->length_base = (uint16_t) (base >> 16);
}

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

	sphx_code_get(record_codes(layout, r), layout->pieces, layout->m, j, work->nibbles);
	sphx_code_decode(layout->book, work->nibbles, layout->D, work->x);
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
		raise_length_base(layout, choice->r, length);
		put_edge(layout, choice->r, next_place(choice->r, present, choose, work),
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
find_needless(const EdgeChoice *choice)
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
	return work->order[n - 1];
}

/* does a full list want the one edge offered, edge n, and in which one's place?  -1: no */
static int
find_replaced(const EdgeChoice *choice)
{
	SphxEdgeWork *work = choice->work;
	int			n = choice->r->neighbours;
	bool		longest = true;

	compare_offered(choice, 1);
	for (int j = 0; j < n; j++)
	{
		bool		shorter = work->square[j] <= work->square[n];

		longest = longest && shorter;
		if (shorter && is_nearer(work, work->pair[n], n, j))
			return -1;
	}
	return longest ? -1 : find_needless(choice);
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

/* the look-up table of x; returns its unit divided by the nominal norm of a code */
float
sphx_record_table(const SphxLayout *layout, const float *x, float amax, uint8_t *table)
{
	size_t		D = (size_t) layout->D;
	float		unit = layout->book == SPHX_CODE_ORTHOPLEX ?
	sphx_kernels->table_orthoplex(x, D, amax, table) :
	layout->book == SPHX_CODE_SIGNS ?
	sphx_kernels->table_signs(x, D, amax, table) :
	sphx_kernels->table_lloyd(x, D, amax, table);

	return unit / sphx_code_norm(layout->book, layout->D);
}

void
sphx_record_estimate(const SphxLayout *layout, const SphxRecord *r, const float *x, float square,
					 uint8_t *table, float *estimates)
{
	float		unit = sphx_record_table(layout, x, largest_coordinate(x, layout->D), table);
	int32_t		sums[SPHX_CODE_BLOCK];

	for (int start = 0; start < r->neighbours; start += SPHX_CODE_BLOCK)
	{
		int			n = sphx_record_block_sums(layout, r, start, table, sums);

		sphx_kernels->estimate(sums, record_lengths(layout, r) + start,
							   record_gains(layout, r) + start, sphx_record_length_base(r),
							   square,
							   2.0f * unit, n, estimates + start);
	}
}

int
sphx_record_block_sums(const SphxLayout *layout, const SphxRecord *r, int start,
					   const uint8_t *table, int32_t *sums)
{
	int			width = layout->m - start < SPHX_CODE_BLOCK ? layout->m - start : SPHX_CODE_BLOCK;
	int			n = r->neighbours - start < width ? r->neighbours - start : width;

	sphx_kernels->code_sums(record_codes(layout, r) + sphx_code_bytes(layout->pieces, start),
							(size_t) layout->pieces, width, table, sums);
	return n;
}
