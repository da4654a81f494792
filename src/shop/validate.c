/* Validation: embed the products, embed the queries, search exactly, count. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <base/report.h>
#include <base/rng.h>
#include <index/index.h>
#include <shop/validate.h>
#include <shop/validate_people.h>
#include <stdlib.h>
#include <string.h>

enum {
    K = 10,
    PRODUCTS_MAX = 200000,
    MADE_PAIRS = SAGE_MADE_VALIDATION,
    MADE_PICTURES = 500,
    QUERY_BLOCK = 256,
    PRODUCTS_BLOCK = 16384,
    EVENTS_MAX = 64 /* of a user, where option user_events is auto */
};

struct sage_validation {
    const sage_dataset *dataset;
    const float *kept;
    sage_pool *pool;
    const sage_monitor *monitor;
    sage_sampler *sampler; /* where pairs are made from the catalogue; owns their ids */
    size_t n_products;
    uint32_t *products; /* ascending dataset indices of the products that are searched */
    /* queries as bags, and for each the wanted products as positions in `products` */
    size_t n_queries, n_pairs; /* texts first, then pictures */
    size_t n_pictures;
    float *pictures; /* [n_pictures][image_dim] */
    size_t pictures_capacity;
    uint32_t *ids, *id_begin, *wanted, *wanted_begin;
    size_t ids_capacity, id_begin_capacity, wanted_capacity, wanted_begin_capacity;
    const float **given; /* [n_queries] vectors of the shop's own, in the dataset; NULL: none */
    size_t given_capacity;
    float *sentences; /* [texts][sentence_dim], zeros where a query has none; NULL where the dataset has none */
    float *vectors, *query_vectors;
    size_t sentences_capacity, vectors_capacity, query_vectors_capacity; /* in floats */
    uint32_t *query_of; /* [n_queries] of the dataset; UINT32_MAX: made */
    size_t query_of_capacity;
    sage_held_people *people;
    sage_neighbour *found; /* [n_queries][K] */
    size_t *n_found;       /* [n_queries] */
    size_t found_capacity, n_found_capacity;
};

static sage_status add_sentence(sage_validation *v, const float *sentence, sage_error *error) {
    size_t dim = sage_dataset_sentence_dim(v->dataset), at = v->n_queries * dim;
    if (dim == 0) return SAGE_OK;
    if (sage_grow((void **)&v->sentences, &v->sentences_capacity, at + dim, sizeof *v->sentences))
        return sage_fail_memory(error, (at + dim) * sizeof *v->sentences);
    if (sentence != NULL)
        memcpy(v->sentences + at, sentence, dim * sizeof *sentence);
    else
        memset(v->sentences + at, 0, dim * sizeof *sentence);
    return SAGE_OK;
}

/* The vector of the shop's own that the query that comes next has; NULL: none. */
static sage_status add_given(sage_validation *v, const float *given, sage_error *error) {
    if (sage_grow((void **)&v->given, &v->given_capacity, v->n_queries + 1, sizeof *v->given))
        return sage_fail_memory(error, (v->n_queries + 1) * sizeof *v->given);
    v->given[v->n_queries] = given;
    return SAGE_OK;
}

/* number: the dataset's, or UINT32_MAX; sentence: NULL for none */
static sage_status add_query(sage_validation *v, uint32_t number, const uint32_t *ids, size_t n_ids,
                             const float *sentence, const uint32_t *wanted, size_t n_wanted, sage_error *error) {
    sage_status st = add_sentence(v, sentence, error);
    if (st != SAGE_OK) return st;
    size_t q = v->n_queries, first_id = q ? v->id_begin[q] : 0, first = q ? v->wanted_begin[q] : 0;
    if (sage_grow((void **)&v->query_of, &v->query_of_capacity, q + 1, sizeof *v->query_of) ||
        sage_grow((void **)&v->id_begin, &v->id_begin_capacity, q + 2, sizeof *v->id_begin) ||
        sage_grow((void **)&v->wanted_begin, &v->wanted_begin_capacity, q + 2, sizeof *v->wanted_begin) ||
        sage_grow((void **)&v->ids, &v->ids_capacity, first_id + n_ids + 1, sizeof *v->ids) ||
        sage_grow((void **)&v->wanted, &v->wanted_capacity, first + n_wanted, sizeof *v->wanted))
        return sage_fail_memory(error, (n_ids + n_wanted) * sizeof *v->ids);
    v->query_of[q] = number;
    v->id_begin[q] = (uint32_t)first_id;
    v->wanted_begin[q] = (uint32_t)first;
    if (n_ids) memcpy(v->ids + first_id, ids, n_ids * sizeof *ids);
    memcpy(v->wanted + first, wanted, n_wanted * sizeof *wanted);
    v->id_begin[q + 1] = (uint32_t)(first_id + n_ids);
    v->wanted_begin[q + 1] = (uint32_t)(first + n_wanted);
    v->n_queries++;
    v->n_pairs += n_wanted;
    return SAGE_OK;
}

static sage_status held_out_queries(sage_validation *v, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_query query;
    for (size_t i = 0; i < sage_dataset_queries(v->dataset); i++) {
        sage_dataset_query(v->dataset, i, &query);
        if (query.part != SAGE_VALIDATION || query.surface != SAGE_ON_SEARCH || query.n_positives == 0) continue;
        SAGE_TRY(add_given(v, query.given, error));
        SAGE_TRY(add_query(v, (uint32_t)i, query.ids, query.n_ids, query.sentence, query.positives, query.n_positives,
                           error));
    }
out:
    return st;
}

/* Queries that are pictures come last. picture: NULL where only a vector that is given asks. */
static sage_status add_picture(sage_validation *v, uint32_t number, const float *picture, const uint32_t *wanted,
                               size_t n_wanted, sage_error *error) {
    size_t dim = sage_dataset_image_dim(v->dataset);
    if (sage_grow((void **)&v->pictures, &v->pictures_capacity, (v->n_pictures + 1) * dim, sizeof *v->pictures))
        return sage_fail_memory(error, (v->n_pictures + 1) * dim * sizeof *v->pictures);
    if (picture != NULL && dim > 0)
        memcpy(v->pictures + v->n_pictures * dim, picture, dim * sizeof *v->pictures);
    else if (dim > 0)
        memset(v->pictures + v->n_pictures * dim, 0, dim * sizeof *v->pictures);
    v->n_pictures++;
    return add_query(v, number, NULL, 0, NULL, wanted, n_wanted, error);
}

static sage_status held_out_pictures(sage_validation *v, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_query query;
    for (size_t i = 0; i < sage_dataset_queries(v->dataset); i++) {
        sage_dataset_query(v->dataset, i, &query);
        bool asked = query.surface == SAGE_ON_IMAGE && (query.picture != NULL || query.given != NULL);
        if (query.part != SAGE_VALIDATION || !asked || query.n_positives == 0) continue;
        SAGE_TRY(add_given(v, query.given, error));
        SAGE_TRY(add_picture(v, (uint32_t)i, query.picture, query.positives, query.n_positives, error));
    }
out:
    return st;
}

/* Products' own pictures; the same ones at every validation. */
static sage_status made_pictures(sage_validation *v, const sage_options *options, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = sage_dataset_products(v->dataset);
    if (sage_dataset_image_dim(v->dataset) == 0 || sage_options_real_or(options, "picture_share", 1) <= 0)
        return SAGE_OK;
    for (size_t i = 0; i < n && v->n_pictures < MADE_PICTURES; i++) {
        uint32_t index = (uint32_t)sage_permute(i, n, 0x7069637475726573u);
        sage_packed_product product;
        sage_dataset_product(v->dataset, index, &product);
        if (product.n_images == 0) continue;
        SAGE_TRY(add_given(v, NULL, error));
        SAGE_TRY(add_picture(v, UINT32_MAX, product.images, &index, 1, error));
    }
out:
    return st;
}

static sage_status made_queries(sage_validation *v, const sage_options *options, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_made_pairs *made;
    SAGE_TRY(sage_sampler_new(v->dataset, options, v->pool, (uint64_t)sage_options_int(options, "seed"), &v->sampler,
                              error));
    SAGE_TRY(sage_sampler_validation(v->sampler, MADE_PAIRS, &made, error));
    for (size_t i = 0; i < made->n; i++) {
        sage_made_query spoken = {.sentence = NULL};
        if (made->made[i] != UINT32_MAX) sage_dataset_made(v->dataset, made->made[i], &spoken);
        SAGE_TRY(add_given(v, NULL, error));
        SAGE_TRY(add_query(v, UINT32_MAX, made->query_ids + made->query_begin[i],
                           made->query_begin[i + 1] - made->query_begin[i], spoken.sentence, made->product + i, 1,
                           error));
    }
out:
    sage_sampler_free(v->sampler);
    v->sampler = NULL;
    return st;
}

static size_t unique(uint32_t *values, size_t n) {
    size_t kept = 0;
    if (n) qsort(values, n, sizeof *values, sage_order_u32);
    for (size_t i = 0; i < n; i++)
        if (!kept || values[kept - 1] != values[i]) values[kept++] = values[i];
    return kept;
}

/* All products, or a sample that holds every wanted one; then `wanted` is turned into positions in it. */
static sage_status choose_products(sage_validation *v, const sage_monitor *monitor, sage_error *error) {
    size_t all = sage_dataset_products(v->dataset), n = all;
    bool sampled = all > PRODUCTS_MAX;
    const sage_held_people *people = v->people;
    size_t named = v->n_pairs + people->n_events + people->n_targets;
    size_t room = sampled ? PRODUCTS_MAX + named : all;
    v->products = sage_alloc(room * sizeof *v->products);
    if (!v->products) return sage_fail_memory(error, room * sizeof *v->products);
    if (sampled) {
        for (size_t i = 0; i < PRODUCTS_MAX; i++) v->products[i] = (uint32_t)sage_permute(i, all, 0x76616c6964617465u);
        uint32_t *at = v->products + PRODUCTS_MAX;
        if (v->n_pairs) memcpy(at, v->wanted, v->n_pairs * sizeof *at);
        if (people->n_events) memcpy(at + v->n_pairs, people->known, people->n_events * sizeof *at);
        if (people->n_targets)
            memcpy(at + v->n_pairs + people->n_events, people->target, people->n_targets * sizeof *at);
        n = unique(v->products, room);
        sage_note(monitor, "validation searches a sample of %zu of the %zu products", n, all);
    } else {
        for (size_t i = 0; i < all; i++) v->products[i] = (uint32_t)i;
    }
    v->n_products = n;
    for (size_t i = 0; i < v->n_pairs; i++) {
        const uint32_t *at = bsearch(&v->wanted[i], v->products, n, sizeof *at, sage_order_u32);
        v->wanted[i] = (uint32_t)(at - v->products);
    }
    sage_held_people_place(v->people, v->products, n);
    return SAGE_OK;
}

sage_status sage_validation_new(const sage_dataset *dataset, const sage_options *options, const float *kept,
                                sage_pool *pool, const sage_monitor *monitor, sage_validation **validation,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    *validation = NULL;
    sage_validation *v = sage_alloc_zero(1, sizeof *v);
    if (!v) return sage_fail_memory(error, sizeof *v);
    v->dataset = dataset;
    v->kept = kept;
    v->pool = pool;
    v->monitor = monitor;
    SAGE_TRY(held_out_queries(v, error));
    bool from_catalogue = v->n_queries == 0;
    if (from_catalogue) {
        SAGE_TRY(made_queries(v, options, error));
        if (v->n_pairs > 0)
            sage_note(monitor, "no held-out search queries: validation judges on %zu pairs made from the catalogue",
                      v->n_pairs);
    }
    SAGE_TRY(held_out_pictures(v, error));
    if (from_catalogue && v->n_pictures == 0) SAGE_TRY(made_pictures(v, options, error));
    SAGE_TRY(sage_held_people_new(dataset, (size_t)sage_options_int_or(options, "user_events", EVENTS_MAX), &v->people,
                                  error));
    SAGE_TRY(choose_products(v, monitor, error));
    *validation = v;
    v = NULL;
out:
    sage_validation_free(v);
    return st;
}

void sage_validation_free(sage_validation *v) {
    if (!v) return;
    sage_sampler_free(v->sampler);
    sage_free(v->products);
    sage_free(v->ids);
    sage_free(v->id_begin);
    sage_free(v->wanted);
    sage_free(v->wanted_begin);
    sage_free(v->sentences);
    sage_free(v->given);
    sage_free(v->vectors);
    sage_free(v->query_vectors);
    sage_free(v->pictures);
    sage_free(v->query_of);
    sage_free(v->found);
    sage_free(v->n_found);
    sage_held_people_free(v->people);
    sage_free(v);
}

size_t sage_validation_vectors(const sage_validation *v) {
    size_t people = v->people->n_events + v->people->n;
    return v->n_pairs + people > 0 ? v->n_products + v->n_queries + people : 0;
}

static bool among(const sage_neighbour *found, size_t n, uint32_t row) {
    for (size_t i = 0; i < n; i++)
        if (found[i].row == row) return true;
    return false;
}

static size_t hits_of(const sage_validation *v, size_t query, const sage_neighbour *found, size_t n) {
    size_t hits = 0;
    for (uint32_t w = v->wanted_begin[query]; w < v->wanted_begin[query + 1]; w++)
        hits += among(found, n, v->wanted[w]);
    return hits;
}

/* In pieces, so that a wish to stop is heard within about a second. */
static sage_status embed_products(sage_validation *v, const sage_model *model, size_t dim, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < v->n_products && v->kept != NULL; i++)
        memcpy(v->vectors + i * dim, v->kept + (size_t)v->products[i] * dim, dim * sizeof *v->vectors);
    if (v->kept != NULL) return SAGE_OK;
    for (size_t first = 0; first < v->n_products; first += PRODUCTS_BLOCK) {
        size_t n = v->n_products - first < PRODUCTS_BLOCK ? v->n_products - first : PRODUCTS_BLOCK;
        SAGE_TRY(sage_check_cancel(v->monitor, "validation", error));
        SAGE_TRY(sage_train_embed_products(v->dataset, model, v->pool, v->products + first, n, v->vectors + first * dim,
                                           error));
    }
out:
    return st;
}

static sage_status embed_queries(sage_validation *v, const sage_model *model, sage_error *error) {
    size_t texts = v->n_queries - v->n_pictures;
    const sage_query_batch queries = {.n_texts = texts,
                                      .n_pictures = sage_dataset_image_dim(v->dataset) > 0 ? v->n_pictures : 0,
                                      .bags = {texts, v->ids, v->id_begin},
                                      .sentences = v->sentences,
                                      .pictures = v->pictures};
    sage_status st = sage_train_embed_queries(model, v->pool, &queries, v->query_vectors, error);
    if (st != SAGE_OK) return st;
    sage_validation_take_given(v->dataset, v->given, v->n_queries, sage_shape_out(sage_model_shape_of(model)),
                               v->query_vectors);
    return SAGE_OK;
}

/* Of what is known to be sought, how much is among the first K. */
static sage_status search(sage_validation *v, size_t dim, size_t *hits, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t q = 0; q < v->n_queries; q += QUERY_BLOCK) {
        size_t n = v->n_queries - q < QUERY_BLOCK ? v->n_queries - q : QUERY_BLOCK;
        SAGE_TRY(sage_exact_search(v->pool, v->vectors, v->n_products, dim, v->query_vectors + q * dim, n, K,
                                   v->found + q * K, v->n_found + q, error));
        for (size_t i = q; i < q + n; i++) *hits += hits_of(v, i, v->found + i * K, v->n_found[i]);
    }
out:
    return st;
}

/* Place of a query of the dataset among those that are asked, whose numbers ascend within texts and within pictures. */
static size_t place_of(const sage_validation *v, uint32_t number, bool picture) {
    size_t texts = v->n_queries - v->n_pictures, first = picture ? texts : 0, n = picture ? v->n_pictures : texts;
    const uint32_t *at = n > 0 ? bsearch(&number, v->query_of + first, n, sizeof *at, sage_order_u32) : NULL;
    return at != NULL ? (size_t)(at - v->query_of) : SIZE_MAX;
}

static void recall_of_task(const sage_validation *v, unsigned task, sage_recall *recall) {
    size_t n, hits = 0, judged = 0;
    const sage_pair *pairs = sage_dataset_pairs(v->dataset, SAGE_VALIDATION, task, &n);
    for (size_t i = 0; i < n; i++) {
        size_t q = place_of(v, pairs[i].query, task / SAGE_EVENT_KINDS == SAGE_ON_IMAGE);
        const uint32_t *at = bsearch(&pairs[i].product, v->products, v->n_products, sizeof *at, sage_order_u32);
        if (q == SIZE_MAX || at == NULL) continue;
        judged++;
        hits += among(v->found + q * K, v->n_found[q], (uint32_t)(at - v->products));
    }
    if (judged > 0) *recall = (sage_recall){judged, (double)hits / (double)judged};
}

/* Of queries made from the catalogue, each with one product. */
static void recall_of_made(const sage_validation *v, size_t begin, size_t end, sage_recall *recall) {
    size_t hits = 0, made = 0;
    for (size_t q = begin; q < end; q++) {
        if (v->query_of[q] != UINT32_MAX) continue;
        made++;
        hits += hits_of(v, q, v->found + q * K, v->n_found[q]);
    }
    if (made > 0) *recall = (sage_recall){made, (double)hits / (double)made};
}

static void recall_of_tasks(const sage_validation *v, sage_recalls *recalls) {
    size_t texts = v->n_queries - v->n_pictures;
    for (unsigned kind = 0; kind < SAGE_EVENT_KINDS; kind++) {
        unsigned search = SAGE_ON_SEARCH * SAGE_EVENT_KINDS + kind, image = SAGE_ON_IMAGE * SAGE_EVENT_KINDS + kind;
        recall_of_task(v, search, &recalls->task[search]);
        recall_of_task(v, image, &recalls->task[image]);
    }
    recall_of_made(v, 0, texts, &recalls->task[SAGE_TASK_CATALOGUE]);
    recall_of_made(v, texts, v->n_queries, &recalls->task[SAGE_TASK_PICTURES]);
}

static sage_status make_room(sage_validation *v, size_t dim, sage_error *error) {
    if (sage_grow((void **)&v->vectors, &v->vectors_capacity, v->n_products * dim, sizeof *v->vectors) ||
        sage_grow((void **)&v->query_vectors, &v->query_vectors_capacity, v->n_queries * dim + 1,
                  sizeof *v->query_vectors) ||
        sage_grow((void **)&v->found, &v->found_capacity, v->n_queries * K + 1, sizeof *v->found) ||
        sage_grow((void **)&v->n_found, &v->n_found_capacity, v->n_queries + 1, sizeof *v->n_found))
        return sage_fail_memory(error, v->n_products * dim * sizeof *v->vectors);
    return SAGE_OK;
}

sage_status sage_validation_recall10(void *ctx, const sage_model *model, sage_recalls *recalls, sage_error *error) {
    sage_validation *v = ctx;
    sage_status st = SAGE_OK;
    size_t dim = sage_shape_out(sage_model_shape_of(model)), hits = 0, surfaces = 0;
    double sum = 0;
    if (sage_validation_vectors(v) == 0) return SAGE_OK;
    SAGE_TRY(make_room(v, dim, error));
    SAGE_TRY(embed_products(v, model, dim, error));
    SAGE_TRY(embed_queries(v, model, error));
    SAGE_TRY(search(v, dim, &hits, error));
    recall_of_tasks(v, recalls);
    if (v->n_pairs > 0) {
        sum = (double)hits / (double)v->n_pairs;
        surfaces = 1;
    }
    SAGE_TRY(
        sage_held_people_judge(v->people, model, v->pool, v->vectors, v->n_products, recalls, &sum, &surfaces, error));
    recalls->recall10 = surfaces > 0 ? sum / (double)surfaces : 0;
out:
    return st;
}
