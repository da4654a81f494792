/* Heads of vectors: their 64 numbers along the directions in which the vectors differ most, as bytes, one cache line a
 * row. Learned vectors differ in few directions, so heads alone tell most rows that a walk meets from those worth
 * comparing: a quarter of the memory traffic where vectors have 256 numbers. */
#ifndef SAGE_INDEX_HEADS_H
#define SAGE_INDEX_HEADS_H

#include <parallel/pool.h>
#include <stdbool.h>
#include <stdint.h>

enum { SAGE_HEAD = 64 };

typedef struct sage_heads {
    size_t dim;
    float *basis;  /* [64][dim], orthonormal */
    int8_t *bytes; /* [n][64]; NULL: these vectors have no use for heads */
    float scale;   /* byte ~ scale number */
    float slack;   /* by how much a whole product of near vectors passes that of their heads, in 99 of 100 cases */
} sage_heads;

/* vectors [n][dim]. No heads where vectors are short or few, or where a sample shows that heads would keep out less
 * than half of the rows that a walk meets. The same on any number of threads. */
sage_status sage_heads_make(sage_heads *heads, sage_pool *pool, const float *vectors, size_t n, size_t dim,
                            sage_error *error);
void sage_heads_free(sage_heads *heads);
void sage_heads_put(const sage_heads *heads, const float *vector, size_t row); /* the row's bytes */
void sage_heads_of(const sage_heads *heads, const float *vector, float head[SAGE_HEAD]);

/* For heads.c: basis and slack from a sample [n][dim]; *useful: false where heads keep out too little. */
sage_status sage_heads_learn(sage_heads *heads, sage_pool *pool, const float *sample, size_t n, bool *useful,
                             sage_error *error);

#endif
