/*-------------------------------------------------------------------------
 *
 * rows.c
 *	  Rows of a build: in memory while they fit, else in a temporary file.
 *
 *-------------------------------------------------------------------------
 */
#include "am/create/build_state.h"

#include "storage/buffile.h"
#include "utils/memutils.h"

/* bytes of a chunk of rows, about */
#define CHUNK_BYTES			((Size) 8 * 1024 * 1024)

struct SphxRows
{
	MemoryContext context;		/* of its own */
	Size		row_bytes;		/* SphxBuildRow and the floats */
	uint64		count;
	uint64		next;			/* row that SphxNextRow gives */
	uint64		memory_rows;
	BufFile    *file;			/* NULL while in memory */
	uint64		chunk_rows;
	char	  **chunks;
	uint64		chunk_room;
};

SphxRows *
SphxCreateRows(MemoryContext context, int d, uint64 memory_rows)
{
	MemoryContext own = AllocSetContextCreate(context, "sphx build rows", ALLOCSET_DEFAULT_SIZES);
	SphxRows   *rows = MemoryContextAllocZero(own, sizeof(SphxRows));

	Assert(d > 0 && memory_rows > 0);
	rows->context = own;
	rows->row_bytes = sizeof(SphxBuildRow) + sizeof(float) * (Size) d;
	rows->memory_rows = memory_rows;
	rows->chunk_rows = Max(Min(CHUNK_BYTES / rows->row_bytes, memory_rows), 1);
	return rows;
}

static char *
row_place(const SphxRows *rows, uint64 i)
{
	Assert(rows->chunks != NULL && i / rows->chunk_rows < rows->chunk_room);
	return rows->chunks[i / rows->chunk_rows] + (i % rows->chunk_rows) * rows->row_bytes;
}

static void
write_row(SphxRows *rows, const SphxBuildRow *row, const float *x)
{
	BufFileWrite(rows->file, unconstify(SphxBuildRow *, row), sizeof(SphxBuildRow));
	BufFileWrite(rows->file, unconstify(float *, x), rows->row_bytes - sizeof(SphxBuildRow));
}

/* Move what is in memory to a file. */
static void
spill(SphxRows *rows)
{
	MemoryContext old = MemoryContextSwitchTo(rows->context);

	Assert(rows->file == NULL && rows->count <= rows->memory_rows);
	rows->file = BufFileCreateTemp(false);
	for (uint64 i = 0; i < rows->count; i++)
	{
		BufFileWrite(rows->file, row_place(rows, i), rows->row_bytes);
		if ((i + 1) % rows->chunk_rows == 0 || i + 1 == rows->count)
			pfree(rows->chunks[i / rows->chunk_rows]);
	}
	if (rows->chunks != NULL)
		pfree(rows->chunks);
	rows->chunks = NULL;
	MemoryContextSwitchTo(old);
}

/* Memory for one more row. */
static char *
new_place(SphxRows *rows)
{
	uint64		chunk = rows->count / rows->chunk_rows;

	if (chunk == rows->chunk_room)
	{
		Size		room = 2 * (Size) rows->chunk_room + 16;
		char	  **chunks = MemoryContextAllocHuge(rows->context, room * sizeof(char *));

		if (rows->chunks != NULL)
		{
			memcpy(chunks, rows->chunks, rows->chunk_room * sizeof(char *));
			pfree(rows->chunks);
		}
		rows->chunks = chunks;
		rows->chunk_room = room;
	}
	if (rows->count % rows->chunk_rows == 0)
		rows->chunks[chunk] = MemoryContextAllocHuge(rows->context,
													 rows->chunk_rows * rows->row_bytes);
	return row_place(rows, rows->count);
}

void
SphxAppendRow(SphxRows *rows, const SphxBuildRow *row, const float *x)
{
	Assert(rows->next == 0);	/* nothing is written any more once one has
								 * been read */
	if (rows->file == NULL && rows->count == rows->memory_rows)
		spill(rows);
	if (rows->file != NULL)
		write_row(rows, row, x);
	else
	{
		char	   *place = new_place(rows);

		memcpy(place, row, sizeof(SphxBuildRow));
		memcpy(place + sizeof(SphxBuildRow), x, rows->row_bytes - sizeof(SphxBuildRow));
	}
	rows->count++;
}

void
SphxRewindRows(SphxRows *rows)
{
	rows->next = 0;
	if (rows->file != NULL && BufFileSeek(rows->file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rewind a temporary file of an index build")));
}

static void
read_exactly(SphxRows *rows, void *ptr, Size size)
{
	if (BufFileRead(rows->file, ptr, size) != size)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read a temporary file of an index build")));
}

bool
SphxNextRow(SphxRows *rows, SphxBuildRow *row, float *x)
{
	Assert(rows->next <= rows->count);
	if (rows->next == rows->count)
		return false;
	if (rows->file != NULL)
	{
		read_exactly(rows, row, sizeof(SphxBuildRow));
		read_exactly(rows, x, rows->row_bytes - sizeof(SphxBuildRow));
	}
	else
	{
		const char *place = row_place(rows, rows->next);

		memcpy(row, place, sizeof(SphxBuildRow));
		memcpy(x, place + sizeof(SphxBuildRow), rows->row_bytes - sizeof(SphxBuildRow));
	}
	rows->next++;
	return true;
}

uint64
SphxCountRows(const SphxRows *rows)
{
	return rows->count;
}

bool
SphxRowsInMemory(const SphxRows *rows)
{
	return rows->file == NULL;
}

void
SphxReleaseRows(SphxRows *rows)
{
	if (rows->file != NULL)
		BufFileClose(rows->file);
	MemoryContextDelete(rows->context);
}
