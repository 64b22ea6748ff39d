/*-------------------------------------------------------------------------
 *
 * bit.c
 *	  Signs of vectors as bit strings, and distances of bit strings.
 *
 *-------------------------------------------------------------------------
 */
#include "server/compat.h"

#include "port/pg_bitutils.h"
#include "utils/varbit.h"

#include "type/halfvec.h"

PG_FUNCTION_INFO_V1(sphx_binary_quantize);
PG_FUNCTION_INFO_V1(sphx_halfvec_binary_quantize);
PG_FUNCTION_INFO_V1(sphx_hamming_distance);
PG_FUNCTION_INFO_V1(sphx_jaccard_distance);

/* A one for every element greater than 0. */
static VarBit *
quantize(const Vector *v)
{
	VarBit	   *result = (VarBit *) palloc0(VARBITTOTALLEN(v->dim));

	SET_VARSIZE(result, VARBITTOTALLEN(v->dim));
	VARBITLEN(result) = v->dim;
	for (int i = 0; i < v->dim; i++)
		VARBITS(result)[i / 8] |= (uint8) ((v->x[i] > 0.0f) << (7 - i % 8));
	return result;
}

Datum
sphx_binary_quantize(PG_FUNCTION_ARGS)
{
	PG_RETURN_VARBIT_P(quantize(PG_GETARG_VECTOR_P(0)));
}

Datum
sphx_halfvec_binary_quantize(PG_FUNCTION_ARGS)
{
	PG_RETURN_VARBIT_P(quantize(SphxHalfVectorWiden(PG_GETARG_HALFVEC_P(0))));
}

void
SphxBitLengthMismatch(int a, int b)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("different bit lengths %d and %d", a, b)));
}

/*
 * Ones that only one of a and b has, and those that both have.  The bits that
 * pad the last byte are 0.
 */
static void
count_bits(VarBit *a, VarBit *b, uint64 *different, uint64 *common)
{
	const uint8 *x = VARBITS(a);
	const uint8 *y = VARBITS(b);
	Size		n = VARBITBYTES(a);
	Size		i = 0;

	if (VARBITLEN(a) != VARBITLEN(b))
		SphxBitLengthMismatch(VARBITLEN(a), VARBITLEN(b));

	*different = *common = 0;
	for (; i + 8 <= n; i += 8)
	{
		uint64		p;
		uint64		q;

		memcpy(&p, x + i, sizeof(p));
		memcpy(&q, y + i, sizeof(q));
		*different += pg_popcount64(p ^ q);
		*common += pg_popcount64(p & q);
	}
	for (; i < n; i++)
	{
		*different += pg_number_of_ones[x[i] ^ y[i]];
		*common += pg_number_of_ones[x[i] & y[i]];
	}
}

Datum
sphx_hamming_distance(PG_FUNCTION_ARGS)
{
	uint64		different;
	uint64		common;

	count_bits(PG_GETARG_VARBIT_P(0), PG_GETARG_VARBIT_P(1), &different, &common);
	PG_RETURN_FLOAT8((double) different);
}

/* One minus the share of common ones in all; 1 where there are none in common. */
Datum
sphx_jaccard_distance(PG_FUNCTION_ARGS)
{
	uint64		different;
	uint64		common;

	count_bits(PG_GETARG_VARBIT_P(0), PG_GETARG_VARBIT_P(1), &different, &common);
	if (common == 0)
		PG_RETURN_FLOAT8(1.0);
	PG_RETURN_FLOAT8(1.0 - (double) common / (double) (common + different));
}
