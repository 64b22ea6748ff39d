/*-------------------------------------------------------------------------
 *
 * basis.c
 *	  The coordinates that an index has its vectors in: rotated, and moved.
 *
 *-------------------------------------------------------------------------
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "math/base/basis.h"

/* a basis that has no reflectors yet */
static SphxBasis *
create(SphxEnv *env, int D, int count, const float *center)
{
	SphxBasis  *basis = env->alloc(env, sizeof(SphxBasis));

	assert(D > 0 && count >= 0 && count <= D);
	basis->D = D;
	basis->count = count;
	basis->center = NULL;
	basis->reflectors = NULL;
	basis->scratch = env->alloc(env, sizeof(float) * (SPHX_REFLECT_ROWS * (size_t) count + 1));
	if (center != NULL)
	{
		basis->center = env->alloc(env, sizeof(float) * (size_t) D);
		memcpy(basis->center, center, sizeof(float) * (size_t) D);
	}
	return basis;
}

SphxBasis *
sphx_basis_create(SphxEnv *env, int D, int count, const float *vectors, const float *center)
{
	SphxBasis  *basis = create(env, D, count, center);

	if (count > 0)
		basis->reflectors = sphx_reflectors_create(env, D, count, vectors);
	return basis;
}

void
sphx_basis_release(SphxEnv *env, SphxBasis *basis)
{
	if (basis->reflectors != NULL)
		env->release(env, basis->reflectors);
	if (basis->center != NULL)
		env->release(env, basis->center);
	env->release(env, basis->scratch);
	env->release(env, basis);
}

static size_t
center_bytes(int D, bool centered)
{
	return centered ? sizeof(float) * (size_t) D : 0;
}

size_t
sphx_basis_bytes(int D, int count, bool centered)
{
	return center_bytes(D, centered) + (count > 0 ? sphx_reflectors_bytes(D, count) : 0);
}

void
sphx_basis_write(const SphxBasis *basis, void *bytes)
{
	size_t		center = center_bytes(basis->D, basis->center != NULL);

	if (basis->center != NULL)
		memcpy(bytes, basis->center, center);
	if (basis->reflectors != NULL)
		sphx_reflectors_write(basis->reflectors, (char *) bytes + center);
}

SphxBasis *
sphx_basis_read(SphxEnv *env, int D, int count, bool centered, const void *bytes)
{
	size_t		center = center_bytes(D, centered);
	SphxBasis  *basis = create(env, D, count, centered ? bytes : NULL);

	for (int i = 0; centered && i < D; i++)
		if (!isfinite(basis->center[i]))
			return NULL;
	if (count > 0)
		basis->reflectors = sphx_reflectors_read(env, D, count, (const char *) bytes + center);
	return basis;
}

void
sphx_basis_apply(const SphxBasis *basis, float *x)
{
	if (basis->center != NULL)
		for (int i = 0; i < basis->D; i++)
			x[i] -= basis->center[i];
	if (basis->reflectors != NULL)
		sphx_reflect(basis->reflectors, x, basis->scratch);
}

void
sphx_basis_apply_rows(const SphxBasis *basis, size_t n, float *x, size_t stride)
{
	for (size_t row = 0; basis->center != NULL && row < n; row++)
		for (int i = 0; i < basis->D; i++)
			x[row * stride + (size_t) i] -= basis->center[i];
	if (basis->reflectors != NULL)
		sphx_reflect_rows(basis->reflectors, n, x, stride, basis->scratch);
}
