#include <base/alloc.h>
#include <base/error.h>
#include <base/rng.h>
#include <kernels/kernels.h>
#include <math.h>
#include <search/shape.h>
#include <stdbool.h>

/* How many of each key were chosen, of one limit. */
typedef struct tally {
    struct {
        uint64_t key; /* 0: free */
        size_t n;
    } * slots;
    size_t n_slots; /* a power of two, at most half full */
} tally;

typedef struct choice {
    const sage_shape *shape;
    tally tallies[SAGE_SHAPE_LIMITS];
    float *worth; /* [n] r(i), where there is diversity; -INFINITY: chosen, or without room for ever */
    float *like;  /* [n] the largest product with a chosen one */
} choice;

static void free_choice(choice *c) {
    for (size_t l = 0; l < SAGE_SHAPE_LIMITS; l++) sage_free(c->tallies[l].slots);
    sage_free(c->worth);
    sage_free(c->like);
}

static sage_status new_choice(choice *c, size_t k, sage_error *error) {
    const sage_shape *shape = c->shape;
    size_t n_slots = 2;
    while (n_slots < 2 * k) n_slots *= 2;
    for (size_t l = 0; l < shape->n_limits; l++) {
        c->tallies[l].n_slots = n_slots;
        c->tallies[l].slots = sage_alloc_zero(n_slots, sizeof *c->tallies[l].slots);
        if (c->tallies[l].slots == NULL) return sage_fail_memory(error, n_slots * sizeof *c->tallies[l].slots);
    }
    if (shape->diversity <= 0) return SAGE_OK;
    c->worth = sage_alloc((shape->n + 1) * sizeof *c->worth);
    c->like = sage_alloc((shape->n + 1) * sizeof *c->like);
    return c->worth != NULL && c->like != NULL ? SAGE_OK : sage_fail_memory(error, shape->n * 2 * sizeof *c->like);
}

/* Of the key, or where it would stand. */
static size_t slot_of(const tally *t, uint64_t key) {
    size_t slot = (size_t)sage_mix64(key) & (t->n_slots - 1);
    while (t->slots[slot].key != 0 && t->slots[slot].key != key) slot = (slot + 1) & (t->n_slots - 1);
    return slot;
}

static bool has_room(const choice *c, size_t i) {
    for (size_t l = 0; l < c->shape->n_limits; l++) {
        const sage_shape_limit *limit = &c->shape->limits[l];
        const tally *t = &c->tallies[l];
        if (limit->keys[i] != 0 && t->slots[slot_of(t, limit->keys[i])].n >= limit->most) return false;
    }
    return true;
}

static void take(choice *c, size_t i) {
    for (size_t l = 0; l < c->shape->n_limits; l++) {
        uint64_t key = c->shape->limits[l].keys[i];
        if (key == 0) continue;
        size_t slot = slot_of(&c->tallies[l], key);
        c->tallies[l].slots[slot].key = key;
        c->tallies[l].slots[slot].n++;
    }
}

static size_t in_order(choice *c, size_t k, uint32_t *chosen) {
    size_t n = 0;
    for (size_t i = 0; i < c->shape->n && n < k; i++) {
        if (!has_room(c, i)) continue;
        take(c, i);
        chosen[n++] = (uint32_t)i;
    }
    return n;
}

/* ---- with diversity ---- */

static void begin(choice *c) {
    const sage_shape *shape = c->shape;
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < shape->n; i++) {
        c->worth[i] = shape->scores != NULL ? shape->scores[i] : -(float)i;
        low = fminf(low, c->worth[i]);
        high = fmaxf(high, c->worth[i]);
        c->like[i] = -1; /* the least that it can be; the same for all */
    }
    for (size_t i = 0; i < shape->n; i++) c->worth[i] = high > low ? (c->worth[i] - low) / (high - low) : 1;
}

/* The candidate whose turn it is, ties to the earlier one; shape->n where none is left. */
static size_t best_of(choice *c) {
    const sage_shape *shape = c->shape;
    const float diversity = (float)shape->diversity;
    size_t best = shape->n;
    float most = -INFINITY;
    for (size_t i = 0; i < shape->n; i++) {
        if (isinf(c->worth[i])) continue;
        float value = (1 - diversity) * c->worth[i] - diversity * c->like[i];
        if (best < shape->n && !(value > most)) continue;
        if (!has_room(c, i)) {
            c->worth[i] = -INFINITY;
            continue;
        }
        best = i;
        most = value;
    }
    return best;
}

static void look_alike(choice *c, size_t taken) {
    const sage_shape *shape = c->shape;
    const sage_ops *ops = sage_ops_best();
    const float *vector = shape->vectors + shape->rows[taken] * shape->dim;
    c->worth[taken] = -INFINITY;
    for (size_t i = 0; i < shape->n; i++)
        if (!isinf(c->worth[i]))
            c->like[i] = fmaxf(c->like[i], ops->dot(shape->dim, vector, shape->vectors + shape->rows[i] * shape->dim));
}

static size_t by_diversity(choice *c, size_t k, uint32_t *chosen) {
    size_t n = 0;
    begin(c);
    while (n < k) {
        size_t i = best_of(c);
        if (i == c->shape->n) break;
        take(c, i);
        look_alike(c, i);
        chosen[n++] = (uint32_t)i;
    }
    return n;
}

sage_status sage_shape_choose(const sage_shape *shape, size_t k, uint32_t *chosen, size_t *n, sage_error *error) {
    choice c = {.shape = shape};
    if (k > shape->n) k = shape->n;
    *n = 0;
    sage_status st = new_choice(&c, k, error);
    if (st == SAGE_OK) *n = shape->diversity > 0 ? by_diversity(&c, k, chosen) : in_order(&c, k, chosen);
    free_choice(&c);
    return st;
}
