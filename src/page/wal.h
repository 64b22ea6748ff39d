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

/*
 * Make the pages of the change what their images are, and log that in one record.
 * All are exclusively locked on entry and on return.
 */
extern void SphxWriteChange(const SphxChange *change);

#endif							/* SPHX_WAL_H */
