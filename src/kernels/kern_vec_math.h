/* Vectors of VL floats and the functions of them that libm has only for one number. Part of kern_vec.h, included once
 * by each ISA's file. */
typedef float vf __attribute__((vector_size(VB)));
typedef int32_t vi __attribute__((vector_size(VB)));
typedef float vf_memory
    __attribute__((vector_size(VB), aligned(4), may_alias)); /* as it lies in memory: any alignment of a float */
#define VL     (VB / 4)
#define INLINE static inline __attribute__((always_inline))

INLINE vf load(const float *p) {
    return (vf) * (const vf_memory *)(const void *)p;
}

INLINE void store(float *p, vf x) {
    *(vf_memory *)(void *)p = (vf_memory)x;
}

/* The first n floats, 1 <= n <= VL, the rest zeros; in front of the end of an array. Where n is VL when compiled, as
 * load and store. */
INLINE vf load_part(const float *p, size_t n) {
    return n == VL ? load(p) : V_LOAD_PART(p, n, (vf){0});
}

INLINE void store_part(float *p, size_t n, vf x) {
    if (n == VL)
        store(p, x);
    else
        V_STORE_PART(p, n, x);
}

typedef float v4 __attribute__((vector_size(16)));
typedef float v4_memory __attribute__((vector_size(16), aligned(4), may_alias));

INLINE v4 load4(const float *p) {
    return (v4) * (const v4_memory *)(const void *)p;
}

INLINE void store4(float *p, v4 x) {
    *(v4_memory *)(void *)p = (v4_memory)x;
}

INLINE vf all(float x) {
    return V_ALL(x);
}

/* e^x: x = n ln 2 + r, a polynomial for e^r (Cephes expf), and n into the exponent. Under -87 (where the ISA scales by
 * a power of 2: under -104) exactly 0; above 88 as at 88, or infinite. */
INLINE vf vexp(vf x) {
#ifdef V_SCALE
    x = V_MAX(x, all(-105.0f));
#else
    vi keep = x > all(-87.0f);
    x = V_MIN(V_MAX(x, all(-87.0f)), all(88.0f));
#endif
    vf n = V_FMA(x, all(1.44269504088896341f), all(12582912.0f)) -
           all(12582912.0f); /* 1.5 * 2^23 rounds to the nearest integer */
    vf r = V_FMA(n, all(-0.693359375f), x);
    r = V_FMA(n, all(2.12194440e-4f), r);
    vf r2 = r * r; /* pairs of terms, so that the chain of sums is short */
    vf high = V_FMA(all(1.9875691500e-4f), r, all(1.3981999507e-3f));
    vf middle = V_FMA(all(8.3334519073e-3f), r, all(4.1665795894e-2f));
    vf low = V_FMA(all(1.6666665459e-1f), r, all(5.0000001201e-1f));
    vf p = V_FMA(V_FMA(V_FMA(high, r2, middle), r2, low), r2, r + all(1.0f));
#ifdef V_SCALE
    return V_SCALE(p, n);
#else
    return (vf)(((vi)p + (__builtin_convertvector(n, vi) << 23)) & keep);
#endif
}

/* Phi(x), and e = exp(-x^2/2) of which both Phi and the density are made: 1 - Phi(|x|) = t (b1 + t (b2 + ...)) e / 2,
 * A&S 7.1.26. */
INLINE vf vphi(vf x, vf *e) {
    vi sign = (vi)x & INT32_MIN;
    vf a = (vf)((vi)x ^ sign);
    *e = vexp(x * x * all(-0.5f));
    vf t = all(1.0f) / V_FMA(a, all(0.3275911f * 0.70710678118654752f), all(1.0f));
    vf t2 = t * t;
    vf high = V_FMA(all(1.061405429f * 0.5f), t, all(-1.453152027f * 0.5f));
    vf low = V_FMA(all(1.421413741f * 0.5f), t, all(-0.284496736f * 0.5f));
    vf p = V_FMA(V_FMA(high, t2, low), t, all(0.254829592f * 0.5f));
    vf tail = p * t * *e;
    vi negative = sign >> 31;
    return (vf)(((vi)tail & negative) | ((vi)(all(1.0f) - tail) & ~negative));
}
