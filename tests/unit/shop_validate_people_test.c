/* Validation of queries that are users and products: against counting one by one, by both splits. */
#include "dataset_sampler_people_help.h"

#include <shop/validate_people.h>

enum { MANY = 9000, EVENTS_MAX = 16, FOUND = 10 };

/* Towers for users and products over a dataset's vocabulary, all parameters other than zero. */
static sage_model *model_of(const sage_dataset *dataset, bool towers) {
    const sage_vocab *vocab = sage_dataset_vocab(dataset);
    sage_model_shape shape = {.vocab = sage_vocab_size(vocab),
                              .rows = sage_vocab_size(vocab),
                              .hashes = 1,
                              .dim_embed = 16,
                              .dim_model = 16,
                              .heads = 2,
                              .dim_ff = 16,
                              .dim_head = 16,
                              .dim_out = 16};
    sage_options *options;
    sage_model *model;
    sage_rng rng;
    size_t n = 0;
    while (sage_model_options[n].key != NULL) n++;
    assert_int_equal(sage_options_over(sage_model_options, n, &options, NULL), SAGE_OK);
    if (towers) assert_int_equal(sage_model_shape_towers(options, true, EVENTS_MAX, &shape, NULL), SAGE_OK);
    assert_int_equal(sage_model_new(&shape, options, vocab, 1, &model, NULL), SAGE_OK);
    sage_rng_seed(&rng, 4, 4);
    for (size_t i = 0; i < sage_model_dense_size(model); i++)
        sage_model_dense(model)[i] += (real)(0.05 * (sage_rng_unit(&rng) - 0.5));
    sage_options_free(options);
    return model;
}

/* ---- one by one ---- */

typedef struct score {
    size_t hits[SAGE_SAMPLER_TASKS], pairs[SAGE_SAMPLER_TASKS];
} score;

static float dot(const float *a, const float *b, size_t n) {
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static bool done_with(const sage_user_event *events, size_t n, uint32_t product) {
    for (size_t i = 0; i < n; i++)
        if (events[i].product == product) return true;
    return false;
}

static void count(score *s, sage_surface surface, const sage_packed_user *user, const sage_user_event *known, size_t n,
                  bool leave_out, const float *vectors, const float *query, size_t dim) {
    for (size_t t = 0; t < user->n; t++) {
        const sage_user_event *event = &user->events[t];
        size_t better = 0, task = (size_t)surface * SAGE_EVENT_KINDS + event->kind;
        if (event->part != SAGE_VALIDATION) continue;
        for (uint32_t i = 0; i < PRODUCTS; i++) {
            if (i == event->product || (leave_out && done_with(known, n, i))) continue;
            float mine = dot(vectors + event->product * dim, query, dim), its = dot(vectors + i * dim, query, dim);
            better += its > mine || (its == mine && i < event->product);
        }
        s->pairs[task]++;
        s->hits[task] += better < FOUND;
    }
}

static void judge_one(const sage_dataset *d, const sage_model *model, const float *vectors, size_t u, bool leave_out,
                      score *s) {
    enum { MOST = 64 };
    float seen[EVENTS_MAX * 16], age[EVENTS_MAX], query[16];
    uint8_t kind[EVENTS_MAX];
    sage_user_event events[MOST];
    sage_packed_user user;
    sage_dataset_user(d, u, &user);
    assert_true(user.n <= MOST);
    size_t n = sage_user_known(&user, SAGE_VALIDATION, events), first = n > EVENTS_MAX ? n - EVENTS_MAX : 0;
    int64_t moment = sage_user_moment(d, &user, SAGE_VALIDATION);
    if (n == 0) return;
    for (size_t i = first; i < n; i++) {
        bool timed = moment != INT64_MIN && events[i].time_ms != INT64_MIN;
        memcpy(seen + (i - first) * 16, vectors + events[i].product * 16, 16 * sizeof *seen);
        kind[i - first] = events[i].kind;
        age[i - first] = timed ? (float)(((double)moment - (double)events[i].time_ms) / (double)DAY) : NAN;
    }
    const uint32_t begin[2] = {0, (uint32_t)(n - first)};
    const sage_query_batch person = {
        .n_users = 1, .user_begin = begin, .user_vectors = seen, .user_kind = kind, .user_age = age};
    const sage_query_batch product = {.n_looked = 1, .looked = seen + (n - first - 1) * 16};
    assert_int_equal(sage_train_embed_queries(model, NULL, &person, query, NULL), SAGE_OK);
    count(s, SAGE_ON_USER, &user, events + first, n - first, leave_out, vectors, query, 16);
    assert_int_equal(sage_train_embed_queries(model, NULL, &product, query, NULL), SAGE_OK);
    count(s, SAGE_ON_PRODUCT, &user, events + first, n - first, leave_out, vectors, query, 16);
}

static void expect_counted(fixture f, bool leave_out) {
    static float vectors[PRODUCTS * 16];
    static uint32_t all[PRODUCTS];
    sage_held_people *people;
    sage_recalls recalls = {0};
    score wanted = {{0}, {0}};
    double sum = 0, mean = 0;
    size_t surfaces = 0, judged = 0;
    sage_model *model = model_of(f.dataset, true);
    for (uint32_t i = 0; i < PRODUCTS; i++) all[i] = i;
    assert_int_equal(sage_train_embed_products(f.dataset, model, NULL, NULL, PRODUCTS, vectors, NULL), SAGE_OK);
    assert_int_equal(sage_held_people_new(f.dataset, EVENTS_MAX, &people, NULL), SAGE_OK);
    sage_held_people_place(people, all, PRODUCTS);
    assert_int_equal(sage_held_people_judge(people, model, NULL, vectors, PRODUCTS, &recalls, &sum, &surfaces, NULL),
                     SAGE_OK);
    assert_int_equal(people->by_time, !leave_out);
    for (size_t u = 0; u < sage_dataset_users(f.dataset); u++)
        judge_one(f.dataset, model, vectors, u, leave_out, &wanted);
    for (size_t surface = 0; surface < SAGE_SURFACES; surface++) {
        size_t hits = 0, pairs = 0;
        for (size_t task = surface * SAGE_EVENT_KINDS; task < (surface + 1) * SAGE_EVENT_KINDS; task++) {
            assert_int_equal(recalls.task[task].pairs, wanted.pairs[task]);
            assert_int_equal(lround(recalls.task[task].recall10 * (double)wanted.pairs[task]), wanted.hits[task]);
            hits += wanted.hits[task];
            pairs += wanted.pairs[task];
        }
        if (pairs == 0) continue;
        assert_true(surface == SAGE_ON_USER || surface == SAGE_ON_PRODUCT);
        assert_true(hits > 0 && hits < pairs);
        judged++;
        mean += (double)hits / (double)pairs;
    }
    assert_int_equal(judged, 2);
    assert_int_equal(surfaces, 2);
    assert_true(fabs(sum - mean) < 1e-9);
    sage_held_people_free(people);
    sage_model_free(model);
    release(&f);
}

static void by_time_all_products_are_found(void **state) {
    (void)state;
    expect_counted(timed_shop(), false);
}

static void by_hash_known_products_are_left_out(void **state) {
    (void)state;
    expect_counted(shop_of((crowd){.users = 900}, "split=hash"), true);
}

/* ---- what else there may be ---- */

static void a_model_without_towers_judges_none(void **state) {
    (void)state;
    static float vectors[PRODUCTS * 16];
    fixture f = timed_shop();
    sage_held_people *people;
    sage_recalls recalls = {0};
    double sum = 0;
    size_t surfaces = 0;
    sage_model *model = model_of(f.dataset, false);
    assert_int_equal(sage_held_people_new(f.dataset, EVENTS_MAX, &people, NULL), SAGE_OK);
    assert_true(people->n > 0);
    assert_int_equal(sage_held_people_judge(people, model, NULL, vectors, PRODUCTS, &recalls, &sum, &surfaces, NULL),
                     SAGE_OK);
    assert_int_equal(surfaces, 0);
    for (size_t task = 0; task < SAGE_SAMPLER_TASKS; task++) assert_int_equal(recalls.task[task].pairs, 0);
    sage_held_people_free(people);
    sage_model_free(model);
    release(&f);
}

/* Each of them did two things, one after the first cut; the second product grows with the user's number. */
static void of_many_users_an_even_part_is_asked(void **state) {
    (void)state;
    fixture f = {fake_shop(PRODUCTS, 400, 3), fake_options(), NULL}; /* whose times the cuts come from */
    char id[24];
    for (size_t u = 0; u < MANY; u++) {
        snprintf(id, sizeof id, "u%05zu", u);
        for (int64_t i = 0; i < 2; i++)
            fake_act(f.catalog, id, 10 * (1 + (i == 0 ? 0 : (int64_t)(u * (PRODUCTS - 1) / MANY) + 1)), SAGE_CLICK,
                     i * 850000000 + (int64_t)(u * 7919 % MANY));
    }
    fake_sort_events(f.catalog);
    fake_set(f.options, "split=time");
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    sage_held_people *people;
    size_t asked = 0, in_first_half = 0;
    for (size_t u = 0; u < sage_dataset_users(f.dataset); u++) {
        sage_packed_user user;
        sage_dataset_user(f.dataset, u, &user);
        for (size_t i = 0; i < user.n; i++) asked += user.events[i].part == SAGE_VALIDATION;
    }
    assert_int_equal(sage_held_people_new(f.dataset, EVENTS_MAX, &people, NULL), SAGE_OK);
    assert_true(asked > 2 * SAGE_VALIDATION_USERS);
    assert_in_range(people->n, SAGE_VALIDATION_USERS - 20, SAGE_VALIDATION_USERS); /* of a few nothing is known */
    for (size_t i = 0; i < people->n_targets; i++) in_first_half += people->target[i] <= PRODUCTS / 2;
    assert_in_range(in_first_half, people->n * 45 / 100, people->n * 55 / 100);
    sage_held_people_free(people);
    release(&f);
}

static void a_failed_allocation_is_an_error(void **state) {
    (void)state;
    static float vectors[PRODUCTS * 16];
    static uint32_t all[PRODUCTS];
    fixture f = untimed_shop();
    sage_model *model = model_of(f.dataset, true);
    for (uint32_t i = 0; i < PRODUCTS; i++) all[i] = i;
    for (unsigned long n = 1;; n++) {
        sage_held_people *people = NULL;
        sage_recalls recalls = {0};
        double sum = 0;
        size_t surfaces = 0;
        sage_alloc_fail_from(n);
        sage_status st = sage_held_people_new(f.dataset, EVENTS_MAX, &people, NULL);
        if (st == SAGE_OK) {
            sage_held_people_place(people, all, PRODUCTS);
            st = sage_held_people_judge(people, model, NULL, vectors, PRODUCTS, &recalls, &sum, &surfaces, NULL);
        }
        unsigned long made = sage_alloc_fail_from(0);
        sage_held_people_free(people);
        if (st == SAGE_OK && made < n) break;
        assert_int_equal(st, SAGE_E_MEMORY);
    }
    sage_model_free(model);
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_time_all_products_are_found),     cmocka_unit_test(by_hash_known_products_are_left_out),
        cmocka_unit_test(a_model_without_towers_judges_none), cmocka_unit_test(of_many_users_an_even_part_is_asked),
        cmocka_unit_test(a_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
