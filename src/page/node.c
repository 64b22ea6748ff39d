/*-------------------------------------------------------------------------
 *
 * node.c
 *	  Records on pages.
 *
 *-------------------------------------------------------------------------
 */
#include "page/node.h"

#include <float.h>

SphxRecord *
SphxCheckNode(SphxPages *pages, const SphxIndexInfo *info, Page page, uint32 id)
{
	SphxRecord *r = SphxNodeRecord(info, page, id);

	if (!(r->flags & SPHX_NODE_USED))
		return NULL;
	if (unlikely(r->neighbours > info->layout.m || r->payload_count > SphxPayloadRoom(info) ||
				 !(r->scale >= 0.0f && r->scale <= FLT_MAX)))
		SphxCorrupted(pages->index, SphxNodeBlock(info, id), "a record is out of range");
	/* those are on pages of their own */
	if (unlikely(r->flags & SPHX_NODE_OVERFLOW))
		SphxCorrupted(pages->index, SphxNodeBlock(info, id), "an overflow record is among nodes");
	return r;
}
