/* The ops for AVX2 and FMA: 8 floats a vector. */
#include "kern.h"

#if SAGE_X86
#include <immintrin.h>
#include <string.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#pragma GCC optimize("O3")
#endif

static inline __attribute__((always_inline)) float sum_of_8(__m256 x) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

#define VB             32
#define V_PART         8
#define V_FMA(a, b, c) ((vf)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define V_SUM(a)       sum_of_8((__m256)(a))
#define V_MAX(a, b)    ((vf)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define V_MIN(a, b)    ((vf)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define V_SQRT(a)      ((vf)_mm256_sqrt_ps((__m256)(a)))
#define V_OPS          sage_ops_avx2
#define V_ISA          "avx2"
#include "kern_vec.h"

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
typedef int sage_no_avx2; /* this build has none */
#endif
