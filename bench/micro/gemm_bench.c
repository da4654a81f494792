/* Matrix products of the encoder's shapes against what the processor can do: gemm_bench [NAME [SECONDS]]
 *
 * Each shape whose name begins with NAME (default: all), in every precision, as a product of two matrices and with
 * weights that were laid out before, on one thread and on two at once; SECONDS (default 0.1) of samples each, a loop of
 * multiply-adds in registers timed beside every one. One line of JSON each, speeds a thread, the best samples. */
#include <base/report.h>
#include <kernels/peak.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct shape {
    const char *name;
    bool ta, tb;
    size_t m, n, k;
    size_t gap_a, gap_c; /* row strides are so much longer than the rows */
} shape;

/* Of the preset "paper": width 512, feed-forward 2048, 8 heads, output 256; chunks of 64 or 128 products. */
static const shape shapes[] = {
    {"ff1", 0, 1, 64, 2048, 512, 0, 0},
    {"ff1", 0, 1, 128, 2048, 512, 0, 0},
    {"ff1", 0, 1, 1024, 2048, 512, 0, 0},
    {"ff2", 0, 1, 64, 512, 2048, 0, 0},
    {"ff2", 0, 1, 128, 512, 2048, 0, 0},
    {"ff2", 0, 1, 1024, 512, 2048, 0, 0},
    {"ff2_back", 0, 0, 128, 2048, 512, 0, 0},
    {"ff1_back", 0, 0, 128, 512, 2048, 0, 0},
    {"ff1_grad", 1, 0, 2048, 512, 2048, 0, 0},
    {"ff1_grad_part", 1, 0, 256, 512, 2048, 1792, 0},
    {"ff2_grad_part", 1, 0, 512, 1024, 2048, 0, 1024},
    {"square", 0, 1, 64, 512, 512, 0, 0},
    {"square", 0, 1, 450, 512, 512, 0, 0},
    {"square_grad", 1, 0, 512, 512, 2048, 0, 0},
    {"heads", 0, 1, 64, 64, 528, 3696, 448},
    {"heads_back", 0, 0, 64, 528, 64, 448, 3696},
    {"heads_grad", 1, 0, 64, 528, 2048, 448, 0},
    {"logits", 0, 1, 128, 2048, 256, 0, 0},
    {"logits_dq", 0, 0, 128, 256, 2048, 0, 0},
    {"logits_dp", 1, 0, 2048, 256, 128, 0, 0},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, THREADS = 2 };

typedef struct job {
    const shape *s;
    sage_precision precision;
    bool packed;
    double seconds, flops, peak; /* the best of each */
    pthread_barrier_t *start;
} job;

static real *numbers(size_t n) {
    real *x = aligned_alloc(64, (n * sizeof *x + 63) / 64 * 64);
    if (x == NULL) exit(1);
    for (size_t i = 0; i < n; i++) x[i] = (real)(i % 7) - 3;
    return x;
}

static void *work(void *arg) {
    job *j = arg;
    const shape *s = j->s;
    size_t lda = (s->ta ? s->m : s->k) + s->gap_a, ldb = s->tb ? s->k : s->n, ldc = s->n + s->gap_c;
    real *a = numbers((s->ta ? s->k : s->m) * lda), *b = numbers(s->n * s->k), *c = numbers(s->m * ldc);
    sage_weights *w = NULL;
    if (j->packed) { /* W [out][in]: op(B) = W^T forward, W back */
        if (sage_weights_new(s->tb ? s->n : s->k, s->tb ? s->k : s->n, j->precision, !s->tb, &w, NULL) != SAGE_OK)
            exit(1);
        sage_weights_set(w, b, ldb);
    }
    double spent = 0;
    for (int i = 0; i < 3 || spent < j->seconds; i++) {
        if (j->start != NULL && i == 0) pthread_barrier_wait(j->start);
        double began = sage_now_s();
        if (!j->packed)
            sage_gemm(j->precision, s->ta, s->tb, s->m, s->n, s->k, a, lda, b, ldb, s->ta, c, ldc);
        else if (s->tb)
            sage_weights_forward(w, s->m, a, lda, false, c, ldc);
        else
            sage_weights_back(w, s->m, a, lda, false, c, ldc);
        double taken = sage_now_s() - began;
        spent += taken;
        if (i == 0) continue; /* that one compiled */
        j->flops = fmax(j->flops, 2.0 * (double)s->m * (double)s->n * (double)s->k / taken);
        if (i % 8 == 1) j->peak = fmax(j->peak, sage_peak_flops(j->precision));
    }
    sage_weights_free(w);
    free(a);
    free(b);
    free(c);
    return NULL;
}

static void bench(const shape *s, sage_precision precision, bool packed, int threads, double seconds) {
    pthread_t ids[THREADS];
    pthread_barrier_t start;
    job jobs[THREADS];
    double flops = 0, peak = 0;
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int t = 0; t < threads; t++) {
        jobs[t] = (job){.s = s, .precision = precision, .packed = packed, .seconds = seconds, .start = &start};
        if (pthread_create(&ids[t], NULL, work, &jobs[t]) != 0) exit(1);
    }
    for (int t = 0; t < threads; t++) {
        pthread_join(ids[t], NULL);
        flops += jobs[t].flops / threads;
        peak += jobs[t].peak / threads;
    }
    pthread_barrier_destroy(&start);
    printf("{\"bench\":\"gemm\",\"shape\":\"%s\",\"m\":%zu,\"n\":%zu,\"k\":%zu,\"form\":\"%s%s\",\"precision\":\"%s\","
           "\"packed\":%s,\"threads\":%d,\"gflops\":%.1f,\"peak_gflops\":%.1f,\"share\":%.3f,\"kernel\":\"%s\"}\n",
           s->name, s->m, s->n, s->k, s->ta ? "t" : "n", s->tb ? "t" : "n", sage_precision_name(precision),
           packed ? "true" : "false", threads, 1e-9 * flops, 1e-9 * peak, flops / peak, sage_gemm_name(precision));
    fflush(stdout);
}

int main(int argc, char **argv) {
    const char *wanted = argc > 1 ? argv[1] : "";
    double seconds = argc > 2 ? atof(argv[2]) : 0.1;
    for (size_t i = 0; i < SHAPES; i++) {
        if (strncmp(shapes[i].name, wanted, strlen(wanted)) != 0) continue;
        for (int threads = 1; threads <= THREADS; threads++)
            for (int p = SAGE_PRECISION_F32; p <= SAGE_PRECISION_INT8; p++) {
                bool int8 = p == SAGE_PRECISION_INT8; /* weights forward only */
                if (!int8) bench(&shapes[i], (sage_precision)p, false, threads, seconds);
                if (!shapes[i].ta && (!int8 || shapes[i].tb))
                    bench(&shapes[i], (sage_precision)p, true, threads, seconds);
            }
    }
    return 0;
}
