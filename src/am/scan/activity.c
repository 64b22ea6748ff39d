/*-------------------------------------------------------------------------
 *
 * activity.c
 *	  What the scans of each index did, all together.
 *
 * The figures are in a table of shared memory, where an index gets a slot with
 * its first scan and keeps it: a slot is found and counted in without a lock.
 * Where the server has no shared memory to give (compat.h), the table is the
 * session's own.
 *
 *-------------------------------------------------------------------------
 */
#include "am/scan/activity.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/memutils.h"

/* Slots of the shared table, for the indexes of all databases, and of a session's own. */
#define SHARED_SLOTS		8192
#define OWN_SLOTS			256

/*
 * Slots that are looked at for an index.  Where all of them are taken it has no
 * figures; up to half of the slots, that hardly happens.
 */
#define PROBES				64

typedef struct ActivitySlot
{
	pg_atomic_uint64 key;		/* see slot_key; 0 = free */
	pg_atomic_uint64 figures[SPHX_FIGURES];
} ActivitySlot;

static ActivitySlot *table = NULL;
static uint32 table_slots = SHARED_SLOTS;

static uint64
slot_key(Oid index)
{
	return (uint64) MyDatabaseId << 32 | index;
}

static void
init_table(void *memory)
{
	ActivitySlot *slots = memory;

	for (uint32 i = 0; i < table_slots; i++)
	{
		pg_atomic_init_u64(&slots[i].key, 0);
		for (int figure = 0; figure < SPHX_FIGURES; figure++)
			pg_atomic_init_u64(&slots[i].figures[figure], 0);
	}
}

/* Have the table at hand. */
static void
open_table(void)
{
	if (table != NULL)
		return;
	table = SphxSharedMemory("sphx activity", sizeof(ActivitySlot) * SHARED_SLOTS, init_table);
	if (table == NULL)
	{
		ActivitySlot *own = MemoryContextAlloc(TopMemoryContext, sizeof(ActivitySlot) * OWN_SLOTS);

		table_slots = OWN_SLOTS;
		init_table(own);
		table = own;
	}
}

/* The slot of the index, given to it if need be; NULL: it has none. */
static ActivitySlot *
find_slot(Oid index, bool claim)
{
	uint64		key = slot_key(index);
	uint32		start = (uint32) (murmurhash32((uint32) key ^ murmurhash32((uint32) (key >> 32))) % table_slots);

	for (uint32 i = 0; i < PROBES; i++)
	{
		ActivitySlot *slot = &table[(start + i) % table_slots];
		uint64		found = pg_atomic_read_u64(&slot->key);

		if (found == 0 && !claim)
			return NULL;
		/* when somebody else is quicker, found becomes what is there then */
		if (found == 0 && pg_atomic_compare_exchange_u64(&slot->key, &found, key))
			return slot;
		if (found == key)
			return slot;
	}
	return NULL;
}

void
SphxInitActivity(void)
{
	SphxReserveShared(sizeof(ActivitySlot) * SHARED_SLOTS);
}

void
SphxCountScan(const SphxScanCounts *counts)
{
	const uint64 added[SPHX_FIGURES] = {
		[SPHX_FIGURE_SCANS] = 1,
		[SPHX_FIGURE_NODES_READ] = counts->nodes_read,
		[SPHX_FIGURE_CELLS_READ] = counts->cells_read,
		[SPHX_FIGURE_WIDENINGS] = (uint64) counts->widenings,
		[SPHX_FIGURE_NODES_LATE] = counts->nodes_late,
		[SPHX_FIGURE_ROWS_RETURNED] = counts->rows_returned,
		[SPHX_FIGURE_ROWS_RECHECKED] = counts->rows_rechecked,
		[SPHX_FIGURE_TABLE_READS] = counts->table_read ? 1 : 0
	};
	ActivitySlot *slot;

	Assert(OidIsValid(counts->index));
	open_table();
	slot = find_slot(counts->index, true);
	if (slot == NULL)
		return;
	for (int figure = 0; figure < SPHX_FIGURES; figure++)
	{
		if (added[figure] > 0)
			pg_atomic_fetch_add_u64(&slot->figures[figure], (int64) added[figure]);
	}
}

void
SphxGetActivity(Oid index, uint64 figures[SPHX_FIGURES])
{
	ActivitySlot *slot;

	open_table();
	slot = find_slot(index, false);
	for (int figure = 0; figure < SPHX_FIGURES; figure++)
		figures[figure] = slot != NULL ? pg_atomic_read_u64(&slot->figures[figure]) : 0;
}

void
SphxResetActivity(void)
{
	open_table();
	for (uint32 i = 0; i < table_slots; i++)
	{
		if (pg_atomic_read_u64(&table[i].key) >> 32 != MyDatabaseId)
			continue;
		for (int figure = 0; figure < SPHX_FIGURES; figure++)
			pg_atomic_write_u64(&table[i].figures[figure], 0);
	}
}
