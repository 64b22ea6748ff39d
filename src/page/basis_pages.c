/*-------------------------------------------------------------------------
 *
 * basis_pages.c
 *	  The index's basis on its pages, and as a backend keeps it.
 *
 *-------------------------------------------------------------------------
 */
#include "page/basis_pages.h"

#include "utils/memutils.h"

#include "server/memory.h"

/* On entry and return no page is locked. */
static SphxBasis *
read_basis(SphxPages *pages, const SphxIndexInfo *info, MemoryContext context)
{
	const SphxMetaPageData *meta = &info->meta;
	Size		size = SphxBasisBytes(meta);
	char	   *bytes = palloc_extended(size, MCXT_ALLOC_HUGE);
	SphxBasis  *basis;
	SphxServerEnv env;

	Assert(!SphxHoldsPage());	/* L1 */
	for (Size done = 0; done < size; done += SPHX_PAGE_ROOM)
	{
		BlockNumber block = meta->basis + (BlockNumber) (done / SPHX_PAGE_ROOM);
		Buffer		buffer = SphxReadPage(pages, block, SPHX_PAGE_BASIS, BUFFER_LOCK_SHARE);

		memcpy(bytes + done, PageGetContents(BufferGetPage(buffer)),
			   Min(size - done, SPHX_PAGE_ROOM));
		UnlockReleaseBuffer(buffer);
	}
	SphxInitEnv(&env, context);
	basis = sphx_basis_read(&env.base, info->layout.D, (int) meta->basis_vectors,
							meta->centered != 0, bytes);
	if (basis == NULL)
		SphxCorrupted(pages->index, meta->basis, "the basis is not finite");
	pfree(bytes);
	return basis;
}

const SphxBasis *
SphxGetBasis(SphxPages *pages, const SphxIndexInfo *info)
{
	SphxBasis  *basis;

	if (SphxBasisBytes(&info->meta) == 0)
		return NULL;
	basis = SphxFindKept(pages->local, SPHX_KEPT_BASIS);
	if (unlikely(basis == NULL))
	{
		MemoryContext context = SphxCreateKeptContext();

		basis = read_basis(pages, info, context);
		SphxKeep(pages->local, SPHX_KEPT_BASIS, basis, context);
	}
	return basis;
}
