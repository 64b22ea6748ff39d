/*-------------------------------------------------------------------------
 *
 * wal.c
 *	  The WAL record of a change.
 *
 * It is one of the server's generic resource manager, whose format has been the
 * same since PostgreSQL 9.6: for each page the bytes that differ.  The server's
 * own way to write one (GenericXLogFinish) looks for them byte by byte in all of
 * the page, which takes longer than all else that an insert does to it.  Here
 * equal bytes are passed over by words.
 *
 *-------------------------------------------------------------------------
 */
#include "page/wal.h"

#include "access/xloginsert.h"
#include "miscadmin.h"

/* of a fragment of what a page differs by, and room for all of them */
#define HEADER				((int) (2 * sizeof(OffsetNumber)))
#define DELTA_ROOM			(BLCKSZ + HEADER)

/* a gap as long as a fragment's header is not worth another one */
#define LONGEST_GAP			HEADER

/* the first byte from `i` on that differs, or BLCKSZ */
static int
next_difference(const char *page, const char *image, int i)
{
	uint64		a;
	uint64		b;

	for (; i % (int) sizeof(a) != 0; i++)
		if (page[i] != image[i])
			return i;
	for (; i < BLCKSZ; i += (int) sizeof(a))
	{
		memcpy(&a, page + i, sizeof(a));
		memcpy(&b, image + i, sizeof(b));
		if (a != b)
			break;
	}
	while (i < BLCKSZ && page[i] == image[i])
		i++;
	return i;
}

static char *
put_fragment(char *place, const char *image, int start, int end)
{
	OffsetNumber header[2] = {(OffsetNumber) start, (OffsetNumber) (end - start)};

	Assert(sizeof(header) == HEADER && start < end);
	memcpy(place, header, sizeof(header));
	memcpy(place + sizeof(header), image + start, (Size) (end - start));
	return place + sizeof(header) + (end - start);
}

/*
 * By what bytes `image` differs from the page: fragments of offset, length (two
 * OffsetNumbers) and bytes, as the server's generic_redo reads them.  Returns
 * their size.
 */
static int
compute_delta(const char *page, const char *image, char *delta)
{
	char	   *place = delta;
	int			start = next_difference(page, image, 0);

	while (start < BLCKSZ)
	{
		int			end = start + 1;
		int			next = next_difference(page, image, end);

		while (next < BLCKSZ && next - end <= LONGEST_GAP)
		{
			end = next + 1;
			next = next_difference(page, image, end);
		}
		place = put_fragment(place, image, start, end);
		start = next;
	}
	/* a fragment but the last is followed by a gap longer than its header */
	Assert(place - delta <= DELTA_ROOM);
	return (int) (place - delta);
}

/* One record of all pages, which are what they shall be; within a critical section. */
static void
log_change(const SphxChange *change, char (*deltas)[DELTA_ROOM], const int *sizes)
{
	XLogRecPtr	lsn;

	XLogBeginInsert();
	for (int i = 0; i < change->count; i++)
	{
		XLogRegisterBuffer((uint8) i, change->buffer[i],
						   change->full[i] ? REGBUF_STANDARD | REGBUF_FORCE_IMAGE : REGBUF_STANDARD);
		if (!change->full[i])
			XLogRegisterBufData((uint8) i, deltas[i], sizes[i]);
	}
	lsn = XLogInsert(RM_GENERIC_ID, 0);
	for (int i = 0; i < change->count; i++)
		PageSetLSN(BufferGetPage(change->buffer[i]), lsn);
}

void
SphxWriteChange(const SphxChange *change)
{
	static char deltas[SPHX_CHANGE_PAGES][DELTA_ROOM];
	int			sizes[SPHX_CHANGE_PAGES];
	bool		logged = RelationNeedsWAL(change->pages->index);

	for (int i = 0; i < change->count; i++)
		if (logged && !change->full[i])
			sizes[i] = compute_delta(BufferGetPage(change->buffer[i]), change->page[i], deltas[i]);

	START_CRIT_SECTION();
	for (int i = 0; i < change->count; i++)
	{
		memcpy(BufferGetPage(change->buffer[i]), change->page[i], BLCKSZ);
		MarkBufferDirty(change->buffer[i]);
	}
	if (logged)
		log_change(change, deltas, sizes);
	END_CRIT_SECTION();
}
