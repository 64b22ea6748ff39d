/*-------------------------------------------------------------------------
 *
 * operand.c
 *	  Types that stand for vectors: that of this extension and those of
 *	  pgvector.
 *
 *-------------------------------------------------------------------------
 */
#include "type/operand.h"

#include "math/kernels/kernels.h"

/* pgvector's halfvec, elements of IEEE half precision */
typedef struct HalfVector
{
	int32		vl_len_;		/* varlena header, not to be touched directly */
	int16		dim;
	int16		unused;			/* always 0 */
	uint16		x[FLEXIBLE_ARRAY_MEMBER];
} HalfVector;

StaticAssertDecl(offsetof(HalfVector, x) == 8, "the datum's header has 8 bytes");

static Vector *
widen(Datum datum)
{
	HalfVector *half = (HalfVector *) PG_DETOAST_DATUM(datum);
	Vector	   *v = SphxVectorNew(half->dim);

	Assert(VARSIZE(half) == offsetof(HalfVector, x) + sizeof(uint16) * (Size) half->dim);
	sphx_kernels->half_to_f32(half->x, v->x, (size_t) half->dim);
	if (half != (HalfVector *) DatumGetPointer(datum))
		pfree(half);
	return v;
}

Vector *
SphxDatumVector(SphxOperand operand, Datum datum)
{
	return operand == SPHX_OPERAND_HALFVEC ? widen(datum) : DatumGetVectorP(datum);
}
