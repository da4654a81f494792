/* A shop with users, and its batches. Include in one file of a program only. */
#ifndef TESTS_UNIT_DATASET_SAMPLER_PEOPLE_HELP_H
#define TESTS_UNIT_DATASET_SAMPLER_PEOPLE_HELP_H

#include "dataset_fake.h"

#include <dataset/sampler_impl.h>
#include <math.h>

enum { PRODUCTS = 300, USERS = 120 };
static const int64_t DAY = 86400000;

typedef struct fixture {
    sage_catalog *catalog;
    sage_options *options;
    sage_dataset *dataset;
} fixture;

typedef struct crowd {
    size_t users, searches, looks; /* looks: events of the surface product */
    bool timed, some_untimed;
} crowd;

/* Users of 1 to 40 events within 90 days, clicks most often; several may fall on one moment, and many are of the few
 * products that everybody likes. */
static void add_users(sage_catalog *catalog, const crowd *c) {
    sage_rng rng;
    char id[24];
    sage_rng_seed(&rng, 8, 8);
    for (size_t u = 0; u < c->users; u++) {
        size_t n = 1 + sage_rng_below(&rng, 40);
        snprintf(id, sizeof id, "u%zu", u);
        for (size_t i = 0; i < n; i++) {
            double x = sage_rng_unit(&rng);
            int64_t pid = 10 * (1 + (int64_t)(x * x * PRODUCTS));
            uint64_t draw = sage_rng_below(&rng, 10);
            sage_event_kind kind = draw < 6 ? SAGE_CLICK : (sage_event_kind)(draw % SAGE_EVENT_KINDS);
            bool timed = c->timed && !(c->some_untimed && i % 5 == 0);
            int64_t time = (int64_t)sage_rng_below(&rng, 90 * 4) * (DAY / 4);
            fake_event(catalog, SAGE_ON_USER, id, pid, kind, 1 + sage_rng_below(&rng, 3))->time_ms =
                timed ? time : INT64_MIN;
        }
    }
    for (size_t i = 0; i < c->looks; i++) {
        snprintf(id, sizeof id, "%d", 10 * (1 + (int)sage_rng_below(&rng, 40)));
        fake_event(catalog, SAGE_ON_PRODUCT, id, 10 * (1 + (int64_t)sage_rng_below(&rng, PRODUCTS)),
                   sage_rng_below(&rng, 2) == 0 ? SAGE_CLICK : SAGE_CHECKOUT, 2);
    }
    fake_sort_events(catalog);
}

static inline fixture shop_over(sage_catalog *catalog, const char *split) {
    fixture f = {catalog, fake_options(), NULL};
    fake_set(f.options, split);
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    fake_set(f.options, "batch=64");
    fake_set(f.options, "negatives=70");
    fake_set(f.options, "user_share=auto");
    fake_set(f.options, "closeup_share=auto");
    return f;
}

static inline fixture shop_of(crowd c, const char *split) {
    sage_catalog *catalog = fake_shop(PRODUCTS, c.searches, 3);
    add_users(catalog, &c);
    return shop_over(catalog, split);
}

static inline fixture timed_shop(void) {
    return shop_of((crowd){.users = USERS, .timed = true}, "split=time");
}

static inline fixture untimed_shop(void) {
    return shop_of((crowd){.users = USERS}, "split=hash");
}

static void release(fixture *f) {
    sage_dataset_close(f->dataset);
    sage_options_free(f->options);
    free(f->catalog);
}

static sage_sampler *sampler_with(const fixture *f, sage_pool *pool, uint64_t seed) {
    sage_sampler *sampler;
    sage_error error;
    if (sage_sampler_new(f->dataset, f->options, pool, seed, &sampler, &error) != SAGE_OK) fail_msg("%s", error.text);
    return sampler;
}

static inline sage_sampler *sampler_of(const fixture *f) {
    return sampler_with(f, NULL, 11);
}

static inline const sage_batch *batch_of(sage_sampler *sampler, uint64_t step) {
    const sage_batch *batch;
    sage_error error;
    if (sage_sampler_batch(sampler, step, &batch, &error) != SAGE_OK) fail_msg("%s", error.text);
    return batch;
}

static inline size_t first_looked(const sage_batch *b) {
    return b->n_texts + b->n_pictures;
}

static inline size_t first_user(const sage_batch *b) {
    return first_looked(b) + b->n_looked;
}

/* The event that a row is to predict and its user, found by their numbers. */
typedef struct aim {
    sage_packed_user user;
    const sage_user_event *event;
    size_t trained; /* events of the user that are trained on */
} aim;

static inline bool aim_of(const fixture *f, const sage_sampler *sampler, const sage_batch *b, size_t row, aim *a) {
    uint32_t number = sampler->people.event[row - first_looked(b)];
    if (number == SAGE_NO_EVENT) return false;
    sage_dataset_user(f->dataset, sage_dataset_event_user(f->dataset, number), &a->user);
    assert_true(number >= a->user.first && number - a->user.first < a->user.n);
    assert_int_equal(a->user.part, SAGE_TRAIN);
    a->event = &a->user.events[number - a->user.first];
    assert_int_equal(a->event->part, SAGE_TRAIN);
    assert_int_equal(a->event->product, b->product[row]);
    assert_int_equal(a->event->kind, b->task[row] % SAGE_EVENT_KINDS);
    a->trained = 0;
    for (size_t i = 0; i < a->user.n; i++) a->trained += a->user.events[i].part == SAGE_TRAIN;
    return true;
}

static inline uint64_t same_of(const fixture *f, uint32_t product) {
    sage_packed_product p;
    sage_dataset_product(f->dataset, product, &p);
    return p.same;
}

#endif
