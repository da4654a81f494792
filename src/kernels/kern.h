/* Inside the room: the tables of each ISA, and libm by the width of `real`. */
#ifndef SAGE_KERNELS_KERN_H
#define SAGE_KERNELS_KERN_H

#include <kernels/kernels.h>
#include <math.h>

#if defined(__x86_64__) && !defined(SAGE_REAL_F64)
#define SAGE_X86 1
#else
#define SAGE_X86 0
#endif

#define SAGE_NORM_EPS ((real)1e-5)
/* What a row is multiplied by on its way to int8. Of a row this small the inverse would be infinite; it becomes zeros.
 */
#define SAGE_INT8_INVERSE(max) ((max) > (real)1e-36 ? 127 / (max) : 0)

extern const sage_ops sage_ops_scalar;
#if SAGE_X86
extern const sage_ops sage_ops_avx2;
extern const sage_ops sage_ops_avx512;
#endif

#ifdef SAGE_REAL_F64
static inline real real_exp(real x) {
    return exp(x);
}
static inline real real_erfc(real x) {
    return erfc(x);
}
static inline real real_sqrt(real x) {
    return sqrt(x);
}
static inline real real_abs(real x) {
    return fabs(x);
}
static inline real real_nearest(real x) {
    return nearbyint(x);
}
#else
static inline real real_exp(real x) {
    return expf(x);
}
static inline real real_erfc(real x) {
    return erfcf(x);
}
static inline real real_sqrt(real x) {
    return sqrtf(x);
}
static inline real real_abs(real x) {
    return fabsf(x);
}
static inline real real_nearest(real x) {
    return nearbyintf(x);
}
#endif

#endif
