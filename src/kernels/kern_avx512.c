/* The ops for AVX-512 (F and DQ): 16 floats a vector. */
#include "kern.h"

#if SAGE_X86
#include <immintrin.h>
#include <string.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,fma")
#pragma GCC optimize("O3")
#endif

#define VB             64
#define V_PART         16
#define V_FMA(a, b, c) ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define V_SUM(a)       _mm512_reduce_add_ps((__m512)(a))
#define V_MAX(a, b)    ((vf)_mm512_max_ps((__m512)(a), (__m512)(b)))
#define V_MIN(a, b)    ((vf)_mm512_min_ps((__m512)(a), (__m512)(b)))
#define V_SQRT(a)      ((vf)_mm512_sqrt_ps((__m512)(a)))
#define V_OPS          sage_ops_avx512
#define V_ISA          "avx512"
#include "kern_vec.h"

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#else
typedef int sage_no_avx512; /* this build has none */
#endif
