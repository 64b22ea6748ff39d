/*-------------------------------------------------------------------------
 *
 * backwards.c
 *	  A BLAS for tests: the two products that sphx uses, summed from the last
 *	  term to the first.
 *
 * Found in place of the system's library it shows what the order of a sum has
 * a say in; and where there is none, as under an emulator, it is one.
 *
 *-------------------------------------------------------------------------
 */
#include <stddef.h>
#include <stdint.h>

#define DEFINE_GEMM(name, type) \
extern void name(const char *trans_a, const char *trans_b, const int32_t *m, \
				 const int32_t *n, const int32_t *k, const type *alpha, const type *a, \
				 const int32_t *lda, const type *b, const int32_t *ldb, const type *beta, \
				 type *c, const int32_t *ldc); \
void \
name(const char *trans_a, const char *trans_b, const int32_t *m, const int32_t *n, \
	 const int32_t *k, const type *alpha, const type *a, const int32_t *lda, \
	 const type *b, const int32_t *ldb, const type *beta, type *c, const int32_t *ldc) \
{ \
	ptrdiff_t	row_a = *trans_a == 'T' ? *lda : 1; \
	ptrdiff_t	column_a = *trans_a == 'T' ? 1 : *lda; \
	ptrdiff_t	row_b = *trans_b == 'T' ? *ldb : 1; \
	ptrdiff_t	column_b = *trans_b == 'T' ? 1 : *ldb; \
 \
	for (ptrdiff_t j = 0; j < *n; j++) \
		for (ptrdiff_t i = 0; i < *m; i++) \
		{ \
			type	   *to = &c[i + j * *ldc]; \
			type		sum = 0; \
 \
			for (ptrdiff_t l = *k; l-- > 0;) \
				sum += a[i * row_a + l * column_a] * b[l * row_b + j * column_b]; \
			*to = *alpha * sum + (*beta == 0 ? 0 : *beta * *to); \
		} \
}

DEFINE_GEMM(sgemm_, float)
DEFINE_GEMM(dgemm_, double)
