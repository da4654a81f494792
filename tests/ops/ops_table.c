/* Arguments of ops, and the table put together. */
#include <ops/ops_table.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t size_of(op_type type) {
    static const size_t sizes[] = {sizeof(real), 4, 2, 1, 4, sizeof(double)};
    return sizes[type];
}

static void *allocate(size_t bytes, bool aligned) {
    const size_t line = 64;
    void *memory = NULL;
    if (!aligned)
        memory = malloc(bytes > 0 ? bytes : 1);
    else if (posix_memalign(&memory, line, bytes) == 0)
        sage_huge_pages(memory, bytes);
    if (memory == NULL) {
        fprintf(stderr, "ops: no memory for %zu bytes\n", bytes);
        exit(1);
    }
    return memory;
}

op_array *op_new(op_args *a, const char *name, op_type type, size_t n) {
    op_array *made = &a->array[a->arrays++];
    *made = (op_array){.name = name, .type = type, .n = n};
    made->any = allocate(n * size_of(type), a->measured);
    memset(made->any, 0, n * size_of(type));
    return made;
}

real *op_normal(op_args *a, const char *name, size_t n) {
    real *x = op_new(a, name, OP_REAL, n)->r;
    for (size_t i = 0; i < n; i++) x[i] = (real)sage_rng_normal(&a->rng);
    return x;
}

real *op_result(op_args *a, const char *name, size_t n, double tolerance) {
    real *x = op_normal(a, name, n);
    a->array[a->arrays - 1].tolerance = tolerance;
    return x;
}

uint32_t *op_indices(op_args *a, const char *name, size_t n, size_t below) {
    n += SAGE_PREFETCH;
    uint32_t *x = op_new(a, name, OP_U32, n)->u32;
    for (size_t i = 0; i < n; i++) x[i] = (uint32_t)sage_rng_below(&a->rng, below);
    return x;
}

size_t op_next_turn(op_args *a) {
    size_t at = a->turn * a->n;
    a->turn = a->turn + 1 < a->turns ? a->turn + 1 : 0;
    return at;
}

void op_copy(const op_args *from, op_args *to) {
    *to = *from;
    for (size_t i = 0; i < from->arrays; i++) {
        size_t bytes = from->array[i].n * size_of(from->array[i].type);
        to->array[i].any = allocate(bytes, from->measured);
        memcpy(to->array[i].any, from->array[i].any, bytes);
    }
}

void op_free(op_args *a) {
    for (size_t i = 0; i < a->arrays; i++) free(a->array[i].any);
    a->arrays = 0;
}

void op_work(op_args *a, size_t bytes, size_t flops) {
    a->bytes = (double)bytes;
    a->flops = (double)flops;
}

/* The sum so far grows as the root of the terms, and so does the number of roundings of it that add up. */
double op_sum_tolerance(size_t terms) {
    return 1.5e-7 * (4 + (double)terms);
}

const op_row *ops_row(size_t i) {
    static const op_row *const groups[] = {ops_vectors, ops_bags, ops_rows, ops_frozen};
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        size_t n = 0;
        while (groups[g][n].name != NULL) n++;
        if (i < n) return &groups[g][i];
        i -= n;
    }
    return NULL;
}
