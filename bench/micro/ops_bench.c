/* How fast each op of each instruction set is, at the sizes that are hot.
 *
 *   ops_bench [OP [ISA]]      ops whose names begin with OP; all without
 *
 * A line of JSON for each: the median over repeats of a call's nanoseconds of processor time, and what that is in GB/s
 * and GFLOP/s by the bytes and operations that the op cannot do without. On one thread. Bags take their rows at random
 * from a table of `rows` rows, another list each call. */
#include <ops/ops_table.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPEATS = 9 };
static const double REPEAT_S = 3e-3;

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Of this thread alone, so that others on the machine disturb less. */
static double processor_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double calls(const op_row *row, const sage_ops *ops, op_args *a, size_t n) {
    double began = processor_s();
    for (size_t i = 0; i < n; i++) row->call(ops, a);
    return processor_s() - began;
}

static double median_ns(const op_row *row, const sage_ops *ops, op_args *a) {
    double ns[REPEATS];
    size_t n = 1;
    while (calls(row, ops, a, n) < REPEAT_S / 2) n *= 2; /* also brings the table into its cache, or out of it */
    for (size_t i = 0; i < REPEATS; i++) ns[i] = calls(row, ops, a, n) / (double)n * 1e9;
    qsort(ns, REPEATS, sizeof *ns, compare);
    return ns[REPEATS / 2];
}

static void measure(const op_row *row, op_size size, const char *isa) {
    const sage_ops *ops = sage_ops_of(isa);
    if (ops == NULL) return;
    op_args a = {.dim = size.dim, .n = size.n, .heads = size.heads, .rows = size.rows, .turns = 1, .measured = true};
    if (size.rows > 0) a.turns = 4 * size.rows / size.n;
    sage_rng_seed(&a.rng, 7, 0);
    row->make(&a);
    double ns = median_ns(row, ops, &a);
    printf("{\"op\": \"%s\", \"isa\": \"%s\", \"dim\": %zu, \"n\": %zu, \"heads\": %zu, \"rows\": %zu, \"ns\": %.1f, "
           "\"gb_s\": %.1f, \"gflop_s\": %.1f}\n",
           row->name, isa, size.dim, size.n, size.heads, size.rows, ns, a.bytes / ns, a.flops / ns);
    fflush(stdout);
    op_free(&a);
}

int main(int argc, char **argv) {
    static const char *const isas[] = {"scalar", "avx2", "avx512"};
    const op_row *row;
    for (size_t i = 0; (row = ops_row(i)) != NULL; i++) {
        if (argc > 1 && strncmp(row->name, argv[1], strlen(argv[1])) != 0) continue;
        for (const op_size *size = row->hot; size->dim > 0; size++)
            for (size_t k = 0; k < sizeof isas / sizeof isas[0]; k++)
                if (argc < 3 || strcmp(isas[k], argv[2]) == 0) measure(row, *size, isas[k]);
    }
    return 0;
}
