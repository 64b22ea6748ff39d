#ifndef SPHX_REFLECT_H
#define SPHX_REFLECT_H
#include "math/base/env.h"
typedef struct SphxReflectors SphxReflectors;
extern SphxReflectors *sphx_reflectors_create(SphxEnv *env, int D, int count, const float *vectors);
extern size_t sphx_reflectors_bytes(int D, int count);
extern void sphx_reflectors_write(const SphxReflectors *r, void *bytes);
extern SphxReflectors *sphx_reflectors_read(SphxEnv *env, int D, int count, const void *bytes);
extern void sphx_reflect(const SphxReflectors *r, float *x, float *scratch);
extern int sphx_reflectors_count(int D);
#endif
