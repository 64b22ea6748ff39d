/*-------------------------------------------------------------------------
 *
 * blas.c
 *	  Loads the system's BLAS at run time, single-threaded and checked.
 *
 * The Fortran interface with 32-bit integers is the one that every BLAS
 * library has.  The library that is used is never unloaded.
 *
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE				/* setenv and dlfcn.h under -std=c11 */
#include <assert.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "math/base/blas.h"
#include "math/kernels/kernels.h"

/* compilers of Fortran append the lengths of the two strings; C libraries ignore them */
typedef void (*SgemmFunction) (const char *trans_a, const char *trans_b,
							   const int32_t *m, const int32_t *n, const int32_t *k,
							   const float *alpha, const float *a, const int32_t *lda,
							   const float *b, const int32_t *ldb,
							   const float *beta, float *c, const int32_t *ldc,
							   size_t length_a, size_t length_b);
typedef void (*DgemmFunction) (const char *trans_a, const char *trans_b,
							   const int32_t *m, const int32_t *n, const int32_t *k,
							   const double *alpha, const double *a, const int32_t *lda,
							   const double *b, const int32_t *ldb,
							   const double *beta, double *c, const int32_t *ldc,
							   size_t length_a, size_t length_b);
typedef void (*SetThreadsFunction) (int threads);
typedef int (*GetThreadsFunction) (void);
typedef const char *(*CoreNameFunction) (void);

static const char *const library_names[] = {"libopenblas.so.0", "libblas.so.3"};
static const char *const thread_variables[] = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"};

static const char *const core_variable = "OPENBLAS_CORETYPE";

#define LENGTHOF(array)		(sizeof(array) / sizeof((array)[0]))

/* room for the largest product of gemm_is_right */
#define CHECK_ROWS_A		96
#define CHECK_ROWS_B		80
#define CHECK_D				101

static SgemmFunction sgemm = NULL;
static DgemmFunction dgemm = NULL;

static char *
copy_string(const char *s)
{
	size_t		size = strlen(s) + 1;
	char	   *copy = malloc(size);

	if (copy != NULL)
		memcpy(copy, s, size);
	return copy;
}

/*
 * dlopen while the environment asks for one thread: the libraries read it when
 * they are loaded, and might start their threads there.
 */
static void *
open_single_threaded(const char *name)
{
	char	   *saved[LENGTHOF(thread_variables)];
	void	   *handle;

	for (size_t i = 0; i < LENGTHOF(thread_variables); i++)
	{
		const char *value = getenv(thread_variables[i]);

		saved[i] = value ? copy_string(value) : NULL;
		setenv(thread_variables[i], "1", 1);
	}
	handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; i < LENGTHOF(thread_variables); i++)
	{
		if (saved[i] != NULL)
			setenv(thread_variables[i], saved[i], 1);
		else
			unsetenv(thread_variables[i]);
		free(saved[i]);
	}
	return handle;
}

/* ISO C has no conversion from void * to a function pointer; POSIX says that their bits agree */
static void
find_function(void *handle, const char *name, void *function, size_t size)
{
	void	   *symbol = dlsym(handle, name);

	assert(size == sizeof(symbol));
	memcpy(function, &symbol, size);
}

/*
 * Which of its kernels does OpenBLAS take on a processor that is younger than it?
 * It goes by model numbers, and for one that it does not know (an Emerald Rapids,
 * for the version of Debian 12) by its oldest kernels, several times slower than
 * others that would do.  Which they are is read from the environment when it is
 * loaded.
 */
static const char *
better_core(void *handle)
{
	CoreNameFunction core_name;

	find_function(handle, "openblas_get_corename", &core_name, sizeof(core_name));
	if (core_name == NULL || strcmp(core_name(), "Prescott") != 0 ||
		getenv(core_variable) != NULL)
		return NULL;
	if (sphx_kernels_available(SPHX_SIMD_AVX512))
		return "SkylakeX";
	return sphx_kernels_available(SPHX_SIMD_AVX2) ? "Haswell" : NULL;
}

/* The library, with kernels that suit the processor; or NULL. */
static void *
open_library(const char *name)
{
	void	   *handle = open_single_threaded(name);
	const char *core = handle != NULL ? better_core(handle) : NULL;

	if (core == NULL)
		return handle;
	dlclose(handle);
	setenv(core_variable, core, 1);
	handle = open_single_threaded(name);
	unsetenv(core_variable);
	return handle;
}

static bool
is_single_threaded(void *handle)
{
	SetThreadsFunction set_threads;
	GetThreadsFunction get_threads;

	find_function(handle, "openblas_set_num_threads", &set_threads, sizeof(set_threads));
	find_function(handle, "openblas_get_num_threads", &get_threads, sizeof(get_threads));
	if (set_threads != NULL)
		set_threads(1);
	return get_threads == NULL || get_threads() == 1;
}

/* small integers, so that any order of summation gives the exact result */
static float
check_value(size_t i, size_t j)
{
	return (float) ((i * 7 + j * 13 + i * j) % 17) - 8.0f;
}

/* element (i, j) of the product of the matrices that are multiplied for a check */
static double
check_product(size_t i, size_t j, size_t d)
{
	float		sum = 0.0f;

	for (size_t l = 0; l < d; l++)
		sum += check_value(i, l) * check_value(l + 5, j);
	return (double) sum;
}

static bool
product_is_right(size_t rows_a, size_t rows_b, size_t d)
{
	float		a[CHECK_ROWS_A * CHECK_D];
	float		b[CHECK_ROWS_B * CHECK_D];
	float		transposed[CHECK_ROWS_B * CHECK_D];
	float		nt[CHECK_ROWS_A * CHECK_ROWS_B];
	float		nn[CHECK_ROWS_A * CHECK_ROWS_B];

	assert(rows_a <= CHECK_ROWS_A && rows_b <= CHECK_ROWS_B && d <= CHECK_D);
	for (size_t i = 0; i < rows_a * d; i++)
		a[i] = check_value(i / d, i % d);
	for (size_t i = 0; i < rows_b * d; i++)
	{
		b[i] = check_value(i % d + 5, i / d);
		transposed[i % d * rows_b + i / d] = b[i];
	}
	memset(nt, 0xff, sizeof(nt));	/* NaN: what was there must not count */
	memset(nn, 0xff, sizeof(nn));
	sphx_gemm_nt(rows_a, rows_b, d, a, b, nt);
	sphx_gemm_nn(rows_a, rows_b, d, a, transposed, nn);

	for (size_t i = 0; i < rows_a * rows_b; i++)
	{
		double		product = check_product(i / rows_b, i % rows_b, d);

		if (!((double) nt[i] == product && (double) nn[i] == product))
			return false;
	}
	return true;
}

static bool
double_product_is_right(size_t rows_a, size_t rows_b, size_t d)
{
	double		a[CHECK_ROWS_A * CHECK_D];
	double		b[CHECK_ROWS_B * CHECK_D];
	double		transposed[CHECK_ROWS_B * CHECK_D];
	double		nt[CHECK_ROWS_A * CHECK_ROWS_B];
	double		nn[CHECK_ROWS_A * CHECK_ROWS_B];

	assert(rows_a <= CHECK_ROWS_A && rows_b <= CHECK_ROWS_B && d <= CHECK_D);
	for (size_t i = 0; i < rows_a * d; i++)
		a[i] = (double) check_value(i / d, i % d);
	for (size_t i = 0; i < rows_b * d; i++)
	{
		b[i] = (double) check_value(i % d + 5, i / d);
		transposed[i % d * rows_b + i / d] = b[i];
	}
	memset(nt, 0xff, sizeof(nt));
	memset(nn, 0xff, sizeof(nn));
	sphx_dgemm_nt(rows_a, rows_b, d, a, b, nt);
	sphx_dgemm_nn(rows_a, rows_b, d, a, transposed, nn);

	for (size_t i = 0; i < rows_a * rows_b; i++)
	{
		double		product = check_product(i / rows_b, i % rows_b, d);

		if (!(nt[i] == product && nn[i] == product))
			return false;
	}
	return true;
}

/*
 * Builds of OpenBLAS that are older than the processor have given wrong
 * products, for some shapes only: those of small matrices have kernels of
 * their own.
 */
static bool
gemm_is_right(void)
{
	static const size_t shapes[][3] = {
		{1, 1, 1}, {7, 5, 3}, {1, CHECK_ROWS_B, CHECK_D}, {CHECK_ROWS_A, 1, CHECK_D},
		{33, 37, 67}, {64, 64, 64}, {CHECK_ROWS_A, CHECK_ROWS_B, CHECK_D}
	};

	for (size_t i = 0; i < LENGTHOF(shapes); i++)
		if (!product_is_right(shapes[i][0], shapes[i][1], shapes[i][2]) ||
			!double_product_is_right(shapes[i][0], shapes[i][1], shapes[i][2]))
			return false;
	return true;
}

/* leaves both functions set when it returns NULL; otherwise the reason */
static const char *
use_library(void *handle)
{
	find_function(handle, "sgemm_", &sgemm, sizeof(sgemm));
	find_function(handle, "dgemm_", &dgemm, sizeof(dgemm));
	if (sgemm == NULL || dgemm == NULL)
		return "the BLAS library has no function sgemm_ or dgemm_";
	if (!is_single_threaded(handle))
		return "the BLAS library does not let its threads be switched off";
	if (!gemm_is_right())
		return "the BLAS library computes wrong matrix products on this processor";
	return NULL;
}

bool
sphx_blas_load(const char **why)
{
	static const char *failure = NULL;

	if (sgemm == NULL && failure == NULL)
	{
		/* of several failures, one of a library that exists says most */
		const char *reason = "neither libopenblas.so.0 nor libblas.so.3 could be loaded";

		for (size_t i = 0; i < LENGTHOF(library_names) && sgemm == NULL; i++)
		{
			void	   *handle = open_library(library_names[i]);

			if (handle == NULL)
				continue;
			reason = use_library(handle);
			if (reason != NULL)
				sgemm = NULL;
		}
		failure = reason;
	}
	*why = failure;
	return failure == NULL;
}

/*
 * C = A B of so many rows and columns; `transposed`: B is given as its transpose.
 * Column-major, the same memory is C^T = B^T A^T.
 */
static void
multiply(size_t rows, size_t columns, size_t d, const float *a, bool transposed, const float *b,
		 float *c)
{
	const float one = 1.0f;
	const float zero = 0.0f;
	int32_t		m = (int32_t) columns;
	int32_t		n = (int32_t) rows;
	int32_t		k = (int32_t) d;

	assert(sgemm != NULL);
	assert(rows <= INT32_MAX && columns <= INT32_MAX && d >= 1 && d <= INT32_MAX);
	if (rows == 0 || columns == 0)
		return;
	sgemm(transposed ? "T" : "N", "N", &m, &n, &k, &one, b, transposed ? &k : &m, a, &k, &zero,
		  c, &m, 1, 1);
}

void
sphx_gemm_nt(size_t rows_a, size_t rows_b, size_t d, const float *a, const float *b, float *c)
{
	multiply(rows_a, rows_b, d, a, true, b, c);
}

void
sphx_gemm_nn(size_t rows_a, size_t columns_b, size_t d, const float *a, const float *b, float *c)
{
	multiply(rows_a, columns_b, d, a, false, b, c);
}

/* the same in double precision */
static void
multiply_double(size_t rows, size_t columns, size_t d, const double *a, bool transposed,
				const double *b, double *c)
{
	const double one = 1.0;
	const double zero = 0.0;
	int32_t		m = (int32_t) columns;
	int32_t		n = (int32_t) rows;
	int32_t		k = (int32_t) d;

	assert(dgemm != NULL);
	assert(rows <= INT32_MAX && columns <= INT32_MAX && d >= 1 && d <= INT32_MAX);
	if (rows == 0 || columns == 0)
		return;
	dgemm(transposed ? "T" : "N", "N", &m, &n, &k, &one, b, transposed ? &k : &m, a, &k, &zero,
		  c, &m, 1, 1);
}

void
sphx_dgemm_nt(size_t rows_a, size_t rows_b, size_t d, const double *a, const double *b,
			  double *c)
{
	multiply_double(rows_a, rows_b, d, a, true, b, c);
}

void
sphx_dgemm_nn(size_t rows_a, size_t columns_b, size_t d, const double *a, const double *b,
			  double *c)
{
	multiply_double(rows_a, columns_b, d, a, false, b, c);
}
