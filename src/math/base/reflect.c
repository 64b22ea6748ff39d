#include <math.h>
#include <string.h>
#include <stdint.h>
#include "math/base/reflect.h"
#include "math/kernels/kernels.h"
/* draft: reflectors one after the other; row i is v_i (norm^2 = 2), zero before i */
struct SphxReflectors { int D; int count; float v[]; };
static void apply1(const float *v, int D, float *x)
{
	float s = sphx_kernels->dot_f32(v, x, (size_t) D);
	for (int j = 0; j < D; j++) x[j] -= s * v[j];
}
static SphxReflectors *mk(SphxEnv *env, int D, int count)
{
	SphxReflectors *r = env->alloc(env, sizeof(SphxReflectors) + sizeof(float) * (size_t) D * (size_t) count);
	r->D = D; r->count = count; return r;
}
SphxReflectors *
sphx_reflectors_create(SphxEnv *env, int D, int count, const float *vectors)
{
	SphxReflectors *r = mk(env, D, count);
	float *w = env->alloc(env, sizeof(float) * (size_t) D);
	for (int i = 0; i < count; i++)
	{
		float *v = r->v + (size_t) i * (size_t) D; double n = 0;
		memcpy(w, vectors + (size_t) i * (size_t) D, sizeof(float) * (size_t) D);
		for (int k = 0; k < i; k++) apply1(r->v + (size_t) k * (size_t) D, D, w);
		for (int j = 0; j < i; j++) w[j] = 0;
		{ double s = 0; for (int j = i; j < D; j++) s += (double) w[j] * w[j]; s = sqrt(s); for (int j = i; j < D; j++) w[j] = (float) (w[j] / (s > 0 ? s : 1)); }
		memcpy(v, w, sizeof(float) * (size_t) D);
		v[i] -= 1.0f;
		for (int j = i; j < D; j++) n += (double) v[j] * v[j];
		if (n < 1e-12) memset(v, 0, sizeof(float) * (size_t) D);
		else for (int j = 0; j < D; j++) v[j] = (float) (v[j] * sqrt(2.0 / n));
	}
	env->release(env, w);
	return r;
}
size_t sphx_reflectors_bytes(int D, int count) { return sizeof(float) * (size_t) D * (size_t) count; }
void sphx_reflectors_write(const SphxReflectors *r, void *bytes) { memcpy(bytes, r->v, sphx_reflectors_bytes(r->D, r->count)); }
SphxReflectors *sphx_reflectors_read(SphxEnv *env, int D, int count, const void *bytes)
{ SphxReflectors *r = mk(env, D, count); memcpy(r->v, bytes, sphx_reflectors_bytes(D, count)); return r; }
void sphx_reflect(const SphxReflectors *r, float *x, float *scratch)
{ (void) scratch; for (int i = 0; i < r->count; i++) apply1(r->v + (size_t) i * (size_t) r->D, r->D, x); }
int sphx_reflectors_count(int D) { int r = D > 256 ? 65536 / D : D; return r < 128 && D > 128 ? (D < 1024 ? 128 : 128 + (D - 1024) / 8) : r < D ? r : D; }
