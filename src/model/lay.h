/* Arrays laid one after another into one block: run once with base NULL to measure, once more for good. */
#ifndef SAGE_MODEL_LAY_H
#define SAGE_MODEL_LAY_H

#include "work.h"

typedef struct layer {
    unsigned char *base; /* NULL while measuring */
    size_t at;
    bool overflow;
} layer;

void *lay(layer *l, size_t a, size_t b, size_t element_bytes); /* [a][b], on a cache line */
static inline real *lay_reals(layer *l, size_t a, size_t b) {
    return lay(l, a, b, sizeof(real));
}
static inline uint32_t *lay_words(layer *l, size_t a, size_t b) {
    return lay(l, a, b, sizeof(uint32_t));
}

/* `rows` of ld reals a head. */
head_rows lay_heads(layer *l, size_t heads, size_t rows, size_t ld);
void lay_fold(layer *l, const sage_model_shape *shape, bool backward, fold *f);
/* What a pass keeps of n products with `tokens` tokens in all, CLS too, and what it has of a chunk of n only while it
 * works on that. */
void lay_encoder(layer *l, const sage_model_shape *shape, size_t ld, size_t n, size_t tokens, bool backward,
                 encoder_acts *e);
void lay_encoder_chunk(layer *l, const sage_model_shape *shape, size_t n, bool backward, encoder_acts *e);
void lay_tower(layer *l, const sage_model_shape *shape, size_t n, bool backward, tower_acts *t);
void lay_tower_chunk(layer *l, const sage_model_shape *shape, size_t n, size_t width, tower_acts *t);

#endif
