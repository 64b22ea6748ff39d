/*-------------------------------------------------------------------------
 *
 * local.c
 *	  What a backend remembers of indexes from one call to the next.
 *
 * Of each index that the backend has used: a small struct, hints where its
 * pages are (hints.c), and a copy of its top layer (top_layer.c), which is one of
 * a bounded number of bytes for all indexes.  All of it is about a storage,
 * which no ANALYZE and no VACUUM changes: so an invalidation does not throw
 * it away, but has the backend look whether the index still exists.  It looks
 * when a transaction commits.  Then catalogs can be read, and no call of the
 * access method is under way that could hold a pointer to the state; an
 * invalidation comes at any time, also in the middle of one.
 *
 *-------------------------------------------------------------------------
 */
#include "page/local.h"

#include "access/xact.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "server/memory.h"
#include "server/settings.h"

/* bytes kept (SphxKeep) for all indexes; more only for the one used last */
#define KEEP_BYTES			((Size) 4 * 1024 * 1024)

/* rotations kept, one a dimension */
#define KEEP_ROTATIONS		8

static HTAB *local_states = NULL;
static MemoryContext local_context = NULL;

/* is any state doubtful, and are all of them? */
static bool some_doubtful = false;
static bool all_doubtful = false;

/* all that is kept, what was used last first, and its bytes */
static dlist_head all_kept = DLIST_STATIC_INIT(all_kept);
static Size kept_bytes = 0;

static void
release_kept(SphxKept *kept)
{
	if (kept->data == NULL)
		return;
	Assert(kept_bytes >= kept->size);
	dlist_delete(&kept->node);
	kept_bytes -= kept->size;
	MemoryContextDelete(kept->context);
	kept->data = NULL;
}

void
SphxForgetLocal(SphxLocalState *local)
{
	SphxReleaseHints(&local->hints);
	for (int kind = 0; kind < SPHX_KEPT_KINDS; kind++)
		release_kept(&local->kept[kind]);
	local->nblocks = 0;
	local->heap_blocks = 0;
	local->absences = 0;
	local->row_absences = 0;
}

/*
 * Relcache callback: of this relation, or of all (InvalidOid), something has
 * changed.  Called anywhere, so it only takes note.
 */
static void
relation_changed(Datum arg, Oid relation)
{
	SphxLocalState *local;

	if (!OidIsValid(relation))
	{
		some_doubtful = all_doubtful = true;
		return;
	}
	local = hash_search(local_states, &relation, HASH_FIND, NULL);
	if (local != NULL)
		some_doubtful = local->doubtful = true;
}

/* Free the states of indexes that do not exist any more. */
static void
free_dropped(void)
{
	bool		all = all_doubtful;
	HASH_SEQ_STATUS seq;
	SphxLocalState *local;

	Assert(IsTransactionState());	/* or no catalog could be read */
	/* before the catalogs are read, which may bring news */
	some_doubtful = all_doubtful = false;
	hash_seq_init(&seq, local_states);
	while ((local = hash_seq_search(&seq)) != NULL)
	{
		if (!local->doubtful && !all)
			continue;
		local->doubtful = false;
		if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(local->index)))
			continue;
		SphxForgetLocal(local);
		(void) hash_search(local_states, &local->index, HASH_REMOVE, NULL);
	}
}

/*
 * Only before a commit: later, and in an abort, catalogs cannot be read.  Of
 * an index that was created in vain one is told by its abort.
 */
static void
transaction_ends(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT && some_doubtful)
		free_dropped();
}

static void
init_local(void)
{
	HASHCTL		control = {0};

	/* small blocks: what is kept of an index goes back to the system with it */
	local_context = AllocSetContextCreate(TopMemoryContext, "sphx", ALLOCSET_SMALL_SIZES);
	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(SphxLocalState);
	control.hcxt = local_context;
	local_states = hash_create("sphx indexes", 16, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	RegisterXactCallback(transaction_ends, NULL);
}

SphxLocalState *
SphxFindLocal(Relation index)
{
	Oid			oid = RelationGetRelid(index);
	SphxLocalState *local;
	bool		found;

	/* an open index cannot be dropped, nor its state freed */
	Assert(!RelationHasReferenceCountZero(index));
	if (unlikely(local_states == NULL))
		init_local();
	if (unlikely(sphx_hints.setting != sphx_hint_memory))
		SphxForgetHints();
	local = hash_search(local_states, &oid, HASH_ENTER, &found);
	if (!found)
	{
		memset(local, 0, sizeof(*local));
		local->index = oid;
	}
	/* new storage (REINDEX, TRUNCATE): what was known is of the old one */
	if (memcmp(&local->locator, &SphxRelationLocator(index), sizeof(SphxRelLocator)) != 0)
	{
		SphxForgetLocal(local);
		local->locator = SphxRelationLocator(index);
	}
	return local;
}

void *
SphxFindKept(SphxLocalState *local, SphxKeptKind kind)
{
	SphxKept   *kept = &local->kept[kind];

	if (kept->data != NULL)
		dlist_move_head(&all_kept, &kept->node);
	return kept->data;
}

MemoryContext
SphxCreateKeptContext(void)
{
	/* of the transaction at first: an error on the way leaves nothing behind */
	return AllocSetContextCreate(CurrentMemoryContext, "sphx kept", ALLOCSET_SMALL_SIZES);
}

/* Release what was used longest ago, but nothing of this index: each query needs all of it. */
static void
make_room(const SphxLocalState *local, Size size)
{
	dlist_node *node = dlist_is_empty(&all_kept) ? NULL : dlist_tail_node(&all_kept);

	while (node != NULL && kept_bytes + size > KEEP_BYTES)
	{
		SphxKept   *kept = dlist_container(SphxKept, node, node);

		node = dlist_has_prev(&all_kept, node) ? dlist_prev_node(&all_kept, node) : NULL;
		if (kept < local->kept || kept >= local->kept + SPHX_KEPT_KINDS)
			release_kept(kept);
	}
}

void
SphxKeep(SphxLocalState *local, SphxKeptKind kind, void *data, MemoryContext context)
{
	SphxKept   *kept = &local->kept[kind];
	Size		size = MemoryContextMemAllocated(context, true);

	Assert(data != NULL && size > 0);
	release_kept(kept);
	make_room(local, size);
	MemoryContextSetParent(context, local_context);
	kept->data = data;
	kept->context = context;
	kept->size = size;
	kept_bytes += size;
	dlist_push_head(&all_kept, &kept->node);
}

const SphxRotation *
SphxGetRotation(int D, uint64 seed)
{
	typedef struct Kept
	{
		SphxRotation *rotation; /* or NULL */
		int			D;
		uint64		seed;
	} Kept;
	static Kept kept[KEEP_ROTATIONS];	/* that used last first */
	static SphxServerEnv env;
	Kept		wanted;
	int			i = 0;

	Assert(local_context != NULL);	/* the index has been looked up */
	Assert(D > 0 && D % 4 == 0);
	while (i < KEEP_ROTATIONS - 1 && kept[i].rotation != NULL &&
		   (kept[i].D != D || kept[i].seed != seed))
		i++;
	if (kept[i].rotation == NULL || kept[i].D != D || kept[i].seed != seed)
	{
		if (kept[i].rotation != NULL)
			env.base.release(&env.base, kept[i].rotation);
		kept[i].rotation = NULL;
		SphxInitEnv(&env, local_context);
		kept[i].rotation = sphx_rotation_create(&env.base, D, seed);
		kept[i].D = D;
		kept[i].seed = seed;
	}
	/* the one used goes to the front, those before it move back */
	wanted = kept[i];
	memmove(&kept[1], &kept[0], sizeof(Kept) * (Size) i);
	kept[0] = wanted;
	return wanted.rotation;
}
