/* How the rows of users and of products that are looked at are shared out among tasks, how often a product is expected,
 * threads, memory. */
#include "dataset_sampler_people_help.h"

enum { STEPS = 3000 };

static size_t rows_of(const sage_sampler *sampler, sage_surface surface, sage_event_kind kind) {
    return sampler->tasks[(size_t)surface * SAGE_EVENT_KINDS + kind].rows;
}

/* ---- shares ---- */

static void what_is_worth_more_is_drawn_more_often(void **state) {
    (void)state;
    fixture f = shop_of((crowd){.users = USERS, .searches = 3000, .timed = true}, "split=hash");
    fake_set(f.options, "batch=1000");
    fake_set(f.options, "negatives=50");
    fake_set(f.options, "user_share=0.4");
    static const double worth[SAGE_EVENT_KINDS] = {1, 1.5, 2, 3};
    sage_sampler *sampler = sampler_of(&f);
    double sum = 0, pairs = 0, share[SAGE_EVENT_KINDS], number[SAGE_EVENT_KINDS];
    for (size_t k = 0; k < SAGE_EVENT_KINDS; k++) {
        number[k] = (double)sampler->tasks[k].n;
        share[k] = worth[k] * sqrt((double)sampler->tasks[SAGE_ON_USER * SAGE_EVENT_KINDS + k].n);
        pairs += number[k];
        sum += share[k];
    }
    size_t searches = 0;
    for (unsigned k = 0; k < SAGE_EVENT_KINDS; k++) searches += sampler->tasks[k].rows;
    for (unsigned k = 0; k < SAGE_EVENT_KINDS; k++) {
        assert_true(fabs((double)rows_of(sampler, SAGE_ON_USER, (sage_event_kind)k) - 400 * share[k] / sum) < 1);
        assert_true(fabs((double)sampler->tasks[k].rows - (double)searches * number[k] / pairs) < 1);
    }
    sage_sampler_free(sampler);
    release(&f);
}

static void shares_of_kinds_hold_for_every_surface(void **state) {
    (void)state;
    fixture f = shop_of((crowd){.users = USERS, .searches = 600, .timed = true}, "split=hash");
    static const char *const settings[] = {"share_click=1",    "share_save=0",   "share_add_to_cart=0",
                                           "share_checkout=3", "user_share=0.5", "closeup_share=0.25"};
    for (size_t i = 0; i < 6; i++) fake_set(f.options, settings[i]);
    sage_sampler *sampler = sampler_of(&f);
    static const struct {
        sage_surface surface;
        size_t clicks, checkouts;
    } wanted[] = {{SAGE_ON_USER, 8, 24}, {SAGE_ON_PRODUCT, 4, 12}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rows_of(sampler, wanted[i].surface, SAGE_CLICK), wanted[i].clicks);
        assert_int_equal(rows_of(sampler, wanted[i].surface, SAGE_SAVE), 0);
        assert_int_equal(rows_of(sampler, wanted[i].surface, SAGE_ADD_TO_CART), 0);
        assert_int_equal(rows_of(sampler, wanted[i].surface, SAGE_CHECKOUT), wanted[i].checkouts);
    }
    assert_int_equal(batch_of(sampler, 3)->n_texts, 16);
    sage_sampler_free(sampler);
    release(&f);
}

static void one_task_alone_may_be_trained(void **state) {
    (void)state;
    fixture f = shop_of((crowd){.users = USERS, .searches = 600, .looks = 60, .timed = true}, "split=hash");
    static const struct {
        const char *tasks;
        uint32_t trained; /* bits of kinds by surface */
        size_t users, looked;
    } cases[] = {{"tasks=user/checkout", 0x8000, 32, 0},
                 {"tasks=search/click,user/checkout", 0x8001, 19, 0},
                 {"tasks=product/save", 0x0200, 0, 8}, /* events of the surface have no saves, and half of the rows */
                 {"tasks=user,product/click", 0xF100, 32, 16},
                 {"tasks=search", 0x000F, 0, 0},
                 {"tasks=all", 0xFF0F, 19, 10}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_set(f.options, cases[i].tasks);
        sage_sampler *sampler = sampler_of(&f);
        const sage_batch *b = batch_of(sampler, 0);
        uint32_t found = 0;
        for (uint64_t step = 0; step < 3; step++) {
            b = batch_of(sampler, step);
            for (size_t row = 0; row < b->n_pairs; row++) {
                if (b->task[row] < SAGE_TASKS) found |= UINT32_C(1) << b->task[row];
            }
        }
        assert_int_equal(found, cases[i].trained);
        assert_int_equal(b->n_users, cases[i].users);
        if (cases[i].looked != 8) assert_int_equal(b->n_looked, cases[i].looked);
        sage_sampler_free(sampler);
    }
    release(&f);
}

static void bad_settings_are_refused(void **state) {
    (void)state;
    fixture f = timed_shop();
    static const char *const bad[][2] = {{"tasks=user/look", "tasks=all"},
                                         {"tasks=search/click,", "tasks=all"},
                                         {"tasks=user/checkout,users", "tasks=all"},
                                         {"closeup_share=0.7", "closeup_share=auto"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sage_sampler *sampler;
        sage_error error;
        fake_set(f.options, bad[i][0]);
        fake_set(f.options, "user_share=0.5");
        assert_int_equal(sage_sampler_new(f.dataset, f.options, NULL, 1, &sampler, &error), SAGE_E_ARGUMENT);
        assert_true(error.text[0] != '\0');
        assert_null(sampler);
        fake_set(f.options, bad[i][1]);
    }
    fake_set(f.options, "user_share=1");
    sage_sampler *sampler = sampler_of(&f);
    assert_int_equal(batch_of(sampler, 0)->n_users, 64); /* and no room for anything else */
    sage_sampler_free(sampler);
    release(&f);
}

static void counts_may_weigh(void **state) {
    (void)state;
    fixture f = timed_shop();
    fake_set(f.options, "count_power=0.5");
    sage_sampler *sampler = sampler_of(&f);
    const sage_batch *b = batch_of(sampler, 0);
    size_t heavier = 0;
    for (size_t row = first_looked(b); row < b->n_pairs; row++) {
        aim a;
        assert_true(aim_of(&f, sampler, b, row, &a));
        assert_true(fabsf(b->weight[row] - sqrtf(a.event->count)) < 1e-6f);
        heavier += a.event->count > 1;
    }
    assert_true(heavier > 10);
    sage_sampler_free(sampler);
    release(&f);
}

static void a_product_without_anything_weighs_nothing(void **state) {
    (void)state;
    fixture f = {fake_new(), fake_options(), NULL};
    char id[24];
    for (int i = 0; i < 60; i++) fake_product(f.catalog, i % 2 == 0 ? "oak table" : "***");
    for (int u = 0; u < 40; u++) {
        snprintf(id, sizeof id, "u%d", u);
        for (int i = 0; i < 6; i++) fake_act(f.catalog, id, 10 * (1 + (7 * u + 11 * i) % 60), SAGE_CLICK, INT64_MIN);
    }
    fake_sort_events(f.catalog);
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    fake_set(f.options, "user_share=auto");
    sage_sampler *sampler = sampler_of(&f);
    const sage_batch *b = batch_of(sampler, 0);
    size_t nothing = 0;
    assert_true(b->n_users > 10);
    for (size_t row = first_user(b); row < b->n_pairs; row++) {
        assert_true(b->weight[row] == (b->product[row] % 2 == 0 ? 1 : 0));
        nothing += b->weight[row] == 0;
    }
    assert_true(nothing > 3);
    sage_sampler_free(sampler);
    release(&f);
}

static void of_products_that_are_but_numbers_no_row_is_made(void **state) {
    (void)state;
    fixture f = {fake_new(), fake_options(), NULL};
    char id[24];
    for (int i = 0; i < 90; i++) fake_product(f.catalog, "")->fingerprint = (sage_fingerprint){5, 5};
    for (int u = 0; u < 60; u++) {
        snprintf(id, sizeof id, "u%d", u);
        for (int i = 0; i < 6; i++) fake_act(f.catalog, id, 10 * (1 + (7 * u + 11 * i) % 90), SAGE_CLICK, INT64_MIN);
    }
    fake_sort_events(f.catalog);
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    fake_set(f.options, "user_share=auto");
    fake_set(f.options, "closeup_share=auto");
    fake_set(f.options, "batch=60");
    sage_sampler *sampler = sampler_of(&f);
    const sage_batch *b = batch_of(sampler, 0);
    assert_int_equal(b->n_users, 40);
    assert_int_equal(b->n_looked, 20);
    assert_int_equal(b->n_texts, 0);
    sage_sampler_free(sampler);
    release(&f);
}

/* ---- logQ ---- */

static void log_q_is_what_steps_draw(void **state) {
    (void)state;
    fixture f = shop_of((crowd){.users = USERS, .searches = 500, .looks = 150, .timed = true}, "split=time");
    sage_sampler *sampler = sampler_of(&f);
    double drawn[PRODUCTS] = {0}, sum = 0;
    for (uint64_t step = 0; step < STEPS; step++) {
        sage_sampler_plan_rows(sampler, step);
        for (size_t i = 0; i < 64; i++) drawn[sampler->product[i]] += 1.0 / STEPS;
    }
    assert_true(sampler->people.n_users > 0 && sampler->people.n_looked > 0 && sampler->n_texts > 0);
    for (size_t j = 0; j < PRODUCTS; j++) {
        double expected = (double)sampler->expected[j];
        assert_true(fabs(drawn[j] - expected) < 0.01 + 0.05 * expected);
        sum += expected;
    }
    assert_true(fabs(sum - 64) < 1e-3);
    fake_set(f.options, "log_q=sketch");
    sage_sampler *sketched = sampler_of(&f);
    const sage_batch *b = batch_of(sketched, 1);
    for (size_t i = 0; i < 64; i++)
        assert_true(fabs((double)b->log_q[i] - log((double)sampler->expected[b->product[i]])) < 1e-5);
    sage_sampler_free(sketched);
    sage_sampler_free(sampler);
    release(&f);
}

/* ---- threads, memory, faults ---- */

static uint64_t hash_more(uint64_t hash, const void *data, size_t bytes) {
    return XXH3_64bits_withSeed(data, bytes, hash);
}

static uint64_t hash_of(const sage_batch *b) {
    size_t columns = b->n_pairs + b->n_random, n = b->user_begin[b->n_users];
    uint64_t h = hash_more(columns, b->product, columns * 4);
    h = hash_more(h, b->task, b->n_pairs);
    h = hash_more(h, b->weight, b->n_pairs * 4);
    h = hash_more(h, b->log_q, b->n_pairs * 4);
    h = hash_more(h, b->mask, b->n_pairs * ((columns + 63) / 64) * 8);
    h = hash_more(h, b->query_begin, (b->n_texts + 1) * 4);
    h = hash_more(h, b->query_ids, b->query_begin[b->n_texts] * (size_t)4);
    h = hash_more(h, b->looked_at, b->n_looked * 4);
    h = hash_more(h, b->user_begin, (b->n_users + 1) * 4);
    h = hash_more(h, b->user_product, n * 4);
    h = hash_more(h, b->user_kind, n);
    return hash_more(h, b->user_age, n * 4);
}

static void threads_order_and_twins_do_not_matter(void **state) {
    (void)state;
    fixture f = shop_of((crowd){.users = USERS, .searches = 500, .looks = 150, .timed = true}, "split=time");
    uint64_t wanted[4];
    sage_sampler *first = sampler_of(&f), *twin;
    for (uint64_t step = 0; step < 4; step++) wanted[step] = hash_of(batch_of(first, step));
    assert_true(wanted[0] != wanted[1]);
    for (size_t threads = 2; threads <= 5; threads++) {
        sage_pool *pool;
        assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
        sage_sampler *sampler = sampler_with(&f, pool, 11);
        for (uint64_t step = 4; step-- > 0;) assert_int_equal(hash_of(batch_of(sampler, step)), wanted[step]);
        assert_int_equal(sage_sampler_twin(first, pool, &twin, NULL), SAGE_OK);
        for (uint64_t step = 4; step-- > 0;) assert_int_equal(hash_of(batch_of(twin, step)), wanted[step]);
        sage_sampler_free(twin);
        sage_sampler_free(sampler);
        sage_pool_free(pool);
    }
    sage_sampler *other = sampler_with(&f, NULL, 12);
    assert_true(hash_of(batch_of(other, 0)) != wanted[0]);
    sage_sampler_free(other);
    sage_sampler_free(first);
    release(&f);
}

static void all_memory_is_counted_and_later_steps_take_none(void **state) {
    (void)state;
    fixture f = timed_shop();
    fake_set(f.options, "user_events=10");
    sage_sampler *few = sampler_of(&f);
    fake_set(f.options, "user_events=30");
    sage_sampler *many = sampler_of(&f);
    assert_int_equal(sage_sampler_memory_bytes(many) - sage_sampler_memory_bytes(few), 32 * 20 * (4 + 1 + 4));
    size_t targets = 0, weights = 0;
    for (unsigned t = SAGE_ON_PRODUCT * SAGE_EVENT_KINDS; t < SAGE_TASKS; t++) {
        size_t all;
        sage_dataset_targets(f.dataset, (sage_event_kind)(t % SAGE_EVENT_KINDS), &all);
        targets += many->tasks[t].n < all ? many->tasks[t].n : 0;
        weights += many->tasks[t].n;
    }
    fake_set(f.options, "user_share=0");
    fake_set(f.options, "closeup_share=0");
    sage_sampler *without = sampler_of(&f);
    assert_int_equal(sage_sampler_shared_bytes(many) - sage_sampler_shared_bytes(without),
                     targets * 4 + weights * 8 + PRODUCTS);
    for (uint64_t step = 0; step < 20; step++) batch_of(many, step);
    sage_alloc_fail_from(0);
    for (uint64_t step = 20; step-- > 0;) batch_of(many, step);
    assert_int_equal(sage_alloc_fail_from(0), 0);
    sage_sampler_free(few);
    sage_sampler_free(many);
    sage_sampler_free(without);
    release(&f);
}

static void each_allocation_failed_in_turn(void **state) {
    (void)state;
    fixture f = shop_of((crowd){.users = 40, .looks = 20, .timed = true}, "split=time");
    unsigned long failed = 0;
    for (unsigned long i = 1;; i++) {
        sage_sampler *sampler = NULL;
        const sage_batch *batch;
        sage_alloc_fail_from(i);
        sage_status st = sage_sampler_new(f.dataset, f.options, NULL, 1, &sampler, NULL);
        if (st == SAGE_OK) st = sage_sampler_batch(sampler, 0, &batch, NULL);
        sage_alloc_fail_from(0);
        sage_sampler_free(sampler);
        if (st == SAGE_OK) break;
        assert_int_equal(st, SAGE_E_MEMORY);
        failed++;
    }
    assert_true(failed > 40);
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_worth_more_is_drawn_more_often),
        cmocka_unit_test(shares_of_kinds_hold_for_every_surface),
        cmocka_unit_test(one_task_alone_may_be_trained),
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(counts_may_weigh),
        cmocka_unit_test(a_product_without_anything_weighs_nothing),
        cmocka_unit_test(of_products_that_are_but_numbers_no_row_is_made),
        cmocka_unit_test(log_q_is_what_steps_draw),
        cmocka_unit_test(threads_order_and_twins_do_not_matter),
        cmocka_unit_test(all_memory_is_counted_and_later_steps_take_none),
        cmocka_unit_test(each_allocation_failed_in_turn),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
