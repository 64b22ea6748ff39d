/*-------------------------------------------------------------------------
 *
 * tap.h
 *	  A tiny printer of the Test Anything Protocol for unit tests.
 *
 * ok() counts and prints one line; tap_done() prints the plan and returns the
 * exit status.  To be included by the one source file of a test program.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_TAP_H
#define SPHX_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int	tap_count = 0;
static int	tap_failures = 0;

static bool ok(bool condition, const char *format,...)
			__attribute__((format(printf, 2, 3)));

static bool
ok(bool condition, const char *format,...)
{
	va_list		args;

	tap_count++;
	if (!condition)
		tap_failures++;
	printf("%sok %d - ", condition ? "" : "not ", tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	return condition;
}

/* a plan may come last; the exit status of the program is this function's result */
static int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	if (tap_failures > 0)
		fprintf(stderr, "# %d of %d tests failed\n", tap_failures, tap_count);
	return tap_failures > 0 ? 1 : 0;
}

#endif							/* SPHX_TAP_H */
