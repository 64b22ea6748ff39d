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
 * A beam of a fixed width reads too much where the nearest stand apart from
 * the rest, and too little where many are about as near.  So the beam may be
 * wide, and the search end sooner by distance: when the `enough` nearest have
 * been read, and the first unread candidate is farther than the last of them
 * by a factor (Al-Jazzazi and others replace the width by such a factor alone;
 * where distances hardly differ that would read everything).
 *
 * A node that several of the nodes read lead to is estimated as often.  Its
 * key is the mean of the estimates, whose errors differ: that takes away more
 * noise than it costs to move the candidate.  (The least of the estimates
 * would be too low, the first one keeps out what was unlucky once.)  The map
 * from ids to keys says which nodes have been seen, and where in the beam they
 * are: at their key.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "math/graph/search_state.h"
#include "math/kernels/code_bytes.h"

#define ORDER_TYPE	Candidate
#define ORDER_KEY	key
#define ORDER_ID	id
#include "math/graph/order.h"

/*
 * Nodes chosen at a time.  Their pages are fetched together: for each, the
 * processor waits until the page's address is translated, and two such waits
 * are hardly longer than one.
 */
#define TOGETHER			2

/* nodes seen for a place in the beam: room for them spares most searches to grow the map */
#define MAP_ENTRIES			40

/* candidates that are sorted together, at least, to find a place in a full beam */
#define REFILL_LEAST		64

/* how far a candidate walks to its place before that is searched for */
#define WALK				24

/* of each node read, for their mean */
#define GAINS_LOOKED_AT		4

/* with a larger ef the map grows when it must: the index may be small */
#define MAP_LARGE_EF		4096

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
	sphx_keymap_init(env, &search->seen);
	return search;
}

void
sphx_search_release(SphxSearch *search)
{
	SphxEnv    *env = search->env;
	void	   *parts[] = {
		search->scratch, search->beam.items, search->aside.items,
		search->seen.entries, search->hits, search->taken, search->vectors, search
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
	sphx_keymap_clear(&search->seen);
	search->enough = 0;
	search->reads = 0;
	search->gains = search->gain_count = 0;
#ifndef NDEBUG
	search->damaged = false;
#endif
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

/* how many candidates in the beam have a smaller key; with ?: gcc makes branches, to be mispredicted */
static inline size_t
beam_lower(const SphxSearch *search, float key)
{
	const Candidate *base = search->beam.items;
	size_t		n = search->beam.count;

	while (n > 1)
	{
		size_t		half = n / 2;

		base += half & -(size_t) (base[half - 1].key < key);
		n -= half;
	}
	return (size_t) (base - search->beam.items) + (n == 1 && base->key < key ? 1 : 0);
}

/* the place in the beam of the candidate with this key and id; the beam's count when it is not in it */
static size_t
beam_find(const SphxSearch *search, float key, uint32_t id)
{
	const CandidateArray *beam = &search->beam;
	size_t		place = beam_lower(search, key);

	while (place < beam->count && beam->items[place].id != id)
		place = beam->items[place].key == key ? place + 1 : beam->count;
	return place;
}

/* a candidate has come to this place: keep `unread` right */
static inline void
beam_settle(SphxSearch *search, size_t place)
{
	if (place < search->unread)
		search->unread = is_read(search->beam.items[place].key) ? search->unread + 1 : place;
}

/* room in the beam is the caller's business */
static void
beam_insert(SphxSearch *search, float key, uint32_t id)
{
	Candidate  *items = search->beam.items;
	size_t		place = beam_lower(search, key);

	assert(search->beam.count < search->beam.room);
	memmove(items + place + 1, items + place, (search->beam.count - place) * sizeof(Candidate));
	items[place].key = key;
	items[place].id = id;
	search->beam.count++;
	beam_settle(search, place);
}

/*
 * The candidate at `place` gets another key, and goes where that belongs.
 * Mostly that is near: the beam is walked first, not searched.
 */
static void
beam_move(SphxSearch *search, size_t place, float key)
{
	Candidate  *items = search->beam.items;
	Candidate	candidate = {key, items[place].id};
	size_t		target = place;

	if (place > WALK && !(items[place - WALK - 1].key < key))
	{
		target = beam_lower(search, key);
		memmove(items + target + 1, items + target, (place - target) * sizeof(Candidate));
	}
	else if (place + WALK + 1 < search->beam.count && items[place + WALK + 1].key < key)
	{
		target = beam_lower(search, key) - 1;
		memmove(items + place, items + place + 1, (target - place) * sizeof(Candidate));
	}
	else
	{
		for (; target > 0 && !(items[target - 1].key < key); target--)
			items[target] = items[target - 1];
		if (target == place)
			for (; target + 1 < search->beam.count && items[target + 1].key < key; target++)
				items[target] = items[target + 1];
	}
	items[target] = candidate;
	if (place < search->unread)
		search->unread--;		/* those behind it have moved up */
	beam_settle(search, target);
}

static void
candidates_append(SphxEnv *env, CandidateArray *array, float key, uint32_t id)
{
	candidates_reserve(env, array, 1);
	array->items[array->count].key = key;
	array->items[array->count].id = id;
	array->count++;
}

/* keep the beam at ef candidates: the last goes */
static void
beam_trim(SphxSearch *search, size_t ef)
{
	while (search->beam.count > ef)
	{
		const Candidate *last = &search->beam.items[--search->beam.count];

		if (!is_read(last->key))
			candidates_append(search->env, &search->aside, last->key, last->id);
	}
	if (search->unread > search->beam.count)
		search->unread = search->beam.count;
}

void
sphx_search_set_enough(SphxSearch *search, int enough, float margin, float origin)
{
	assert(enough >= 0 && margin >= 0.0f);
	search->enough = (size_t) enough;
	search->margin = margin;
	search->origin = origin;
}

void
sphx_search_seed(SphxSearch *search, uint32_t id)
{
	candidates_append(search->env, &search->aside, make_key(-INFINITY, 0), id);
}

/* does a candidate with this key belong into a beam of ef? */
static inline bool
beam_wants(const SphxSearch *search, float key, size_t ef)
{
	return search->beam.count < ef || key < search->beam.items[search->beam.count - 1].key;
}

/* may one that has this key be in it? */
static inline bool
beam_reaches(const SphxSearch *search, float key, size_t ef)
{
	return search->beam.count < ef || key <= search->beam.items[search->beam.count - 1].key;
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

/*
 * Give what was set aside the keys of today, and drop what has been read or is
 * in the beam meanwhile.  Seeds are entered.
 */
static void
update_aside(SphxSearch *search)
{
	CandidateArray *aside = &search->aside;
	size_t		kept = 0;

	sphx_keymap_reserve(search->env, &search->seen, aside->count);
	for (size_t i = 0; i < aside->count; i++)
	{
		uint32_t	id = aside->items[i].id;
		Candidate  *entry = map_find(&search->seen, id);

		if (entry->id == 0)
			map_enter(&search->seen, entry, id, aside->items[i].key);
		if (is_read(entry->key) || beam_find(search, entry->key, id) < search->beam.count)
			continue;
		aside->items[kept].key = entry->key;
		aside->items[kept++].id = id;
	}
	aside->count = kept;
}

/*
 * Move the best of what was set aside into a beam of ef.  Most of it has no
 * chance, and stays in no order.
 */
static void
beam_refill(SphxSearch *search, size_t ef)
{
	CandidateArray *aside = &search->aside;
	size_t		count;
	size_t		next = 0;
	bool		wanted = true;

	beam_reserve(search, ef);
	update_aside(search);
	count = aside->count;
	while (next < count && wanted)
	{
		Candidate  *rest = aside->items + next;
		size_t		room = search->beam.count < ef ? ef - search->beam.count : REFILL_LEAST;
		size_t		some = count - next < room ? count - next : room;

		if (some < count - next)
			select_entries(rest, count - next, some - 1);
		qsort(rest, some, sizeof(Candidate), compare_entries);
		for (size_t i = 0; i < some && wanted; i++)
		{
			Candidate	candidate = aside->items[next];

			wanted = beam_wants(search, candidate.key, ef);
			/* some are there twice */
			if (wanted && beam_find(search, candidate.key, candidate.id) == search->beam.count)
				beam_insert(search, candidate.key, candidate.id);
			if (wanted)
				next++;
			beam_trim(search, ef);	/* what drops out goes behind the others */
		}
	}
	aside->count -= next;
	if (next > 0)
		memmove(aside->items, aside->items + next, aside->count * sizeof(Candidate));
}

/* the exact distance of the record; for Euclidean metrics x = q - v is left in search->x */
static float
exact_distance(SphxSearch *search, const SphxRecord *r, float *amax)
{
	*amax = 0.0f;
	if (search->metric == SPHX_METRIC_IP)
		return -sphx_record_dot(search->layout, r, search->q, search->x);
	return sphx_record_residual(search->layout, r, search->q, search->x, amax);
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
				sphx_length_decode(sphx_record_length_base(r), lengths[start + j]) *
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

		sphx_kernels->estimate(sums, lengths + start, gains + start, sphx_record_length_base(r),
							   distance, unit2, n, search->estimates + start);
	}
}

#ifndef NDEBUG
/* does the record name a neighbour twice?  Only one that is damaged does. */
static bool
names_twice(const SphxLayout *layout, const SphxRecord *r)
{
	const uint32_t *ids = sphx_record_ids(layout, r);

	for (int i = 1; i < r->neighbours; i++)
		for (int j = 0; j < i; j++)
			if (ids[i] == ids[j])
				return true;
	return false;
}
#endif

/* look at some gains of a node read: one edge says little, and all of them not much more */
static void
note_gains(SphxSearch *search, const SphxRecord *r)
{
	const uint8_t *gains = (const uint8_t *) r + search->layout->gains;
	int			n = r->neighbours < GAINS_LOOKED_AT ? r->neighbours : GAINS_LOOKED_AT;

	for (int i = 0; i < n; i++)
		search->gains += gains[i];
	search->gain_count += (uint64_t) n;
}

float
sphx_search_gain(const SphxSearch *search)
{
	if (search->gain_count == 0)
		return 1.0f;
	return SPHX_GAIN_MIN +
		SPHX_GAIN_STEP * (float) ((double) search->gains / (double) search->gain_count);
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
	n = r->neighbours;
	assert(n <= search->layout->m);
#ifndef NDEBUG
	search->damaged = search->damaged || names_twice(search->layout, r);
#endif
	memcpy(search->neighbours, sphx_record_ids(search->layout, r), (size_t) n * sizeof(uint32_t));
	for (int j = 0; j < n; j++)
		map_prefetch(&search->seen, search->neighbours[j]);
	note_gains(search, r);
	*distance = exact_distance(search, r, &amax);
	if (search->metric == SPHX_METRIC_IP)
		estimate_ip(search, r, *distance);
	else
		estimate_l2(search, r, *distance, amax);
	if (!(r->flags & SPHX_NODE_DELETED))
		sphx_search_add_hit(search, id, r, *distance);
	store->done(store);
	return n;
}

/* an unread candidate has got another key */
static void
update_candidate(SphxSearch *search, float old, float key, uint32_t id, size_t ef)
{
	size_t		place;

	/* usually it was behind the end of the beam and stays there */
	if (!beam_reaches(search, old, ef) && !beam_wants(search, key, ef))
		return;
	place = beam_find(search, old, id);
	if (place < search->beam.count)
		beam_move(search, place, key);
	else if (beam_wants(search, key, ef))
		beam_insert(search, key, id);
}

/* put the n neighbours just estimated into the beam of ef, or aside */
static void
add_neighbours(SphxSearch *search, int n, size_t ef)
{
	bool		full = search->beam.count >= ef;
	Neighbours	found;
	uint8_t		wanted[SPHX_MAX_M];
	int			count;

	count = sphx_neighbours_enter(search, n,
								  full ? search->beam.items[search->beam.count - 1].key : INFINITY,
								  &found, wanted);
	for (int i = 0; i < count; i++)
	{
		uint32_t	id = search->neighbours[wanted[i]];
		float		old = found.old[wanted[i]];
		float		key = found.key[wanted[i]];

		if (old != KEY_FRESH)
			update_candidate(search, old, key, id, ef);
		else if (beam_wants(search, key, ef))
			beam_insert(search, key, id);
		else
			candidates_append(search->env, &search->aside, key, id);
	}
	beam_trim(search, ef);
}

#ifndef NDEBUG
/*
 * Is the candidate at its place in the beam by the key that the map knows, and
 * only there?  (One evaluated outside of the graph has been read meanwhile.)
 */
static bool
candidate_sound(const SphxSearch *search, size_t place)
{
	const Candidate *candidate = &search->beam.items[place];
	const Candidate *entry = map_find(&search->seen, candidate->id);

	if (candidate->key != entry->key && (is_read(candidate->key) || !is_read(entry->key)))
		return false;
	while (place-- > 0 && search->beam.items[place].key == candidate->key)
		if (search->beam.items[place].id == candidate->id)
			return false;
	return place == SIZE_MAX || search->beam.items[place].key < candidate->key;
}

/* is the beam in order, and `unread` what it says? */
static bool
beam_sound(const SphxSearch *search)
{
	for (size_t i = 0; i < search->beam.count; i++)
		if ((i < search->unread && !is_read(search->beam.items[i].key)) ||
			!candidate_sound(search, i))
			return false;
	return search->unread <= search->beam.count;
}
#endif

/* move on to the first unread candidate; the end of the beam when there is none */
static size_t
first_unread(SphxSearch *search)
{
	assert(beam_sound(search) || search->damaged);
	while (search->unread < search->beam.count && is_read(search->beam.items[search->unread].key))
		search->unread++;
	return search->unread;
}

/* is nothing in the beam worth reading? `place` is that of the first unread candidate */
static inline bool
search_complete(const SphxSearch *search, size_t place)
{
	const Candidate *items = search->beam.items;
	float		last;

	if (place == search->beam.count)
		return true;
	if (search->enough == 0 || place < search->enough)
		return false;
	last = items[search->enough - 1].key;
	return items[place].key - last > search->margin * fabsf(last - search->origin);
}

/*
 * Choose the best unread candidate to be read next, and have it fetched.  From
 * now on it counts as read.  SPHX_INVALID_NODE when there is none.
 */
static uint32_t
choose_next(SphxSearch *search, SphxStore *store)
{
	for (;;)
	{
		size_t		place = first_unread(search);
		Candidate  *entry;
		uint32_t	id;
		bool		visited;

		if (search_complete(search, place))
			return SPHX_INVALID_NODE;
		id = search->beam.items[place].id;
		entry = map_find(&search->seen, id);
		visited = is_read(entry->key);	/* outside of the graph */
		if (!visited)
		{
			store->prefetch(store, id);
			entry->key = make_key(entry->key, KEY_READ);
		}
		beam_move(search, place, entry->key);
		if (!visited)
			return id;
	}
}

/* read a chosen candidate: its exact distance replaces the estimate, its neighbours become candidates */
static void
read_candidate(SphxSearch *search, SphxStore *store, uint32_t id, size_t ef)
{
	Candidate  *entry = map_find(&search->seen, id);
	float		distance;
	int			n = read_node(search, store, id, &distance);
	float		key = make_key(distance, KEY_READ);
	size_t		place = beam_find(search, entry->key, id);

	entry->key = key;
	if (place < search->beam.count)
		beam_move(search, place, key);
	else if (beam_wants(search, key, ef))
		beam_insert(search, key, id);
	search->reads++;
	add_neighbours(search, n, ef);
}

static int
choose_group(SphxSearch *search, SphxStore *store, uint32_t *group)
{
	int			count = 0;

	while (count < TOGETHER)
	{
		group[count] = choose_next(search, store);
		if (group[count] == SPHX_INVALID_NODE)
			break;
		count++;
	}
	return count;
}

/*
 * Tell the store what will probably be read after the nodes chosen: the next
 * of the beam, as long as the search would not end at them.  Half as many as
 * have been read, since on the way to the query better ones keep turning up.
 */
static void
look_ahead(SphxSearch *search, SphxStore *store)
{
	const Candidate *items = search->beam.items;
	size_t		most = (size_t) search->reads / 2;
	size_t		left = (size_t) store->ahead < most ? (size_t) store->ahead : most;

	for (size_t place = first_unread(search);
		 left > 0 && !search_complete(search, place); place++)
		if (!is_read(items[place].key))
		{
			store->expect(store, items[place].id);
			left--;
		}
}

/*
 * The nodes to be read after the present ones are chosen before those are
 * read, so that they have arrived from memory when their turn comes.  Better
 * ones may turn up meanwhile, but nearly all of the beam is read in the end
 * anyway.
 */
int
sphx_search_run(SphxSearch *search, SphxStore *store, int ef)
{
	uint32_t	groups[2][TOGETHER];
	int			present = 0;
	int			count;

	if (ef < MAP_LARGE_EF)
	{
		size_t		entries = (size_t) ef * MAP_ENTRIES;

		if (store->nodes > 0 && store->nodes < entries)
			entries = store->nodes;
		sphx_keymap_reserve(search->env, &search->seen, entries);
	}
	beam_refill(search, (size_t) ef);
	count = choose_group(search, store, groups[present]);
	while (count > 0)
	{
		int			next_count = choose_group(search, store, groups[!present]);

		if (store->ahead > 0)
			look_ahead(search, store);
		for (int i = 0; i < count; i++)
		{
			read_candidate(search, store, groups[present][i], (size_t) ef);
			search->env->tick(search->env, search->reads, 0);
		}
		if (next_count == 0)
			next_count = choose_group(search, store, groups[!present]);
		count = next_count;
		present = !present;
	}
	return (int) search->hit_count;
}

bool
sphx_search_exhausted(const SphxSearch *search)
{
	const CandidateArray *arrays[] = {&search->beam, &search->aside};

	for (int a = 0; a < 2; a++)
		for (size_t i = 0; i < arrays[a]->count; i++)
		{
			const Candidate *entry = map_find(&search->seen, arrays[a]->items[i].id);

			if (entry->id == 0 || !is_read(entry->key))
				return false;
		}
	return true;
}

bool
sphx_search_visit(SphxSearch *search, uint32_t id, const SphxRecord *r)
{
	Candidate  *entry;
	float		distance;
	float		amax;

	sphx_keymap_reserve(search->env, &search->seen, 1);
	entry = map_find(&search->seen, id);
	if (entry->id != 0 && is_read(entry->key))
		return false;
	distance = exact_distance(search, r, &amax);
	if (entry->id == 0)
		map_enter(&search->seen, entry, id, 0.0f);
	entry->key = make_key(distance, KEY_READ);
	search->reads++;
	if (!(r->flags & SPHX_NODE_DELETED))
		sphx_search_add_hit(search, id, r, distance);
	return true;
}

uint64_t
sphx_search_reads(const SphxSearch *search)
{
	return search->reads;
}
