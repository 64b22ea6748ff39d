/*-------------------------------------------------------------------------
 *
 * decimal.c
 *	  Decimal text to single precision.
 *
 * The digits are an integer w, and the number is w 10^e.  It is computed in
 * double precision, with three roundings at most: of w, of 10^|e| and of their
 * product or quotient, which are exact where w < 2^53 and |e| <= 22 but for
 * the last (Clinger, How to read floating point numbers accurately, 1990).
 * Three roundings come to less than 4 units in the last of a double's 53 bits.
 * Rounding to the 24 bits of a float then goes wrong only where the middle of
 * two floats is within these units.  That is one number of 60 million or so:
 * strtof takes it.
 *
 *-------------------------------------------------------------------------
 */
#include "math/base/decimal.h"

#include <assert.h>
#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MAX_DIGITS		19		/* so many are less than 2^64 */
#define MAX_EXPONENT	63
#define DROPPED_BITS	29		/* of a double's mantissa in a float */
#define ERROR_UNITS		4

static const double power_of_ten[MAX_EXPONENT + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
	1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29,
	1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37, 1e38, 1e39,
	1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46, 1e47, 1e48, 1e49,
	1e50, 1e51, 1e52, 1e53, 1e54, 1e55, 1e56, 1e57, 1e58, 1e59,
	1e60, 1e61, 1e62, 1e63
};

/*
 * The value of eight digits in a row, or false.  Bytes are digits when less '0'
 * neither they nor their sum with 118 have the highest bit; a borrow or a carry
 * comes only from a byte that is none.
 */
static bool
eight_digits(const char *at, uint32_t *value)
{
	uint64_t	v;

	memcpy(&v, at, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	v -= UINT64_C(0x3030303030303030);
	if (((v | (v + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080)) != 0)
		return false;
	/* two, four and eight digits, the first of which are in the lower half */
	v = (v * 10 + (v >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v * 100 + (v >> 16)) & UINT64_C(0x0000ffff0000ffff);
	*value = (uint32_t) (v * 10000 + (v >> 32));
	return true;
}

static inline const char *
read_digits(const char *at, uint64_t *w)
{
	unsigned	digit;

	for (; (digit = (unsigned) *at - '0') <= 9; at++)
		*w = *w * 10 + digit;
	return at;
}

/* The same where there mostly are many. */
static inline const char *
read_fraction(const char *at, const char *end, uint64_t *w)
{
	uint32_t	eight;

	for (; end - at >= 8 && eight_digits(at, &eight); at += 8)
		*w = *w * 100000000 + eight;
	return read_digits(at, w);
}

/* Of so many digits, are at most MAX_DIGITS left without the leading zeros? */
static bool
few_digits(const char *start, const char *at, ptrdiff_t digits)
{
	for (; digits > MAX_DIGITS && start < at && (*start == '0' || *start == '.'); start++)
		digits -= *start == '0' ? 1 : 0;
	return digits <= MAX_DIGITS;
}

/*
 * The digits as a number, and the exponent that the point leaves; NULL where
 * there are none or too many.
 */
static inline const char *
read_mantissa(const char *at, const char *end, uint64_t *w, int *exponent)
{
	const char *start = at;
	ptrdiff_t	digits;

	at = read_digits(at, w);
	digits = at - start;
	if (*at == '.')
	{
		const char *point = ++at;

		at = read_fraction(at, end, w);
		/* beyond this many the number is left to strtof anyway */
		if (at - point > 2 * MAX_EXPONENT)
			return NULL;
		digits += at - point;
		*exponent = (int) (point - at);
	}
	return digits == 0 || !few_digits(start, at, digits) ? NULL : at;
}

/* The part after the letter e; NULL where it has no digits, or four and more. */
static const char *
read_exponent(const char *at, int *exponent)
{
	bool		negative = *at == '-';
	const char *start;
	int			value = 0;
	unsigned	digit;

	if (*at == '-' || *at == '+')
		at++;
	start = at;
	for (; (digit = (unsigned) *at - '0') <= 9 && at - start < 4; at++)
		value = value * 10 + (int) digit;
	if (at == start || at - start == 4)
		return NULL;
	*exponent += negative ? -value : value;
	return at;
}

/* Rounding a double that may be ERROR_UNITS off cannot go wrong. */
static bool
rounds_safely(double d)
{
	const uint64_t middle = UINT64_C(1) << (DROPPED_BITS - 1);
	uint64_t	bits;

	memcpy(&bits, &d, sizeof(bits));
	bits &= (UINT64_C(1) << DROPPED_BITS) - 1;
	return bits + ERROR_UNITS < middle || bits > middle + ERROR_UNITS;
}

/* w 10^exponent as a float, or false */
static bool
scale(uint64_t w, int exponent, float *x)
{
	double		d;

	if (w == 0)
	{
		*x = 0.0f;
		return true;
	}
	if (exponent < -MAX_EXPONENT || exponent > MAX_EXPONENT)
		return false;
	d = (double) w;
	d = exponent < 0 ? d / power_of_ten[-exponent] : d * power_of_ten[exponent];
	if (!(d >= 2.0 * (double) FLT_MIN && d <= 0.5 * (double) FLT_MAX) || !rounds_safely(d))
		return false;
	*x = (float) d;
	return true;
}

const char *
sphx_decimal_float(const char *text, const char *end, float *x)
{
	bool		negative = *text == '-';
	const char *at = text +(*text == '-' || *text == '+');
	uint64_t	w = 0;
	int			exponent = 0;

	assert(*end == '\0' && text <=end);
	at = read_mantissa(at, end, &w, &exponent);
	if (at == NULL)
		return NULL;
	if (*at == 'e' || *at == 'E')
	{
		at = read_exponent(at + 1, &exponent);
		if (at == NULL)
			return NULL;
	}
	/* a letter here would be part of a number that only strtof knows */
	if ((*at != ',' && *at != ']' && *at != ' ') || !scale(w, exponent, x))
		return NULL;
	assert(*x >= 0.0f);
	if (negative)
		*x = -*x;
	return at;
}
