/* Which kernels run: the widest that the processor has, unless ITEMSAGE_ISA names another. */
#include "kern.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const isas_best_first[] = {"avx512", "avx2", "scalar"};
enum { N_ISAS = sizeof isas_best_first / sizeof isas_best_first[0] };

const sage_ops *sage_ops_of(const char *isa) {
#if SAGE_X86
    __builtin_cpu_init();
    if (strcmp(isa, "avx512") == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        return &sage_ops_avx512;
    if (strcmp(isa, "avx2") == 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &sage_ops_avx2;
#endif
    return strcmp(isa, "scalar") == 0 ? &sage_ops_scalar : NULL;
}

static const char *forced_isa(void) {
    const char *forced = getenv("ITEMSAGE_ISA");
    return forced != NULL && forced[0] != '\0' ? forced : NULL;
}

const sage_ops *sage_ops_best(void) {
    static _Atomic(const sage_ops *) chosen;
    const sage_ops *ops = atomic_load_explicit(&chosen, memory_order_acquire);
    if (ops != NULL) return ops;
    if (forced_isa() != NULL) ops = sage_ops_of(forced_isa());
    for (size_t i = 0; i < N_ISAS && ops == NULL; i++) ops = sage_ops_of(isas_best_first[i]);
    atomic_store_explicit(&chosen, ops, memory_order_release); /* two threads that meet here store the same */
    return ops;
}

static char advice[160];

static void write_advice(void) {
    const char *forced = forced_isa();
    if (forced == NULL || sage_ops_of(forced) != NULL) return;
    for (size_t i = 0; i < N_ISAS; i++)
        if (strcmp(forced, isas_best_first[i]) == 0) {
            snprintf(advice, sizeof advice, "ITEMSAGE_ISA asks for %s, which this processor or build lacks: %s runs",
                     forced, sage_isa());
            return;
        }
    snprintf(advice, sizeof advice, "ITEMSAGE_ISA is \"%.40s\", not one of avx512, avx2, scalar: %s runs", forced,
             sage_isa());
}

const char *sage_isa_advice(void) {
    static pthread_once_t written = PTHREAD_ONCE_INIT;
    pthread_once(&written, write_advice);
    return advice[0] != '\0' ? advice : NULL;
}

const char *sage_isa(void) {
    return sage_ops_best()->isa;
}
