/* Ceilings: short samples, the best of which counts. */
#include "peak_loops.h"
#include <base/alloc.h>
#include <base/report.h>
#include <kernels/peak.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 8000, /* of a loop in registers: some tens of microseconds */
    LOOPS = 8,     /* samples of it beside each product */
    M = 128,
    N = 512, /* rows, and the size of the square weights */
    SAMPLES = 16,
    READS = 5
};
static const double ENOUGH_S = 0.008, MOST_S = 0.04; /* spent on products, where they are slow or others are busy */
static const double GOOD = 0.75, POOR = 0.6;         /* shares of the peak */

static double larger(double a, double b) {
    return a > b ? a : b;
}

static double loop_flops(sage_precision precision) {
    sage_peak_loop loop = sage_peak_loop_of(precision);
    double best = 0;
    for (int i = 0; i < LOOPS; i++) {
        double began = sage_now_s(), operations = loop(ROUNDS);
        best = larger(best, operations / (sage_now_s() - began));
    }
    return best;
}

double sage_peak_flops(sage_precision precision) {
    return larger(loop_flops(precision), loop_flops(precision));
}

/* Samples of both by turns, so that both meet the same machine. */
static void measure_products(sage_peak *peak, sage_precision precision, const sage_weights *w, const real *x, real *y) {
    double spent = 0;
    sage_weights_forward(w, M, x, N, false, y, N); /* compiles, and reserves */
    for (int i = 0; i < SAMPLES && spent < MOST_S && (spent < ENOUGH_S || peak->gemm_flops < GOOD * peak->flops); i++) {
        double began = sage_now_s();
        sage_weights_forward(w, M, x, N, false, y, N);
        double taken = sage_now_s() - began;
        spent += taken;
        peak->gemm_flops = larger(peak->gemm_flops, 2.0 * M * N * N / taken);
        if (i % 4 == 0) peak->flops = larger(peak->flops, loop_flops(precision));
    }
}

void sage_peak_measure(sage_precision precision, sage_peak *peak) {
    sage_weights *w = NULL;
    real *x = sage_alloc_aligned((size_t)N * N * sizeof *x), *y = sage_alloc_aligned((size_t)M * N * sizeof *y);
    *peak = (sage_peak){.flops = loop_flops(precision)};
    if (x != NULL && y != NULL && sage_weights_new(N, N, precision, false, &w, NULL) == SAGE_OK) {
        for (size_t i = 0; i < (size_t)N * N; i++) x[i] = (real)(i % 7) - 3;
        sage_weights_set(w, x, N);
        measure_products(peak, precision, w, x, y);
    }
    sage_weights_free(w);
    sage_free(x);
    sage_free(y);
}

/* ---- memory ---- */

typedef uint64_t line __attribute__((vector_size(16)));

static uint64_t read_block(const line *block, size_t n) {
    line sums[8] = {{0}};
    for (size_t i = 0; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++) sums[j] += block[i + j];
    for (size_t j = 1; j < 8; j++) sums[0] += sums[j];
    return sums[0][0] + sums[0][1];
}

double sage_peak_read_bandwidth(size_t bytes) {
    double best = 0;
    line *block = sage_alloc_aligned(bytes);
    if (block == NULL) return 0;
    sage_huge_pages(block, bytes);
    memset(block, 1, bytes);
    for (int i = 0; i < READS; i++) {
        double began = sage_now_s();
        uint64_t sum = read_block(block, bytes / sizeof *block);
        __asm__ volatile("" : : "r"(sum)); /* it is of use */
        best = larger(best, (double)bytes / (sage_now_s() - began));
    }
    sage_free(block);
    return best;
}

/* ---- advice ---- */

static char advice[256];

static const char *set_in_environment(const char *const *names) {
    for (; *names != NULL; names++)
        if (getenv(*names) != NULL) return *names;
    return NULL;
}

/* Why products may be slow here, and what to do; NULL where nothing is known to be amiss. */
static const char *suspicion(bool onednn) {
    static const char *const isa[] = {"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", NULL};
    static const char *const core[] = {"OPENBLAS_CORETYPE", NULL};
    static char text[96];
    const char *forced = set_in_environment(onednn ? isa : core);
    if (forced == NULL) return onednn ? NULL : "install oneDNN 2 (libdnnl-dev) and build again";
    snprintf(text, sizeof text, "%s is set in the environment: unset it", forced);
    return text;
}

static void advise(void) {
    enum { TRIES = 3 };
    const char *name = sage_gemm_name(SAGE_PRECISION_F32);
    const char *what = suspicion(strncmp(name, "oneDNN", 6) == 0);
    sage_peak peak;
    double share = 0;
    if (what == NULL) return;
    for (int i = 0; i < TRIES && share < POOR; i++) {
        sage_peak_measure(SAGE_PRECISION_F32, &peak);
        if (peak.gemm_flops <= 0) return;
        share = larger(share, peak.gemm_flops / peak.flops);
    }
    if (share < POOR)
        snprintf(advice, sizeof advice, "matrix products (%s) reach %.0f %% of what the processor can do; %s", name,
                 100 * share, what);
}

const char *sage_gemm_advice(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, advise);
    return advice[0] != '\0' ? advice : NULL;
}
