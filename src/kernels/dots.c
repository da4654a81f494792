/* The scalar truth of dots.h, and which of the faster ones runs. */
#include "dots_x86.h"
#include <kernels/kernels.h>
#include <stdatomic.h>
#include <string.h>

static void dots_scalar(size_t dim, size_t n, const uint32_t *rows, const int8_t *vector, const int8_t *table,
                        size_t ld, int32_t *out) {
    for (size_t i = 0; i < n; i++) {
        const int8_t *row = table + rows[i] * ld;
        int32_t sum = 0;
        for (size_t c = 0; c < dim; c++) sum += vector[c] * row[c];
        out[i] = sum;
    }
}

sage_dots_int8_fn sage_dots_int8_of(const char *isa) {
#if SAGE_DOTS_X86
    __builtin_cpu_init();
    if (strcmp(isa, "vnni") == 0 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni"))
        return sage_dots_int8_vnni;
    if (strcmp(isa, "avx2") == 0 && __builtin_cpu_supports("avx2")) return sage_dots_int8_avx2;
#endif
    return strcmp(isa, "scalar") == 0 ? dots_scalar : NULL;
}

sage_dots_int8_fn sage_dots_int8_best(void) {
    static _Atomic(sage_dots_int8_fn) chosen;
    sage_dots_int8_fn best = atomic_load_explicit(&chosen, memory_order_acquire);
    if (best != NULL) return best;
    if (strcmp(sage_isa(), "avx512") == 0) best = sage_dots_int8_of("vnni");
    if (best == NULL && strcmp(sage_isa(), "scalar") != 0) best = sage_dots_int8_of("avx2");
    if (best == NULL) best = dots_scalar;
    atomic_store_explicit(&chosen, best, memory_order_release); /* two threads that meet here store the same */
    return best;
}
