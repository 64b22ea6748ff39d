/*-------------------------------------------------------------------------
 *
 * operand.h
 *	  Types that stand for vectors: those of this extension, those of
 *	  pgvector, and bit strings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_OPERAND_H
#define SPHX_OPERAND_H

#include "type/vector.h"

/*
 * What the operator of an index takes.  The numbers are in metapages, and what
 * support functions of operator classes return.
 */
typedef enum SphxOperand
{
	SPHX_OPERAND_VECTOR,		/* vector of this extension */
	SPHX_OPERAND_PGVECTOR,		/* pgvector's vector: the same bytes, other
								 * arithmetic in its operators */
	SPHX_OPERAND_HALFVEC,		/* either halfvec: the same bytes, and bounds
								 * that hold for pgvector's arithmetic */
	SPHX_OPERAND_BIT			/* bit strings, vectors of zeros and ones,
								 * whose squared Euclidean distance is what
								 * the operator returns: Hamming distance */
} SphxOperand;

/*
 * The datum as a vector: detoasted, with an aligned four-byte header; a copy
 * only when it has to be, which it always is of a halfvec and of bits.
 */
extern Vector *SphxDatumVector(SphxOperand operand, Datum datum);

/* the type's name, for messages */
extern const char *SphxOperandName(SphxOperand operand);

/* The error of operators for a pair of different dimensions. */
extern void SphxOperandMismatch(SphxOperand operand, int a, int b);

#endif							/* SPHX_OPERAND_H */
