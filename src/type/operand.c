/*-------------------------------------------------------------------------
 *
 * operand.c
 *	  Types that stand for vectors: those of this extension, those of
 *	  pgvector, and bit strings.
 *
 *-------------------------------------------------------------------------
 */
#include "type/operand.h"

#include "utils/varbit.h"

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

static Vector *
spread_bits(Datum datum)
{
	VarBit	   *bits = DatumGetVarBitP(datum);
	int			dim = VARBITLEN(bits);
	Vector	   *v;

	SphxCheckDimOf("bit", dim, NULL);
	v = SphxVectorNew(dim);
	for (int i = 0; i < dim; i++)
		v->x[i] = (float) (VARBITS(bits)[i / BITS_PER_BYTE] >> (7 - i % BITS_PER_BYTE) & 1);
	if (bits != (VarBit *) DatumGetPointer(datum))
		pfree(bits);
	return v;
}

Vector *
SphxDatumVector(SphxOperand operand, Datum datum)
{
	if (operand == SPHX_OPERAND_HALFVEC)
		return widen(datum);
	return operand == SPHX_OPERAND_BIT ? spread_bits(datum) : DatumGetVectorP(datum);
}

const char *
SphxOperandName(SphxOperand operand)
{
	if (operand == SPHX_OPERAND_HALFVEC)
		return "halfvec";
	return operand == SPHX_OPERAND_BIT ? "bit" : "vector";
}

void
SphxOperandMismatch(SphxOperand operand, int a, int b)
{
	if (operand == SPHX_OPERAND_BIT)
		SphxBitLengthMismatch(a, b);
	SphxDimMismatchOf(SphxOperandName(operand), a, b);
}
