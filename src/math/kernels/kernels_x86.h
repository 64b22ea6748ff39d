/*-------------------------------------------------------------------------
 *
 * kernels_x86.h
 *	  Instruction sets of x86-64 as attributes of functions, and the kernels
 *	  of edge codes, which have files of their own.
 *
 * Included only by kernels_avx*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SPHX_KERNELS_X86_H
#define SPHX_KERNELS_X86_H

#include "math/kernels/kernels_private.h"

#define AVX2		__attribute__((target("avx2")))
#define AVX2_FMA	__attribute__((target("avx2,fma")))
#define AVX2_F16C	__attribute__((target("avx2,f16c")))
#define AVX2_INLINE inline __attribute__((always_inline, target("avx2")))
#define FMA_INLINE	inline __attribute__((always_inline, target("avx2,fma")))

/* compilers that know these, and whose test for them asks the operating system too */
#if defined(__x86_64__) && (defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 8))
#define SPHX_HAVE_AVX512
#endif

#define AVX512_SET	"avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vnni"
#define AVX512		__attribute__((target(AVX512_SET)))
#define AVX512_INLINE inline __attribute__((always_inline, target(AVX512_SET)))

extern void sphx_decode_i6_avx2(const uint8_t *v, float scale, float *x, size_t n);
extern void sphx_decode_i4_avx2(const uint8_t *v, float scale, float *x, size_t n);
extern void sphx_decode_i2_avx2(const uint8_t *v, float scale, float *x, size_t n);
extern float sphx_step_error_avx2(const float *x, size_t n, float scale, float limit, float offset);
extern float sphx_amax_f32_avx2(const float *x, size_t n);
extern void sphx_axpy4_f32_avx2(float *x, const float *rows, size_t stride, const float a[4],
								size_t n);
extern void sphx_subtract_f32_avx2(const float *q, float *x, size_t n);
extern float sphx_table_levels_avx2(const float *x, size_t D, float amax, uint8_t *table);
extern void sphx_butterfly_f32_avx2(float *a, float *b, size_t n);
extern void sphx_hadamard_f32_avx2(float *x, size_t n);
extern float sphx_table_orthoplex_avx2(const float *x, size_t D, float amax, uint8_t *table);
extern float sphx_table_signs_avx2(const float *x, size_t D, float amax, uint8_t *table);
extern float sphx_table_lloyd_avx2(const float *x, size_t D, float amax, uint8_t *table);
extern void sphx_code_sums_avx2(const uint8_t *codes, size_t pieces, int width,
								const uint8_t *table, int32_t *sums);
extern void sphx_grouped_sums_avx2(const uint8_t *codes, size_t pieces, int width,
								   const uint8_t *table, int32_t *sums);
extern void sphx_estimate_avx2(const int32_t *sums, const uint8_t *length, const uint8_t *gain,
							   uint32_t length_base, float r2, float unit2, int n, float *est);

extern float sphx_table_orthoplex_avx512(const float *x, size_t D, float amax, uint8_t *table);
extern float sphx_table_signs_avx512(const float *x, size_t D, float amax, uint8_t *table);
extern float sphx_table_lloyd_avx512(const float *x, size_t D, float amax, uint8_t *table);
extern void sphx_code_sums_avx512(const uint8_t *codes, size_t pieces, int width,
								  const uint8_t *table, int32_t *sums);
extern void sphx_grouped_sums_avx512(const uint8_t *codes, size_t pieces, int width,
									 const uint8_t *table, int32_t *sums);
extern void sphx_estimate_avx512(const int32_t *sums, const uint8_t *length, const uint8_t *gain,
								 uint32_t length_base, float r2, float unit2, int n, float *est);

#endif							/* SPHX_KERNELS_X86_H */
