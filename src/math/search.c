/*-------------------------------------------------------------------------
 *
 * search.c
 *	  Estimate-ordered beam search over node records.
 *
 * The beam is an array of candidates ascending by key: the estimated distance
 * of a node not yet read, the exact one of a node read.  The search reads the
 * first unread candidate among the first `ef`, until there is none.  Nodes
 * that fall off the end of the beam, or do not get in, are set aside for a
 * search that is continued with a larger ef.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search.h"

/*
 * Whether a candidate has been read is the lowest bit of its key's mantissa,
 * which is far below the noise of the estimates.
 */
typedef struct Candidate
{
	float		key;
	uint32_t	id;
} Candidate;

static inline Candidate
make_candidate(float key, uint32_t id, bool read)
{
	Candidate	candidate = {key, id};
	uint32_t	bits;

	/* keys stay comparable, whatever overflowed */
	if (!isfinite(key))
		candidate.key = key < 0.0f ? -FLT_MAX : FLT_MAX;
	memcpy(&bits, &candidate.key, sizeof(bits));
	bits = (bits & ~UINT32_C(1)) | (read ? 1 : 0);
	memcpy(&candidate.key, &bits, sizeof(bits));
	return candidate;
}

static inline bool
is_read(Candidate candidate)
{
	uint32_t	bits;

	memcpy(&bits, &candidate.key, sizeof(bits));
	return bits & 1;
}

/* an array of candidates that grows */
typedef struct CandidateArray
{
	Candidate  *items;
	size_t		count;
	size_t		room;
} CandidateArray;

/* open addressing; a slot holds id + 1, or 0 when it is free (no id is UINT32_MAX) */
typedef struct IdSet
{
	uint32_t   *slots;
	uint32_t	count;
	int			bits;			/* there are 1 << bits slots */
} IdSet;

struct SphxSearch
{
	SphxEnv    *env;
	const SphxLayout *layout;
	SphxMetric	metric;
	bool		keep_vectors;
	void	   *scratch;		/* the memory of the next four */
	float	   *q;				/* the query, D floats */
	float	   *x;				/* q - v of the node being read, D floats */
	uint8_t    *table;			/* 16 * pieces */
	float	   *estimates;		/* of the node being read */
	float		query_unit;		/* inner product: the table is the query's;
								 * its unit */
	uint32_t	neighbours[SPHX_MAX_M];

	CandidateArray beam;
	size_t		unread;			/* all of the beam before this place has been
								 * read */
	CandidateArray aside;		/* unread, not in the beam; in no order */
	IdSet		seen;			/* in the beam or set aside at some time */
	IdSet		read;			/* read */

	SphxHit    *hits;			/* not yet taken, in order of reading */
	size_t		hit_count;
	size_t		hit_room;
	SphxHit    *taken;			/* what the last take returned */
	size_t		taken_room;
	uint32_t	slots;			/* hits of this query so far */
	float	   *vectors;		/* kept vectors by slot */
	size_t		vector_room;
};

static void *
grow(SphxEnv *env, void *old, size_t used, size_t size)
{
	void	   *new = env->alloc(env, size);

	if (old != NULL)
	{
		memcpy(new, old, used);
		env->release(env, old);
	}
	return new;
}

/*
 * Ids that differ in their last four bits only share a cache line: the
 * neighbours of a node are often near each other in the index as well.
 */
static inline uint32_t
id_hash(const IdSet *set, uint32_t id)
{
	uint32_t	line = ((id >> 4) * UINT32_C(2654435769)) >> (36 - set->bits);

	return line << 4 | (id & 15);
}

static void
id_set_init(SphxEnv *env, IdSet *set, int bits)
{
	size_t		size = sizeof(uint32_t) << bits;

	set->slots = env->alloc(env, size);
	memset(set->slots, 0, size);
	set->bits = bits;
	set->count = 0;
}

/* false when the id was there already */
static bool
id_set_insert(IdSet *set, uint32_t id)
{
	uint32_t	mask = (UINT32_C(1) << set->bits) - 1;
	uint32_t	i = id_hash(set, id);

	while (set->slots[i] != 0)
	{
		if (set->slots[i] == id + 1)
			return false;
		i = (i + 1) & mask;
	}
	set->slots[i] = id + 1;
	set->count++;
	return true;
}

static void
id_set_reserve(SphxEnv *env, IdSet *set, uint32_t more)
{
	IdSet		old = *set;

	if (set->count + more <= (UINT32_C(1) << set->bits) / 2)
		return;
	id_set_init(env, set, old.bits + 1);
	for (uint32_t i = 0; i < UINT32_C(1) << old.bits; i++)
		if (old.slots[i] != 0)
			(void) id_set_insert(set, old.slots[i] - 1);
	env->release(env, old.slots);
}

static void
id_set_clear(IdSet *set)
{
	if (set->count > 0)
		memset(set->slots, 0, sizeof(uint32_t) << set->bits);
	set->count = 0;
}

static void
candidates_reserve(SphxEnv *env, CandidateArray *array, size_t more)
{
	if (array->count + more <= array->room)
		return;
	array->room = 2 * (array->count + more);
	array->items = grow(env, array->items, array->count * sizeof(Candidate),
						array->room * sizeof(Candidate));
}

/*
 * Every node read passes through q, x and the table: they start at multiples
 * of a cache line, which no load or store of a kernel then straddles.
 */
#define CACHE_LINE	((size_t) 64)

static size_t
line_up(size_t bytes)
{
	return (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

static void
scratch_init(SphxSearch *search)
{
	size_t		floats = line_up((size_t) search->layout->D * sizeof(float));
	size_t		table = line_up(16 * (size_t) search->layout->pieces);
	size_t		estimates = (SPHX_MAX_M + SPHX_CODE_BLOCK) * sizeof(float);
	char	   *room;

	search->scratch = search->env->alloc(search->env, CACHE_LINE + 2 * floats + table + estimates);
	room = search->scratch;
	room += line_up((uintptr_t) room) - (uintptr_t) room;
	search->q = (float *) room;
	search->x = (float *) (room + floats);
	search->table = (uint8_t *) (room + 2 * floats);
	search->estimates = (float *) (room + 2 * floats + table);
}

SphxSearch *
sphx_search_create(SphxEnv *env, const SphxLayout *layout)
{
	SphxSearch *search = env->alloc(env, sizeof(SphxSearch));

	memset(search, 0, sizeof(*search));
	search->env = env;
	search->layout = layout;
	scratch_init(search);
	id_set_init(env, &search->seen, 12);
	id_set_init(env, &search->read, 9);
	return search;
}

void
sphx_search_release(SphxSearch *search)
{
	SphxEnv    *env = search->env;
	void	   *parts[] = {
		search->scratch, search->beam.items, search->aside.items,
		search->seen.slots, search->read.slots, search->hits, search->taken, search->vectors, search
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i] != NULL)
			env->release(env, parts[i]);
}

void
sphx_search_start(SphxSearch *search, SphxMetric metric, const float *q, bool keep_vectors)
{
	int			D = search->layout->D;

	search->metric = metric;
	search->keep_vectors = keep_vectors;
	memcpy(search->q, q, (size_t) D * sizeof(float));
	search->beam.count = 0;
	search->unread = 0;
	search->aside.count = 0;
	id_set_clear(&search->seen);
	id_set_clear(&search->read);
	search->hit_count = 0;
	search->slots = 0;

	if (metric == SPHX_METRIC_IP)
	{
		float		amax = 0.0f;

		for (int i = 0; i < D; i++)
			amax = fmaxf(amax, fabsf(q[i]));
		search->query_unit = sphx_record_table(search->layout, q, amax, search->table);
	}
}

/* where a candidate with this key belongs in the beam: behind all that are not larger */
static size_t
beam_place(const SphxSearch *search, float key)
{
	size_t		low = 0;
	size_t		high = search->beam.count;

	while (low < high)
	{
		size_t		middle = (low + high) / 2;

		if (search->beam.items[middle].key <= key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* room in the beam is the caller's business */
static void
beam_insert(SphxSearch *search, Candidate candidate)
{
	size_t		place = beam_place(search, candidate.key);
	size_t		behind = search->beam.count - place;

	assert(search->beam.count < search->beam.room);
	memmove(search->beam.items + place + 1, search->beam.items + place, behind * sizeof(Candidate));
	search->beam.items[place] = candidate;
	search->beam.count++;
	if (place < search->unread)
		search->unread = is_read(candidate) ? search->unread + 1 : place;
}

static void
candidates_append(SphxEnv *env, CandidateArray *array, Candidate candidate)
{
	candidates_reserve(env, array, 1);
	array->items[array->count++] = candidate;
}

/* keep the beam at ef candidates: the last goes */
static void
beam_trim(SphxSearch *search, size_t ef)
{
	while (search->beam.count > ef)
	{
		Candidate	last = search->beam.items[--search->beam.count];

		if (!is_read(last))
			candidates_append(search->env, &search->aside, last);
	}
	if (search->unread > search->beam.count)
		search->unread = search->beam.count;
}

void
sphx_search_seed(SphxSearch *search, uint32_t id)
{
	id_set_reserve(search->env, &search->seen, 1);
	if (id_set_insert(&search->seen, id))
		candidates_append(search->env, &search->aside, make_candidate(-INFINITY, id, false));
}

static int
compare_candidates(const void *a, const void *b)
{
	const Candidate *x = a;
	const Candidate *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* does the candidate belong into a beam of ef? */
static inline bool
beam_wants(const SphxSearch *search, Candidate candidate, size_t ef)
{
	return search->beam.count < ef ||
		candidate.key < search->beam.items[search->beam.count - 1].key;
}

static void
beam_reserve(SphxSearch *search, size_t ef)
{
	size_t		room = ef + SPHX_MAX_M + 1;

	if (search->beam.room >= room)
		return;
	search->beam.items = grow(search->env, search->beam.items,
							  search->beam.count * sizeof(Candidate), room * sizeof(Candidate));
	search->beam.room = room;
}

/* move the best of what was set aside into a beam of ef */
static void
beam_refill(SphxSearch *search, size_t ef)
{
	CandidateArray *aside = &search->aside;
	size_t		count = aside->count;
	size_t		next = 0;

	beam_reserve(search, ef);
	if (count > 1)
		qsort(aside->items, count, sizeof(Candidate), compare_candidates);
	while (next < count && beam_wants(search, aside->items[next], ef))
	{
		beam_insert(search, aside->items[next++]);
		beam_trim(search, ef);	/* what drops out goes behind the others */
	}
	aside->count -= next;
	if (next > 0)
		memmove(aside->items, aside->items + next, aside->count * sizeof(Candidate));
}

/* the exact distance of the record; for Euclidean metrics x = q - v is left in search->x */
static float
exact_distance(SphxSearch *search, const SphxRecord *r, float *amax)
{
	const SphxLayout *layout = search->layout;
	const void *v = (const char *) r + layout->vector;
	size_t		D = (size_t) layout->D;
	bool		wide = layout->storage == SPHX_STORAGE_INT16;

	*amax = 0.0f;
	if (search->metric == SPHX_METRIC_IP)
		return wide ? -sphx_kernels->dot_i16(search->q, v, r->scale, D) :
			-sphx_kernels->dot_i8(search->q, v, r->scale, D);
	return wide ? sphx_kernels->residual_i16(search->q, v, r->scale, search->x, D, amax) :
		sphx_kernels->residual_i8(search->q, v, r->scale, search->x, D, amax);
}

/* inner product: -<q,w> ~ -<q,v> - |e| / A * unit * sum */
static void
estimate_ip(const SphxSearch *search, const SphxRecord *r, float distance)
{
	const SphxLayout *layout = search->layout;
	const uint8_t *lengths = (const uint8_t *) r + layout->lengths;
	const uint8_t *gains = (const uint8_t *) r + layout->gains;
	int32_t		sums[SPHX_CODE_BLOCK];

	for (int start = 0; start < r->neighbours; start += SPHX_CODE_BLOCK)
	{
		int			n = sphx_record_block_sums(layout, r, start, search->table, sums);

		for (int j = 0; j < n; j++)
			search->estimates[start + j] = distance -
				sphx_length_decode(r->length_base, lengths[start + j]) *
				sphx_gain_decode(gains[start + j]) * search->query_unit * (float) sums[j];
	}
}

static void
estimate_l2(const SphxSearch *search, const SphxRecord *r, float distance, float amax)
{
	const SphxLayout *layout = search->layout;
	const uint8_t *lengths = (const uint8_t *) r + layout->lengths;
	const uint8_t *gains = (const uint8_t *) r + layout->gains;
	float		unit2 = 2.0f * sphx_record_table(layout, search->x, amax, search->table);
	int32_t		sums[SPHX_CODE_BLOCK];

	for (int start = 0; start < r->neighbours; start += SPHX_CODE_BLOCK)
	{
		int			n = sphx_record_block_sums(layout, r, start, search->table, sums);

		sphx_kernels->estimate(sums, lengths + start, gains + start, r->length_base,
							   distance, unit2, n, search->estimates + start);
	}
}

static void
add_hit(SphxSearch *search, uint32_t id, const SphxRecord *r, float distance)
{
	const SphxLayout *layout = search->layout;
	SphxHit    *hit;

	if (search->hit_count == search->hit_room)
	{
		search->hit_room = search->hit_room ? 2 * search->hit_room : 64;
		search->hits = grow(search->env, search->hits, search->hit_count * sizeof(SphxHit),
							search->hit_room * sizeof(SphxHit));
	}
	hit = &search->hits[search->hit_count++];
	hit->distance = distance;
	hit->id = id;
	hit->error = sphx_record_error(layout, r);
	hit->payload_count = r->payload_count;
	hit->version = r->version;
	hit->next = r->next;
	hit->slot = search->slots++;
	memcpy(hit->payload, (const char *) r + layout->payload, sizeof(hit->payload));

	if (search->keep_vectors)
	{
		size_t		D = (size_t) layout->D;

		if (hit->slot >= search->vector_room)
		{
			size_t		room = search->vector_room ? 2 * search->vector_room : 64;

			search->vectors = grow(search->env, search->vectors,
								   search->vector_room * D * sizeof(float),
								   room * D * sizeof(float));
			search->vector_room = room;
		}
		sphx_record_vector(layout, r, search->vectors + hit->slot * D);
	}
}

/* read one node: its exact distance, and the estimates of its neighbours */
static int
read_node(SphxSearch *search, SphxStore *store, uint32_t id, float *distance)
{
	const SphxRecord *r = store->read(store, id);
	float		amax;
	int			n;

	if (r == NULL)
	{
		*distance = INFINITY;
		return 0;
	}
	*distance = exact_distance(search, r, &amax);
	n = r->neighbours;
	assert(n <= search->layout->m);
	if (search->metric == SPHX_METRIC_IP)
		estimate_ip(search, r, *distance);
	else
		estimate_l2(search, r, *distance, amax);
	memcpy(search->neighbours, sphx_record_ids(search->layout, r), (size_t) n * sizeof(uint32_t));
	if (!(r->flags & SPHX_NODE_DELETED))
		add_hit(search, id, r, *distance);
	store->done(store);
	return n;
}

/* put the n neighbours just estimated into the beam of ef, or aside */
static void
add_neighbours(SphxSearch *search, int n, size_t ef)
{
	id_set_reserve(search->env, &search->seen, (uint32_t) n);
	candidates_reserve(search->env, &search->aside, (size_t) n);
	for (int j = 0; j < n; j++)
	{
		Candidate	candidate = make_candidate(search->estimates[j], search->neighbours[j], false);

		/* the first estimate counts: the least of several would be too low */
		if (!id_set_insert(&search->seen, candidate.id))
			continue;
		if (beam_wants(search, candidate, ef))
			beam_insert(search, candidate);
		else
			search->aside.items[search->aside.count++] = candidate;
	}
	beam_trim(search, ef);
}

/* move on to the first unread candidate; the end of the beam when there is none */
static size_t
first_unread(SphxSearch *search)
{
	while (search->unread < search->beam.count && is_read(search->beam.items[search->unread]))
		search->unread++;
	return search->unread;
}

/* take the candidate at `place` out and put it back, read, under its exact distance */
static void
replace_key(SphxSearch *search, size_t place, float distance)
{
	Candidate	candidate = make_candidate(distance, search->beam.items[place].id, true);
	size_t		behind = search->beam.count - place - 1;

	memmove(search->beam.items + place, search->beam.items + place + 1, behind * sizeof(Candidate));
	search->beam.count--;
	beam_insert(search, candidate);
}

int
sphx_search_run(SphxSearch *search, SphxStore *store, int ef)
{
	beam_refill(search, (size_t) ef);
	for (;;)
	{
		size_t		place = first_unread(search);
		uint32_t	id;
		float		distance;
		int			n;

		if (place == search->beam.count)
			break;
		id = search->beam.items[place].id;
		for (size_t ahead = place + 1; ahead < search->beam.count && ahead <= place + 2; ahead++)
			if (!is_read(search->beam.items[ahead]))
				store->prefetch(store, search->beam.items[ahead].id);

		id_set_reserve(search->env, &search->read, 1);
		(void) id_set_insert(&search->read, id);
		n = read_node(search, store, id, &distance);
		replace_key(search, place, distance);
		add_neighbours(search, n, (size_t) ef);
		search->env->tick(search->env, search->read.count, 0);
	}
	return (int) search->hit_count;
}

static int
compare_hits(const void *a, const void *b)
{
	const SphxHit *x = a;
	const SphxHit *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return x->slot < y->slot ? -1 : 1;
}

int
sphx_search_take(SphxSearch *search, SphxHit **hits)
{
	size_t		count = search->hit_count;

	if (search->taken_room < count)
	{
		if (search->taken != NULL)
			search->env->release(search->env, search->taken);
		search->taken = search->env->alloc(search->env, count * sizeof(SphxHit));
		search->taken_room = count;
	}
	if (count > 0)
	{
		memcpy(search->taken, search->hits, count * sizeof(SphxHit));
		qsort(search->taken, count, sizeof(SphxHit), compare_hits);
	}
	search->hit_count = 0;
	*hits = search->taken;
	return (int) count;
}

const float *
sphx_search_vector(SphxSearch *search, int i)
{
	assert(search->keep_vectors);
	return search->vectors + search->taken[i].slot * (size_t) search->layout->D;
}

bool
sphx_search_exhausted(const SphxSearch *search)
{
	for (size_t i = 0; i < search->beam.count; i++)
		if (!is_read(search->beam.items[i]))
			return false;
	return search->aside.count == 0;
}

bool
sphx_search_visit(SphxSearch *search, uint32_t id, const SphxRecord *r)
{
	float		amax;

	id_set_reserve(search->env, &search->read, 1);
	if (!id_set_insert(&search->read, id))
		return false;
	if (!(r->flags & SPHX_NODE_DELETED))
		add_hit(search, id, r, exact_distance(search, r, &amax));
	return true;
}

uint64_t
sphx_search_reads(const SphxSearch *search)
{
	return search->read.count;
}
