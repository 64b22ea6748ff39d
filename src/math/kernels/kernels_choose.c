/*-------------------------------------------------------------------------
 *
 * kernels_choose.c
 *	  The kernel table in force and its chooser.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "math/kernels/kernels.h"
#include "math/kernels/kernels_x86.h"

const SphxKernels *sphx_kernels = &sphx_kernels_scalar_table;

/* levels that sphx_kernels_choose(SPHX_SIMD_AUTO) tries, best first */
static const SphxSimd preference[] = {
	SPHX_SIMD_AVX512, SPHX_SIMD_AVX2, SPHX_SIMD_NEON, SPHX_SIMD_SCALAR
};

/* the table of a level, NULL when it was not built */
static const SphxKernels *
level_table(SphxSimd level)
{
	switch (level)
	{
		case SPHX_SIMD_SCALAR:
			return sphx_kernels_scalar();
		case SPHX_SIMD_AVX2:
			return sphx_kernels_avx2();
		case SPHX_SIMD_AVX512:
			return sphx_kernels_avx512();
		case SPHX_SIMD_NEON:
			return sphx_kernels_neon();
		case SPHX_SIMD_AUTO:
			break;
	}
	return NULL;
}

#ifdef __x86_64__
/* not known to the test below of every compiler; its registers are those of AVX2 */
static bool
has_f16c(void)
{
	unsigned	eax,
				ebx,
				ecx,
				edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C) != 0;
}
#endif

/*
 * Does this processor have what the level uses, and does the operating system
 * keep its registers?  The compiler's test asks both.
 */
#ifdef __x86_64__
static bool
processor_supports(SphxSimd level)
{
	__builtin_cpu_init();
#ifdef SPHX_HAVE_AVX512
	if (level == SPHX_SIMD_AVX512)
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
			__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
			__builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
#endif
	if (level == SPHX_SIMD_AVX2)
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
	return true;
}
#else
/* NEON is part of every 64-bit Arm processor */
static bool
processor_supports(SphxSimd level)
{
	(void) level;
	return true;
}
#endif

bool
sphx_kernels_available(SphxSimd level)
{
	return level == SPHX_SIMD_AUTO || (level_table(level) != NULL && processor_supports(level));
}

bool
sphx_kernels_choose(SphxSimd level)
{
	if (level == SPHX_SIMD_AUTO)
	{
		size_t		i = 0;

		while (!sphx_kernels_available(preference[i]))
			i++;
		level = preference[i];
	}
	if (!sphx_kernels_available(level))
		return false;
	sphx_kernels = level_table(level);
	assert(sphx_kernels != NULL && sphx_kernels->level == level);
	return true;
}
