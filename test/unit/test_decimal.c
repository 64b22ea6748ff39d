/*-------------------------------------------------------------------------
 *
 * test_decimal.c
 *	  Decimal text to single precision, against strtof.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/decimal.h"
#include "math/base/random.h"
#include "tap.h"

/* Does it end where strtof does, with the same bits?  Counts what it leaves. */
static bool
agrees(const char *text, long *left)
{
	char	   *end;
	float		expected = strtof(text, &end);
	float		x;
	const char *at = sphx_decimal_float(text, text +strlen(text), &x);

	if (at == NULL)
	{
		(*left)++;
		return true;
	}
	if (at == end && memcmp(&x, &expected, sizeof(x)) == 0)
		return true;
	printf("# %s: %a, strtof %a\n", text, (double) x, (double) expected);
	return false;
}

static float
random_float(SphxRandom *rng)
{
	uint32_t	bits = (uint32_t) sphx_random_u64(rng);
	float		x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* random floats in 1 to 19 digits, in either notation */
static void
test_random(SphxRandom *rng, long n)
{
	char text[	512];
	bool		good = true;
	long		left = 0;

	for (long i = 0; i < n; i++)
	{
		int			digits = (int) (sphx_random_u64(rng) % 19);
		double		x = i % 2 == 0 ? (double) random_float(rng) :
		(double) (int64_t) sphx_random_u64(rng) / 9223372036854775808.0;

		if (isfinite(x))
		{
			snprintf(text, sizeof(text), i % 4 < 2 ? "%.*e]" : "%.*g,", digits, x);
			good &= agrees(text, &left);
		}
	}
	ok(good, "%ld random numbers as strtof reads them", n);
	ok(left < n / 20, "few are left to strtof: %ld", left);
}

/* middles of two floats, exactly and next to them */
static void
test_middles(SphxRandom *rng, long n)
{
	char text[	512];
	bool		good = true;
	long		left = 0;

	for (long i = 0; i < n; i++)
	{
		float		x = fabsf(random_float(rng));
		double		middle = ((double) x + (double) nextafterf(x, INFINITY)) / 2;
		double		units = middle > 0.0 && isfinite(middle) ?
		ldexp((double) (i % 41 - 20), ilogb(middle) - 52) : 0.0;

		if (isfinite(middle))
		{
			snprintf(text, sizeof(text), "%.18e]", middle + units);
			good &= agrees(text, &left);
			snprintf(text, sizeof(text), "%.16g]", middle + units);
			good &= agrees(text, &left);
		}
	}
	ok(good, "%ld numbers about the middle of two floats", n);
}

static void
test_forms(void)
{
	static const char *const taken[] = {"0]", "-0,", "+1]", "1.]", ".5 ", "00012.500]",
		"1e1]", "1E-2]", "1e+3]", "0e999]", "0.000000000000000000000000000001]",
		"16777217.5]", "9999999999999999999]", "1e-30]", "0.12345678]", "1.2345678901234567,",
	"-3.00000000e2,12345678", "7.1234567,"};
	static const char *const refused[] = {"", "]", "-]", ".]", "-.,", "e1]", "1e]", "1e+]", "0x10]",
		"nan]", "inf]", "1", "1f]", "1e0001]", "12345678901234567890]", "1e39]", "1e-39]",
	"--1]", "1e64]", "16777217]", "0.1234567:]", "0.12345/78]", "0.12345678", "0.1234567\xb0]"};
	float		x;
	long		left = 0;
	bool		good = true;

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		good &= agrees(taken[i], &left);
	ok(good && left == 0, "forms that are read");

	good = true;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		good &= sphx_decimal_float(refused[i], refused[i] + strlen(refused[i]), &x) == NULL;
	ok(good, "forms that are left to strtof");
}

/* An argument is the number of random numbers. */
int
main(int argc, char **argv)
{
	SphxRandom	rng;
	long		n = argc > 1 ? atol(argv[1]) : 300000;

	sphx_random_seed(&rng, 1);
	test_forms();
	test_random(&rng, n);
	test_middles(&rng, n / 3);
	return tap_done();
}
