/*-------------------------------------------------------------------------
 *
 * operand.c
 *	  Types that stand for vectors: those of this extension and those of
 *	  pgvector.
 *
 *-------------------------------------------------------------------------
 */
#include "type/operand.h"

#include "type/halfvec.h"

static Vector *
widen(Datum datum)
{
	HalfVector *half = DatumGetHalfVectorP(datum);
	Vector	   *v = SphxHalfVectorWiden(half);

	if (half != (HalfVector *) DatumGetPointer(datum))
		pfree(half);
	return v;
}

Vector *
SphxDatumVector(SphxOperand operand, Datum datum)
{
	return operand == SPHX_OPERAND_HALFVEC ? widen(datum) : DatumGetVectorP(datum);
}
