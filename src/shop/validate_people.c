#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <index/index.h>
#include <math.h>
#include <shop/validate_people.h>
#include <stdlib.h>
#include <string.h>

enum { K = 10, DEPTH_MAX = 266, BLOCK = 256 };
static const double DAY_MS = 86400000;

/* ---- who is asked ---- */

static sage_status add_known(sage_held_people *p, const sage_user_event *known, size_t n, int64_t moment,
                             sage_error *error) {
    size_t at = p->n_events, room = at + n;
    if (sage_grow((void **)&p->known, &p->known_capacity, room, sizeof *p->known) ||
        sage_grow((void **)&p->known_kind, &p->kind_capacity, room, sizeof *p->known_kind) ||
        sage_grow((void **)&p->known_age, &p->age_capacity, room, sizeof *p->known_age))
        return sage_fail_memory(error, room * sizeof *p->known);
    for (size_t i = 0; i < n; i++, at++) {
        bool timed = known[i].time_ms != INT64_MIN && moment != INT64_MIN;
        p->known[at] = known[i].product;
        p->known_kind[at] = known[i].kind;
        p->known_age[at] = timed ? (float)(((double)moment - (double)known[i].time_ms) / DAY_MS) : NAN;
    }
    p->n_events = at;
    return SAGE_OK;
}

static sage_status add_targets(sage_held_people *p, const sage_packed_user *user, sage_error *error) {
    size_t room = p->n_targets + user->n;
    if (sage_grow((void **)&p->target, &p->target_capacity, room, sizeof *p->target) ||
        sage_grow((void **)&p->target_kind, &p->target_kind_capacity, room, sizeof *p->target_kind))
        return sage_fail_memory(error, room * sizeof *p->target);
    for (size_t i = 0; i < user->n; i++) {
        if (user->events[i].part != SAGE_VALIDATION) continue;
        p->target[p->n_targets] = user->events[i].product;
        p->target_kind[p->n_targets++] = user->events[i].kind;
    }
    return SAGE_OK;
}

static sage_status add_user(sage_held_people *p, size_t number, const sage_packed_user *user, size_t events_max,
                            sage_user_event *scratch, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = sage_user_known(user, SAGE_VALIDATION, scratch), before = p->n_targets;
    size_t skip = n > events_max ? n - events_max : 0;
    if (n == 0) return SAGE_OK;
    SAGE_TRY(add_targets(p, user, error));
    if (p->n_targets == before) return SAGE_OK;
    SAGE_TRY(add_known(p, scratch + skip, n - skip, sage_user_moment(p->dataset, user, SAGE_VALIDATION), error));
    p->given_user[p->n] = sage_dataset_given_user(p->dataset, number);
    p->given_product[p->n] = sage_dataset_given_product(p->dataset, scratch[n - 1].product);
    p->n++;
    p->known_begin[p->n] = (uint32_t)p->n_events;
    p->target_begin[p->n] = (uint32_t)p->n_targets;
out:
    return st;
}

static bool is_asked(const sage_packed_user *user) {
    for (size_t i = 0; i < user->n; i++)
        if (user->events[i].part == SAGE_VALIDATION) return true;
    return false;
}

static size_t count_asked(const sage_dataset *dataset, size_t *most_events) {
    size_t n = 0;
    sage_packed_user user;
    *most_events = 0;
    for (size_t u = 0; u < sage_dataset_users(dataset); u++) {
        sage_dataset_user(dataset, u, &user);
        n += is_asked(&user);
        if (user.n > *most_events) *most_events = user.n;
    }
    return n;
}

sage_status sage_held_people_new(const sage_dataset *dataset, size_t events_max, sage_held_people **people,
                                 sage_error *error) {
    sage_status st = SAGE_OK;
    size_t most, met = 0, asked = count_asked(dataset, &most);
    sage_user_event *scratch = sage_alloc((most + 1) * sizeof *scratch);
    sage_held_people *p = sage_alloc_zero(1, sizeof *p);
    size_t room = (asked < SAGE_VALIDATION_USERS ? asked : SAGE_VALIDATION_USERS) + 1;
    *people = NULL;
    if (scratch == NULL || p == NULL || (p->known_begin = sage_alloc_zero(room, sizeof *p->known_begin)) == NULL ||
        (p->target_begin = sage_alloc_zero(room, sizeof *p->target_begin)) == NULL ||
        (p->given_user = sage_alloc_zero(room, sizeof *p->given_user)) == NULL ||
        (p->given_product = sage_alloc_zero(room, sizeof *p->given_product)) == NULL) {
        st = sage_fail_memory(error, most * sizeof *scratch);
        goto out;
    }
    p->dataset = dataset;
    for (size_t u = 0; u < sage_dataset_users(dataset); u++) {
        sage_packed_user user;
        sage_dataset_user(dataset, u, &user);
        if (!is_asked(&user)) continue;
        /* evenly spread: of `asked` of them, room - 1 */
        bool taken = (met + 1) * (room - 1) / asked > met * (room - 1) / asked;
        met++;
        if (user.part == SAGE_TRAIN) p->by_time = true;
        if (taken) SAGE_TRY(add_user(p, u, &user, events_max, scratch, error));
    }
    *people = p;
    p = NULL;
out:
    sage_held_people_free(p);
    sage_free(scratch);
    return st;
}

void sage_held_people_free(sage_held_people *p) {
    if (p == NULL) return;
    sage_free(p->given_user);
    sage_free(p->given_product);
    sage_free(p->known_begin);
    sage_free(p->known);
    sage_free(p->known_kind);
    sage_free(p->known_age);
    sage_free(p->target_begin);
    sage_free(p->target);
    sage_free(p->target_kind);
    sage_free(p->gathered);
    sage_free(p);
}

static void place(uint32_t *list, size_t n_list, const uint32_t *products, size_t n) {
    for (size_t i = 0; i < n_list; i++) {
        const uint32_t *at = bsearch(&list[i], products, n, sizeof *at, sage_order_u32);
        list[i] = (uint32_t)(at - products);
    }
}

void sage_held_people_place(sage_held_people *people, const uint32_t *products, size_t n) {
    place(people->known, people->n_events, products, n);
    place(people->target, people->n_targets, products, n);
}

/* ---- what is found ---- */

/* The own part of the vectors at `positions`, of length 1. */
static sage_status gather(sage_held_people *p, const sage_model_shape *shape, const float *vectors,
                          const uint32_t *positions, size_t n, sage_error *error) {
    size_t width = sage_shape_out(shape), dim = shape->dim_out;
    if (sage_grow((void **)&p->gathered, &p->gathered_capacity, (n + 1) * dim, sizeof *p->gathered))
        return sage_fail_memory(error, (n + 1) * dim * sizeof *p->gathered);
    for (size_t i = 0; i < n; i++) sage_shape_own(shape, 1, vectors + positions[i] * width, p->gathered + i * dim);
    return SAGE_OK;
}

static bool is_known(const sage_held_people *p, size_t user, uint32_t position) {
    for (uint32_t i = p->known_begin[user]; i < p->known_begin[user + 1]; i++)
        if (p->known[i] == position) return true;
    return false;
}

/* The first K of what was found, in place; what is known is left out where it cannot be a target. */
static size_t first_of(const sage_held_people *p, size_t user, sage_neighbour *found, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n && kept < K; i++)
        if (p->by_time || !is_known(p, user, found[i].row)) found[kept++] = found[i];
    return kept;
}

static bool among(const sage_neighbour *found, size_t n, uint32_t row) {
    for (size_t i = 0; i < n; i++)
        if (found[i].row == row) return true;
    return false;
}

/* Depth that leaves K where known products are left out, but for users who did very much. */
static size_t depth_of(const sage_held_people *p, size_t begin, size_t end) {
    size_t most = 0;
    if (p->by_time) return K;
    for (size_t u = begin; u < end; u++)
        if (p->known_begin[u + 1] - p->known_begin[u] > most) most = p->known_begin[u + 1] - p->known_begin[u];
    return K + most < DEPTH_MAX ? K + most : DEPTH_MAX;
}

typedef struct tally {
    size_t hits[SAGE_EVENT_KINDS], pairs[SAGE_EVENT_KINDS];
} tally;

static sage_status count_hits(sage_held_people *p, sage_pool *pool, const float *vectors, size_t n_products,
                              size_t width, const float *queries, tally *t, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n_found[BLOCK];
    sage_neighbour *found = sage_alloc((size_t)BLOCK * DEPTH_MAX * sizeof *found);
    if (found == NULL) return sage_fail_memory(error, (size_t)BLOCK * DEPTH_MAX * sizeof *found);
    for (size_t begin = 0; begin < p->n; begin += BLOCK) {
        size_t end = begin + BLOCK < p->n ? begin + BLOCK : p->n, depth = depth_of(p, begin, end);
        SAGE_TRY(sage_exact_search(pool, vectors, n_products, width, queries + begin * width, end - begin, depth, found,
                                   n_found, error));
        for (size_t u = begin; u < end; u++) {
            sage_neighbour *list = found + (u - begin) * depth;
            size_t n = first_of(p, u, list, n_found[u - begin]);
            for (uint32_t i = p->target_begin[u]; i < p->target_begin[u + 1]; i++) {
                t->pairs[p->target_kind[i]]++;
                t->hits[p->target_kind[i]] += among(list, n, p->target[i]);
            }
        }
    }
out:
    sage_free(found);
    return st;
}

static void report(const tally *t, sage_surface surface, sage_recalls *recalls, double *sum, size_t *surfaces) {
    size_t hits = 0, pairs = 0;
    for (size_t kind = 0; kind < SAGE_EVENT_KINDS; kind++) {
        if (t->pairs[kind] == 0) continue;
        hits += t->hits[kind];
        pairs += t->pairs[kind];
        recalls->task[(size_t)surface * SAGE_EVENT_KINDS + kind] =
            (sage_recall){t->pairs[kind], (double)t->hits[kind] / (double)t->pairs[kind]};
    }
    if (pairs == 0) return;
    *sum += (double)hits / (double)pairs;
    ++*surfaces;
}

void sage_validation_take_given(const sage_dataset *dataset, const float *const *given, size_t n, size_t width,
                                float *out) {
    size_t own = sage_dataset_given_dim(dataset);
    for (size_t q = 0; q < n; q++) {
        if (given[q] == NULL) continue;
        memset(out + q * width, 0, width * sizeof *out);
        memcpy(out + q * width, given[q], own * sizeof *out);
    }
}

static sage_status judge(sage_held_people *p, sage_surface surface, const sage_model *model, sage_pool *pool,
                         const sage_query_batch *queries, const float *vectors, size_t n_products,
                         sage_recalls *recalls, double *sum, size_t *surfaces, sage_error *error) {
    sage_status st = SAGE_OK;
    tally t = {{0}, {0}};
    size_t width = sage_shape_out(sage_model_shape_of(model));
    float *out = sage_alloc((p->n + 1) * width * sizeof *out);
    if (out == NULL) return sage_fail_memory(error, p->n * width * sizeof *out);
    SAGE_TRY(sage_train_embed_queries(model, pool, queries, out, error));
    sage_validation_take_given(p->dataset, surface == SAGE_ON_USER ? p->given_user : p->given_product, p->n, width,
                               out);
    SAGE_TRY(count_hits(p, pool, vectors, n_products, width, out, &t, error));
    report(&t, surface, recalls, sum, surfaces);
out:
    sage_free(out);
    return st;
}

static sage_status judge_users(sage_held_people *p, const sage_model *model, sage_pool *pool, const float *vectors,
                               size_t n_products, sage_recalls *recalls, double *sum, size_t *surfaces,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_model_shape *shape = sage_model_shape_of(model);
    SAGE_TRY(gather(p, shape, vectors, p->known, p->n_events, error));
    const sage_query_batch queries = {.n_users = p->n,
                                      .user_begin = p->known_begin,
                                      .user_vectors = p->gathered,
                                      .user_kind = p->known_kind,
                                      .user_age = p->known_age};
    SAGE_TRY(judge(p, SAGE_ON_USER, model, pool, &queries, vectors, n_products, recalls, sum, surfaces, error));
out:
    return st;
}

/* The newest known product of each user is looked at. */
static sage_status judge_products(sage_held_people *p, const sage_model *model, sage_pool *pool, const float *vectors,
                                  size_t n_products, sage_recalls *recalls, double *sum, size_t *surfaces,
                                  sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_model_shape *shape = sage_model_shape_of(model);
    size_t width = sage_shape_out(shape), beside = width - shape->dim_out;
    uint32_t *newest = sage_alloc((p->n + 1) * sizeof *newest);
    float *said = sage_alloc((p->n * beside + 1) * sizeof *said);
    if (newest == NULL || said == NULL) {
        st = sage_fail_memory(error, p->n * (sizeof *newest + beside * sizeof *said));
        goto out;
    }
    for (size_t u = 0; u < p->n; u++) newest[u] = p->known[p->known_begin[u + 1] - 1];
    SAGE_TRY(gather(p, shape, vectors, newest, p->n, error));
    for (size_t u = 0; u < p->n; u++)
        memcpy(said + u * beside, vectors + newest[u] * width + shape->dim_out, beside * sizeof *said);
    const sage_query_batch queries = {.n_looked = p->n, .looked = p->gathered, .looked_said = said};
    SAGE_TRY(judge(p, SAGE_ON_PRODUCT, model, pool, &queries, vectors, n_products, recalls, sum, surfaces, error));
out:
    sage_free(said);
    sage_free(newest);
    return st;
}

sage_status sage_held_people_judge(sage_held_people *people, const sage_model *model, sage_pool *pool,
                                   const float *vectors, size_t n_products, sage_recalls *recalls, double *sum,
                                   size_t *surfaces, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_model_shape *shape = sage_model_shape_of(model);
    if (people->n > 0 && shape->user_events > 0)
        SAGE_TRY(judge_users(people, model, pool, vectors, n_products, recalls, sum, surfaces, error));
    if (people->n > 0 && shape->product_tower)
        SAGE_TRY(judge_products(people, model, pool, vectors, n_products, recalls, sum, surfaces, error));
out:
    return st;
}
