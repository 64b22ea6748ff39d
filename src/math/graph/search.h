/*-------------------------------------------------------------------------
 *
 * search.h
 *	  Estimate-ordered beam search over node records.
 *
 * The algorithm knows neither pages nor memory: it reads records through a
 * SphxStore.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_SEARCH_H
#define SPHX_SEARCH_H

#include "math/base/env.h"
#include "math/graph/record.h"

typedef struct SphxStore SphxStore;

struct SphxStore
{
	const SphxLayout *layout;

	/* about how many nodes there are, or 0: a search makes no room for more */
	size_t		nodes;

	/*
	 * The record of a node, valid (and under whatever lock the store takes)
	 * until done().  One at a time.  NULL when the id holds no node now (a
	 * slot freed meanwhile); then done() is not called.
	 */
	const SphxRecord *(*read) (SphxStore *store, uint32_t id);
	void		(*done) (SphxStore *store);

	/* the id will be read next but a few; may do nothing */
	void		(*prefetch) (SphxStore *store, uint32_t id);

	/*
	 * For a store that reads are slow from, and several at a time hardly
	 * slower: how many candidates a search names beyond those, the likeliest
	 * first, each perhaps more than once.  0: none; prefetch() may change it.
	 */
	int			ahead;
	void		(*expect) (SphxStore *store, uint32_t id);
};

/* a node that was read, with its exact distance */
typedef struct SphxHit
{
	float		distance;		/* squared Euclidean, or minus the inner
								 * product */
	uint32_t	id;
	float		error;			/* bound on |stored vector - original vector| */
	float		norm;			/* bound on |stored vector| */
	uint8_t		payload_count;
	uint8_t		version;
	uint8_t		payload[6];		/* first bytes of the payload (one heap TID) */
	uint32_t	next;			/* the record's next field */
	uint32_t	slot;			/* number of the hit within the query, in
								 * order of reading */
} SphxHit;

typedef struct SphxSearch SphxSearch;

/* one search state, to be used for any number of queries over indexes of this layout */
extern SphxSearch *sphx_search_create(SphxEnv *env, const SphxLayout *layout);
extern void sphx_search_release(SphxSearch *search);

/*
 * Start a query.  q: D floats, rotated (unit for cosine); copied.  Forgets
 * all of the query before.  With keep_vectors the decoded vectors of hits are
 * kept as well (for insertion).
 */
extern void sphx_search_start(SphxSearch *search, SphxMetric metric, const float *q,
							  bool keep_vectors);

/* add a starting node */
extern void sphx_search_seed(SphxSearch *search, uint32_t id);

/*
 * Let the query also end when the `enough` nearest candidates have been read
 * and the next one is thought to be farther than they are by a margin; 0, as
 * after the start: no.  The margin is a part of the distance, which is counted
 * from `origin`: 0, or for inner products the least value there can be.
 */
extern void sphx_search_set_enough(SphxSearch *search, int enough, float margin, float origin);

/*
 * Widen the beam to `ef` nodes read and go on until no unread candidate is
 * better than the ef best.  Call it again with a larger ef to continue the
 * same query (streaming).  Returns the number of hits so far unclaimed.
 */
extern int	sphx_search_run(SphxSearch *search, SphxStore *store, int ef);

/*
 * Hits found since the last call, ascending by distance; deleted nodes are
 * never among them.  The array is valid until the next call for this search.
 */
extern int	sphx_search_take(SphxSearch *search, SphxHit **hits);

/* the same, but the next call gives them once more, with those found meanwhile */
extern int	sphx_search_peek(SphxSearch *search, SphxHit **hits);

/* the same in no order, without that work; the array is valid until the search goes on */
extern int	sphx_search_take_unsorted(SphxSearch *search, const SphxHit **hits);

/* the kept vector of hit i of the last sorted take (D floats); only with keep_vectors */
extern const float *sphx_search_vector(SphxSearch *search, int i);

/* nothing is left to read: every node reachable has been read */
extern bool sphx_search_exhausted(const SphxSearch *search);

/*
 * Evaluate one node outside the graph (cells not yet visited): does nothing
 * and returns false when the query has already read it, otherwise adds it to
 * the hits.  The caller holds the record.
 */
extern bool sphx_search_visit(SphxSearch *search, uint32_t id, const SphxRecord *r);

/*
 * Mean of 1/A (code.h) of edges of the nodes read, some of each: how little their
 * codes tell of them.  1 while none was read.
 */
extern float sphx_search_gain(const SphxSearch *search);

/* nodes read for this query so far */
extern uint64_t sphx_search_reads(const SphxSearch *search);

#endif							/* SPHX_SEARCH_H */
