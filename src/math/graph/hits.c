/*-------------------------------------------------------------------------
 *
 * hits.c
 *	  What a search has found: the nodes that it read.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "math/graph/search_state.h"

void
sphx_search_add_hit(SphxSearch *search, uint32_t id, const SphxRecord *r, float distance)
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
	hit->norm = sphx_record_norm(layout, r);
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
sphx_search_peek(SphxSearch *search, SphxHit **hits)
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
	*hits = search->taken;
	return (int) count;
}

int
sphx_search_take(SphxSearch *search, SphxHit **hits)
{
	int			count = sphx_search_peek(search, hits);

	search->hit_count = 0;
	return count;
}

int
sphx_search_take_unsorted(SphxSearch *search, const SphxHit **hits)
{
	int			count = (int) search->hit_count;

	search->hit_count = 0;
	*hits = search->hits;
	return count;
}

const float *
sphx_search_vector(SphxSearch *search, int i)
{
	assert(search->keep_vectors);
	return search->vectors + search->taken[i].slot * (size_t) search->layout->D;
}
