/* Products' own tokens: who gets one, and how they stand in batches. */
#include "dataset_fake.h"

#include <dataset/sampler_impl.h>

typedef struct fixture {
    sage_catalog *catalog;
    sage_options *options;
    sage_dataset *dataset;
} fixture;

static fixture shop_of(size_t products, size_t events) {
    fixture f = {fake_shop(products, events, 3), fake_options(), NULL};
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    return f;
}

static void release(fixture *f) {
    sage_dataset_close(f->dataset);
    sage_options_free(f->options);
    free(f->catalog);
}

static sage_tokens tokens_of(const fixture *f) {
    sage_tokens tokens;
    sage_error error;
    if (sage_dataset_tokens(f->dataset, f->options, &tokens, &error) != SAGE_OK) fail_msg("%s", error.text);
    return tokens;
}

/* As the queries tell, or as the people do, who are the same events' where these name both. */
static size_t events_of(const fixture *f, size_t product) {
    size_t events = 0, done = 0;
    for (unsigned task = 0; task < SAGE_TASKS; task++) {
        size_t n;
        const sage_pair *pairs = sage_dataset_pairs(f->dataset, SAGE_TRAIN, task, &n);
        for (size_t i = 0; i < n; i++) events += pairs[i].product == product ? pairs[i].count : 0;
    }
    for (size_t u = 0; u < sage_dataset_users(f->dataset); u++) {
        sage_packed_user user;
        sage_dataset_user(f->dataset, u, &user);
        for (size_t i = 0; i < user.n; i++)
            if (user.part == SAGE_TRAIN && user.events[i].part == SAGE_TRAIN && user.events[i].product == product)
                done += user.events[i].count;
    }
    return events > done ? events : done;
}

static void those_with_enough_events_have_one(void **state) {
    (void)state;
    fixture f = shop_of(400, 2000);
    for (size_t least = 3; least < 8; least += 3) {
        if (least > 3) fake_set(f.options, "token_events=6");
        fake_set(f.options, "product_token=on");
        sage_tokens tokens = tokens_of(&f);
        size_t number = 0;
        for (size_t i = 0; i < sage_dataset_products(f.dataset); i++) {
            bool enough = events_of(&f, i) >= least;
            assert_int_equal(tokens.of[i], enough ? number : UINT32_MAX);
            if (enough) assert_int_equal(tokens.pids[number++], sage_dataset_pids(f.dataset)[i]);
        }
        assert_int_equal(tokens.n, number);
        assert_true(number > 0 && number < sage_dataset_products(f.dataset));
        sage_tokens_free(&tokens);
    }
    release(&f);
}

static void auto_wants_five_events_a_product(void **state) {
    (void)state;
    static const struct {
        size_t events;
        bool on;
    } cases[] = {{8000, true}, {600, false}, {0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture f = shop_of(400, cases[i].events);
        sage_tokens tokens = tokens_of(&f);
        assert_int_equal(tokens.n > 0, cases[i].on);
        sage_tokens_free(&tokens);
        if (cases[i].on) {
            fake_set(f.options, "product_token=off");
            tokens = tokens_of(&f);
            assert_int_equal(tokens.n, 0);
            sage_tokens_free(&tokens);
        }
        release(&f);
    }
}

/* The token of column c's product, or SAGE_NO_ID; it comes last and is a bag of one. */
static uint32_t token_in(const sage_batch *b, size_t c) {
    uint32_t found = SAGE_NO_ID;
    for (size_t t = b->token_begin[c]; t < b->token_begin[c + 1]; t++) {
        if (b->token_field[t] < SAGE_FIELDS) continue;
        assert_int_equal(b->token_field[t], SAGE_FIELDS);
        assert_int_equal(t, b->token_begin[c + 1] - 1);
        assert_int_equal(b->bag_begin[t + 1] - b->bag_begin[t], 1);
        found = b->token_ids[b->bag_begin[t]];
    }
    return found;
}

static void half_of_them_are_dropped(void **state) {
    (void)state;
    fixture f = shop_of(400, 2000);
    fake_set(f.options, "product_token=on");
    fake_set(f.options, "token_dropout=0.5");
    sage_tokens tokens = tokens_of(&f);
    size_t vocab = sage_vocab_size(sage_dataset_vocab(f.dataset)), there = 0, kept = 0;
    sage_sampler *sampler;
    const sage_batch *b;
    assert_int_equal(sage_sampler_new(f.dataset, f.options, NULL, 5, &sampler, NULL), SAGE_OK);
    for (uint64_t step = 0; step < 3; step++) {
        assert_int_equal(sage_sampler_batch(sampler, step, &b, NULL), SAGE_OK);
        for (size_t c = 0; c < b->n_pairs + b->n_random; c++) {
            uint32_t number = tokens.of[b->product[c]], id = token_in(b, c);
            there += number != UINT32_MAX;
            kept += id != SAGE_NO_ID;
            if (id != SAGE_NO_ID) assert_int_equal(id, vocab + number);
        }
    }
    assert_true(there > 500 && kept * 100 > there * 42 && kept * 100 < there * 58);
    sage_sampler_free(sampler);
    sage_tokens_free(&tokens);
    release(&f);
}

/* Products without words have nothing else. */
static void the_last_token_stays(void **state) {
    (void)state;
    fixture f = {fake_new(), fake_options(), NULL};
    for (int i = 0; i < 40; i++) {
        sage_product_row *row = fake_product(f.catalog, i % 2 == 0 ? "oak table" : "!");
        for (int k = 0; k < 5; k++) fake_event(f.catalog, SAGE_ON_SEARCH, "oak", row->pid, SAGE_CLICK, 1);
    }
    fake_sort_events(f.catalog);
    fake_set(f.options, "product_token=on");
    fake_set(f.options, "token_dropout=1");
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    sage_sampler *sampler;
    const sage_batch *b;
    size_t wordless = 0;
    assert_int_equal(sage_sampler_new(f.dataset, f.options, NULL, 5, &sampler, NULL), SAGE_OK);
    assert_int_equal(sage_sampler_batch(sampler, 0, &b, NULL), SAGE_OK);
    for (size_t c = 0; c < b->n_pairs + b->n_random; c++) {
        sage_packed_product p;
        sage_dataset_product(f.dataset, b->product[c], &p);
        bool words = p.begin[SAGE_FIELDS] > 0;
        wordless += !words;
        if (!words && sampler->tokens.of[b->product[c]] != UINT32_MAX)
            assert_true(token_in(b, c) != SAGE_NO_ID && b->token_begin[c + 1] - b->token_begin[c] == 1);
        else
            assert_int_equal(token_in(b, c), SAGE_NO_ID);
    }
    assert_true(wordless > 0 && sampler->tokens.n > 0);
    sage_sampler_free(sampler);
    release(&f);
}

static void without_texts_one_event_will_do(void **state) {
    (void)state;
    fixture f = {fake_new(), fake_options(), NULL};
    for (int i = 0; i < 40; i++) {
        int64_t pid = fake_product(f.catalog, "!")->pid;
        if (i % 2 == 0) fake_event(f.catalog, SAGE_ON_USER, "somebody", pid, SAGE_CLICK, 1);
    }
    fake_sort_events(f.catalog);
    fake_set(f.options, "holdout=0");
    f.dataset = fake_open(fake_build(f.catalog, f.options));
    sage_tokens tokens = tokens_of(&f);
    assert_int_equal(tokens.n, 20);
    sage_tokens_free(&tokens);
    fake_set(f.options, "token_events=2");
    tokens = tokens_of(&f);
    assert_int_equal(tokens.n, 0);
    sage_tokens_free(&tokens);
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_with_enough_events_have_one),
        cmocka_unit_test(auto_wants_five_events_a_product),
        cmocka_unit_test(without_texts_one_event_will_do),
        cmocka_unit_test(half_of_them_are_dropped),
        cmocka_unit_test(the_last_token_stays),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
