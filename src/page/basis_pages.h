/*-------------------------------------------------------------------------
 *
 * basis_pages.h
 *	  The index's basis on its pages, and as a backend keeps it.
 *
 * Its bytes (sphx_basis_write) fill the blocks from meta->basis on, one page
 * after the other; they never change.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_BASIS_PAGES_H
#define SPHX_BASIS_PAGES_H

#include "math/base/basis.h"
#include "page/meta.h"

/*
 * The basis, or NULL when the index has none.  Kept by the backend (SphxKeep);
 * valid until the next call for another index, or of anything that may process
 * invalidations.  On entry no page is locked: its pages may have to be read.
 */
extern const SphxBasis *SphxGetBasis(SphxPages *pages, const SphxIndexInfo *info);

#endif							/* SPHX_BASIS_PAGES_H */
