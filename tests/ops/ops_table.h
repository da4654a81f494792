/* The ops as a table: how the arguments of each are made for a size, how it is called, how exact it has to be and what
 * a call moves. The tests of values and the benchmark (bench/micro/ops_bench.c) are loops over it; ops_slopes.c is the
 * same for the pairs of an op and its backward. */
#ifndef SAGE_TESTS_OPS_TABLE_H
#define SAGE_TESTS_OPS_TABLE_H

#include <base/rng.h>
#include <kernels/kernels.h>

typedef enum op_type { OP_REAL, OP_U32, OP_U16, OP_I8, OP_I32, OP_DOUBLE } op_type;

/* An array of its own allocation, so that a sanitizer sees what reads past it. */
typedef struct op_array {
    const char *name;
    op_type type;
    size_t n;
    double tolerance; /* of |difference| / (1 + |expected|) after a call; 0: equal, as arguments that are only read */
    union {
        void *any;
        real *r;
        uint32_t *u32;
        uint16_t *u16;
        int8_t *i8;
        int32_t *i32;
        double *d;
    };
} op_array;

enum { OP_ARRAYS = 12 };
typedef struct op_args {
    size_t dim, n, heads;
    size_t rows;        /* of the table that bags take theirs from */
    size_t turns, turn; /* index lists in store, of n each; every call takes the next, so that rows are not in cache */
    bool add;           /* of ops that can add to what is there */
    bool in_place;      /* of ops that can work in place */
    bool measured;      /* arrays begin as the model's do, else anywhere, as they may; and calls over and over stay in
                           range */
    op_array array[OP_ARRAYS];
    size_t arrays;
    double bytes, flops; /* of a call: what has to be read and written; products, sums and others at one each */
    sage_rng rng;
} op_args;

/* Sizes of which arguments depend; tests run through those. */
typedef enum op_shape { OP_VECTOR, OP_BAG, OP_ROWS, OP_HEADS } op_shape;
typedef struct op_size {
    size_t dim, n, heads, rows;
} op_size;

typedef struct op_row {
    const char *name;
    op_shape shape;
    bool can_add;
    bool not_empty; /* dim > 0 is asked for */
    void (*make)(op_args *a);
    void (*call)(const sage_ops *ops, op_args *a);
    op_size hot[4]; /* what the benchmark runs; ends with a size of dim 0 */
} op_row;
extern const op_row ops_vectors[], ops_bags[], ops_rows[],
    ops_frozen[];                /* parts of it; a row without a name ends each */
const op_row *ops_row(size_t i); /* of the whole table; NULL after the last */

/* A value made by ops, and its gradient as others compute it. Arrays 0 .. inputs-1 are what the value depends on; the
 * gradient of array i is array inputs + i. */
typedef struct op_slope {
    const char *name;
    size_t inputs;
    void (*make)(op_args *a);
    double (*value)(const sage_ops *ops, op_args *a); /* leaves the inputs as they are */
    void (*back)(const sage_ops *ops, op_args *a);
} op_slope;
extern const op_slope ops_slopes[]; /* ends with a row without a name */

/* ---- making arguments ---- */
op_array *op_new(op_args *a, const char *name, op_type type, size_t n);     /* zeros; ends the program without memory */
real *op_normal(op_args *a, const char *name, size_t n);                    /* N(0, 1) */
real *op_result(op_args *a, const char *name, size_t n, double tolerance);  /* N(0, 1), to be changed by the op */
uint32_t *op_indices(op_args *a, const char *name, size_t n, size_t below); /* at random, SAGE_PREFETCH more than n */
size_t op_next_turn(op_args *a);                                            /* where the indices of this call begin */
void op_copy(const op_args *from, op_args *to);
void op_free(op_args *a);
void op_work(op_args *a, size_t bytes, size_t flops);
double op_sum_tolerance(size_t terms); /* of a sum of so many products of N(0, 1) in f32 */

enum { OP_R = sizeof(real) };
enum { OP_APART = 5, OP_FURTHER = 11 }; /* reals between lines of an array with a stride; they stay as they are */
static inline real *op_r(const op_args *a, size_t i) {
    return a->array[i].r;
}

#endif
