/* A small random model and batch: every kind of token, products without any, repeated ids, masks, logQ and weights. */
#ifndef SAGE_TESTS_RANDOM_BATCH_H
#define SAGE_TESTS_RANDOM_BATCH_H

#include <base/rng.h>
#include <math.h>
#include <model/model.h>
#include <string.h>

enum {
    RB_PAIRS_MAX = 16,
    RB_PRODUCTS_MAX = 40,
    RB_TOKENS_MAX = 400,
    RB_IDS_MAX = 4000,
    RB_VALUES_MAX = 2000,
    RB_EVENTS_MAX = 200
};

typedef struct random_batch {
    uint32_t ids[RB_IDS_MAX], bag_begin[RB_TOKENS_MAX + 1], token_begin[RB_PRODUCTS_MAX + 1],
        group_begin[SAGE_GROUPS_MAX][RB_PRODUCTS_MAX + 1];
    uint8_t field[RB_TOKENS_MAX], task[RB_PAIRS_MAX];
    uint32_t query_ids[RB_IDS_MAX], query_begin[RB_PAIRS_MAX + 1];
    real vectors[SAGE_GROUPS_MAX][RB_VALUES_MAX], sentences[RB_VALUES_MAX], pictures[RB_VALUES_MAX];
    real log_q[RB_PRODUCTS_MAX], weight[RB_PAIRS_MAX];
    uint64_t mask[RB_PAIRS_MAX];
    uint32_t user_begin[RB_PAIRS_MAX + 1];
    uint8_t user_kind[RB_EVENTS_MAX];
    float user_age[RB_EVENTS_MAX];
    real looked[RB_VALUES_MAX], user_vectors[RB_VALUES_MAX];
    uint32_t teacher_begin[RB_PAIRS_MAX + 1], teacher_column[RB_PAIRS_MAX * RB_PRODUCTS_MAX];
    real teacher_score[RB_PAIRS_MAX * RB_PRODUCTS_MAX];
    sage_product_batch products;
    sage_query_batch queries;
    sage_loss_spec spec;
} random_batch;

static inline void rb_normal(real *x, size_t n, sage_rng *rng) {
    for (size_t i = 0; i < n; i++) x[i] = (real)sage_rng_normal(rng);
}

/* Up to 3 vectors of each group; product 1 has none. */
static inline void rb_fill_groups(random_batch *b, const sage_model_shape *shape, size_t products, sage_rng *rng) {
    for (size_t g = 0; g < shape->n_groups; g++) {
        uint32_t n = 0;
        for (size_t i = 0; i < products; i++) {
            b->group_begin[g][i] = n;
            if (i != 1) n += (uint32_t)sage_rng_below(rng, 4);
        }
        b->group_begin[g][products] = n;
        rb_normal(b->vectors[g], n * shape->groups[g].dim, rng);
        b->products.group[g] = (sage_group_rows){b->group_begin[g], b->vectors[g]};
    }
}

/* The last n of the pairs' queries become pictures. */
static inline void rb_pictures(random_batch *b, size_t n) {
    b->queries.n_texts = b->queries.bags.n = b->spec.n_pairs - n;
    b->queries.n_pictures = n;
    b->queries.pictures = b->pictures;
}

static inline void rb_units(real *x, size_t n, size_t dim, sage_rng *rng) {
    rb_normal(x, n * dim, rng);
    for (size_t i = 0; i < n; i++) {
        double square = 0;
        for (size_t k = 0; k < dim; k++) square += (double)(x[i * dim + k] * x[i * dim + k]);
        for (size_t k = 0; k < dim; k++) x[i * dim + k] = (real)((double)x[i * dim + k] / sqrt(square));
    }
}

/* The last rows become products that are looked at, then users, the first of whom did nothing and the second one thing;
 * the third did as much as is read. Of one event in five no time is known. */
static inline void rb_people(random_batch *b, const sage_model_shape *shape, size_t looked, size_t users) {
    sage_rng rng;
    sage_rng_seed(&rng, 21, 7);
    size_t events = 0, most = shape->user_events;
    b->queries.n_texts = b->queries.bags.n = b->spec.n_pairs - b->queries.n_pictures - looked - users;
    rb_units(b->looked, looked, shape->dim_out, &rng);
    for (size_t u = 0; u < users; u++) {
        events += u < 2 ? u : u == 2 ? most : 1 + sage_rng_below(&rng, most);
        b->user_begin[u + 1] = (uint32_t)events;
    }
    rb_units(b->user_vectors, events, shape->dim_out, &rng);
    for (size_t e = 0; e < events; e++) {
        b->user_kind[e] = (uint8_t)sage_rng_below(&rng, 4);
        b->user_age[e] = sage_rng_below(&rng, 5) == 0 ? (float)NAN : (float)exp(10 * sage_rng_unit(&rng) - 4);
    }
    b->queries.n_looked = looked;
    b->queries.looked = b->looked;
    b->queries.n_users = users;
    b->queries.user_begin = b->user_begin;
    b->queries.user_vectors = b->user_vectors;
    b->queries.user_kind = b->user_kind;
    b->queries.user_age = b->user_age;
}

/* Product 1 has no token but its own, query 2 is empty and has no sentence, bag 0 is empty. */
static inline void rb_fill(random_batch *b, const sage_model_shape *shape, size_t pairs, size_t random, uint64_t seed) {
    sage_rng rng;
    sage_rng_seed(&rng, seed, 7);
    size_t tokens = 0, ids = 0, n = pairs + random, sentences = sage_shape_dim(shape, SAGE_GROUP_SENTENCES);
    memset(b, 0, sizeof *b);
    for (size_t i = 0; i < n; i++) {
        b->token_begin[i] = (uint32_t)tokens;
        for (size_t f = 0; f < SAGE_FIELDS && i != 1; f++) {
            if (f > 0 && sage_rng_below(&rng, 3) != 0) continue;
            b->bag_begin[tokens] = (uint32_t)ids;
            b->field[tokens++] = (uint8_t)f;
            for (size_t k = sage_rng_below(&rng, 8); k > 0 && tokens > 1; k--)
                b->ids[ids++] = (uint32_t)sage_rng_below(&rng, shape->vocab);
        }
        if (shape->tokens == 0 || i % 3 != 1) continue; /* product 1 has its own alone */
        b->bag_begin[tokens] = (uint32_t)ids;
        b->field[tokens++] = SAGE_FIELD_TOKEN;
        b->ids[ids++] = (uint32_t)(shape->vocab + sage_rng_below(&rng, shape->tokens));
    }
    b->token_begin[n] = (uint32_t)tokens;
    b->bag_begin[tokens] = (uint32_t)ids;
    ids = 0;
    for (size_t i = 0; i < pairs; i++) {
        b->query_begin[i] = (uint32_t)ids;
        for (size_t k = i == 2 ? 0 : 1 + sage_rng_below(&rng, 5); k > 0; k--)
            b->query_ids[ids++] = (uint32_t)sage_rng_below(&rng, shape->vocab);
        b->log_q[i] = (real) - (1 + 3 * sage_rng_unit(&rng));
        b->weight[i] = (real)(0.5 + sage_rng_unit(&rng));
        b->task[i] = (uint8_t)(i % 3);
        for (size_t j = 0; j < n; j++)
            if (j != i && sage_rng_below(&rng, 5) == 0) b->mask[i] |= UINT64_C(1) << j;
    }
    b->query_begin[pairs] = (uint32_t)ids;
    for (size_t j = pairs; j < n; j++) b->log_q[j] = (real) - (1 + 3 * sage_rng_unit(&rng));
    b->products = (sage_product_batch){n, b->token_begin, b->field, {tokens, b->ids, b->bag_begin}};
    rb_fill_groups(b, shape, n, &rng);
    rb_normal(b->sentences, pairs * sentences, &rng);
    rb_normal(b->pictures, pairs * sage_shape_dim(shape, SAGE_GROUP_PICTURES), &rng);
    if (pairs > 2) memset(b->sentences + 2 * sentences, 0, sentences * sizeof(real));
    b->queries = (sage_query_batch){.n_texts = pairs, .bags = {pairs, b->query_ids, b->query_begin}};
    if (sentences > 0) b->queries.sentences = b->sentences;
    b->spec = (sage_loss_spec){
        .n_pairs = pairs, .n_random = random, .log_q = b->log_q, .mask = b->mask, .weight = b->weight, .task = b->task};
}

/* Every row gets scores for a third of its columns, masked ones among them, but row 1 none. */
static inline void rb_teach(random_batch *b, double weight, uint64_t seed) {
    sage_rng rng;
    sage_rng_seed(&rng, seed, 9);
    uint32_t n = 0;
    for (size_t i = 0; i < b->spec.n_pairs; i++) {
        b->teacher_begin[i] = n;
        for (size_t j = 0; j < b->products.n && i != 1; j++) {
            if (sage_rng_below(&rng, 3) != 0) continue;
            b->teacher_column[n] = (uint32_t)j;
            b->teacher_score[n++] = (real)(4 * sage_rng_unit(&rng));
        }
    }
    b->teacher_begin[b->spec.n_pairs] = n;
    b->spec.teacher_weight = (real)weight;
    b->spec.teacher_begin = b->teacher_begin;
    b->spec.teacher_column = b->teacher_column;
    b->spec.teacher_score = b->teacher_score;
}

/* Random values for every parameter, of a size that lets each of them matter. */
static inline void rb_randomise(sage_model *model, uint64_t seed) {
    sage_rng rng;
    size_t n;
    sage_rng_seed(&rng, seed, 8);
    const sage_param *params = sage_model_params(model, &n);
    for (size_t i = 0; i < n; i++) {
        real *x = sage_model_dense(model) + params[i].offset;
        bool gain = strstr(params[i].name, "gain") != NULL;
        double deviation = params[i].rows > 1 ? 1.2 / sqrt((double)params[i].cols) : 0.3;
        for (size_t k = 0; k < params[i].rows * params[i].cols; k++)
            x[k] = (real)((gain ? 1 : 0) + deviation * sage_rng_normal(&rng));
        if (strcmp(params[i].name, "temperature") == 0) x[0] = (real)1.2;
    }
    const sage_model_shape *s = sage_model_shape_of(model);
    for (size_t i = 0; i < s->rows * s->dim_embed; i++) sage_model_table(model)[i] = (real)sage_rng_normal(&rng);
    for (size_t i = 0; i < sage_shape_ids(s) * s->hashes; i++)
        sage_model_importance(model)[i] = (real)sage_rng_normal(&rng);
}

#endif
