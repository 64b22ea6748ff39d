#ifndef SPHX_SPECTRUM_H
#define SPHX_SPECTRUM_H
#include "math/base/env.h"
typedef struct SphxSpectrum { int D; int count; float *vectors; float *variances; float rest; float intrinsic; float length; } SphxSpectrum;
extern SphxSpectrum *sphx_spectrum_train(SphxEnv *env, int n, const float *sample, int D, int most, uint64_t seed);
#endif
