/*-------------------------------------------------------------------------
 *
 * wal.h
 *	  The WAL record of a change.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_WAL_H
#define SPHX_WAL_H

#include "page/page.h"

/* room for what a page differs by; see SphxComputeDelta */
#define SPHX_DELTA_HEADER	((int) (2 * sizeof(OffsetNumber)))
#define SPHX_DELTA_ROOM		(BLCKSZ + SPHX_DELTA_HEADER)

/*
 * By what bytes `image` differs from the page: fragments of offset, length (two
 * OffsetNumbers) and bytes, as the server's generic_redo reads them.  Returns
 * their size.
 */
extern int	SphxComputeDelta(const char *page, const char *image, char *delta);

/*
 * Make the pages of the change what their images are, and log that in one record.
 * All are exclusively locked on entry and on return.
 */
extern void SphxWriteChange(const SphxChange *change);

#endif							/* SPHX_WAL_H */
