#include <math.h>
#include <string.h>
#include <stdlib.h>
#include "math/train/spectrum.h"
#include "math/base/random.h"
#include "math/base/blas.h"
#include "math/kernels/kernels.h"
#define K 16
static void orth(int D, int r, float *q)
{
	for (int i = 0; i < r; i++) for (int pass = 0; pass < 2; pass++) {
		float *v = q + (size_t) i * D;
		for (int k = 0; k < i; k++) { float s = sphx_kernels->dot_f32(v, q + (size_t) k * D, D); for (int j = 0; j < D; j++) v[j] -= s * q[(size_t) k * D + j]; }
		float n = sqrtf(sphx_kernels->dot_f32(v, v, D)); if (n > 1e-20f) for (int j = 0; j < D; j++) v[j] /= n; }
}
SphxSpectrum *
sphx_spectrum_train(SphxEnv *env, int n, const float *x, int D, int most, uint64_t seed)
{
	int A = n < 1024 ? n : 1024, ne = 0, nl = 0; double lid = 0, len = 0;
	float *E = env->alloc(env, sizeof(float) * (size_t) A * K * D);
	float *dist = env->alloc(env, sizeof(float) * n), *sq = env->alloc(env, sizeof(float) * n);
	float *row = env->alloc(env, sizeof(float) * D), *vec = env->alloc(env, sizeof(float) * (size_t) (most + 1) * D);
	SphxSpectrum *s;
	for (int i = 0; i < n; i++) sq[i] = sphx_kernels->dot_f32(x + (size_t) i * D, x + (size_t) i * D, D);
	for (int a = 0; a < A; a++) {
		int i = (int) ((size_t) a * n / A), best[K], nb = 0; float bd[K];
		sphx_gemm_nt(1, n, D, x + (size_t) i * D, x, dist);
		for (int r = 0; r < n; r++) { float d = sq[r] + sq[i] - 2 * dist[r]; if (r == i || d <= 1e-6f * sq[i]) continue;
			if (nb < K || d < bd[nb-1]) { int k = nb < K ? nb++ : K - 1; while (k > 0 && bd[k-1] > d) { bd[k] = bd[k-1]; best[k] = best[k-1]; k--; } bd[k] = d; best[k] = r; } }
		if (nb > 2) { double t = 0; for (int k = 0; k < nb - 1; k++) t += .5 * log(bd[k] / bd[nb-1]); if (t < 0) { lid += -(nb - 1) / t; nl++; } }
		for (int k = 0; k < nb; k++) { float l = 1 / sqrtf(bd[k]); len += sqrtf(bd[k]); for (int j = 0; j < D; j++) E[(size_t) ne * D + j] = (x[(size_t) best[k] * D + j] - x[(size_t) i * D + j]) * l; ne++; }
		env->tick(env, a, A);
	}
	if (most > ne / 8) most = ne / 8;
	if (most > D) most = D;
	int half = ne / 2;
	/* two copies: train on even edges */
	float *T = env->alloc(env, sizeof(float) * (size_t) (half + 1) * D), *Y = env->alloc(env, sizeof(float) * (size_t) (half + 1) * (most + 1)), *Tt, *Yt;
	Tt = env->alloc(env, sizeof(float) * (size_t) (half + 1) * D); Yt = env->alloc(env, sizeof(float) * (size_t) (half + 1) * (most + 1));
	SphxRandom rnd; sphx_random_seed(&rnd, seed);
	/* anchors alternate: K edges each */
	int m = 0; for (int e = 0; e < ne && m < half; e++) if ((e / K) % 2 == 0) memcpy(T + (size_t) m++ * D, E + (size_t) e * D, sizeof(float) * D);
	for (int i = 0; i < m; i++) for (int j = 0; j < D; j++) Tt[(size_t) j * m + i] = T[(size_t) i * D + j];
	for (size_t i = 0; i < (size_t) most * D; i++) vec[i] = (float) ((double) (sphx_random_u64(&rnd) >> 11) / 9007199254740992.0 - .5);
	if (most > 0) { orth(D, most, vec);
	for (int it = 0; it < 12; it++) {
		sphx_gemm_nt(most, m, D, vec, T, Y);            /* most x m */
		sphx_gemm_nt(most, D, m, Y, Tt, vec);           /* most x D */
		orth(D, most, vec); env->tick(env, it, 12);
	} }
	s = env->alloc(env, sizeof(SphxSpectrum) + sizeof(float) * ((size_t) most * D + most + 1));
	s->D = D; s->count = most; s->vectors = (float *) (s + 1); s->variances = s->vectors + (size_t) most * D;
	/* variances on the other half; then sort descending */
	double *v = env->alloc(env, sizeof(double) * (most + 1)); int *o = env->alloc(env, sizeof(int) * (most + 1)); int c = 0; double tot = 0;
	for (int i = 0; i < most; i++) { v[i] = 0; o[i] = i; }
	for (int e = 0; e < ne; e++) if ((e / K) % 2 == 1) { c++; for (int i = 0; i < most; i++) { float d = sphx_kernels->dot_f32(E + (size_t) e * D, vec + (size_t) i * D, D); v[i] += d * d; } }
	for (int i = 0; i < most; i++) for (int k = i; k > 0 && v[o[k]] > v[o[k-1]]; k--) { int t = o[k]; o[k] = o[k-1]; o[k-1] = t; }
	for (int i = 0; i < most; i++) { s->variances[i] = (float) (v[o[i]] / (c > 0 ? c : 1)); tot += s->variances[i]; memcpy(s->vectors + (size_t) i * D, vec + (size_t) o[i] * D, sizeof(float) * D); }
	s->rest = D > most ? (float) fmax((1 - tot) / (D - most), 1e-9) : 0;
	if (D == most) for (int i = 0; i < most; i++) s->variances[i] /= (float) tot;
	s->intrinsic = nl > 0 ? (float) (lid / nl) : 25; s->length = ne > 0 ? (float) (len / ne) : 1;
	(void) row; env->release(env, E); env->release(env, T); env->release(env, Tt); env->release(env, Y); env->release(env, Yt); env->release(env, dist); env->release(env, sq); env->release(env, vec); env->release(env, v); env->release(env, o); env->release(env, row);
	return s;
}
