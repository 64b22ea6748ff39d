/*-------------------------------------------------------------------------
 *
 * decimal.h
 *	  Decimal text to single precision.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_DECIMAL_H
#define SPHX_DECIMAL_H

/*
 * The number that the text, which ends with the terminator at `end`, begins with, rounded to the nearest float, ties to
 * even, as strtof does.  Returns where it ends, or NULL where this function
 * leaves the text to strtof: one that is no plain decimal number before a
 * comma, a closing bracket or a space, one of more than 19 digits, one beyond
 * the normal numbers, one too near the middle of two floats to be sure.
 */
extern const char *sphx_decimal_float(const char *text, const char *end, float *x);

#endif							/* SPHX_DECIMAL_H */
