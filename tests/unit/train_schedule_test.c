/* Settings and the learning-rate schedule. */
#include "support/test.h"
#include <base/option_table.h>
#include <dataset/sampler.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <train/settings.h>
#include <train/train.h>

static sage_options *options_with(const char *first, const char *second) {
    sage_options *options = NULL;
    static sage_option table[128]; /* a training's own, and the sampler's, which says which softmaxes there are */
    size_t n = 0;
    for (const sage_option *row = sage_train_options; row->key; row++) table[n++] = *row;
    for (const sage_option *row = sage_sampler_options; row->key && n < 128; row++) table[n++] = *row;
    assert_int_equal(sage_options_over(table, n, &options, NULL), SAGE_OK);
    if (first) assert_int_equal(sage_options_set(options, first, NULL), SAGE_OK);
    if (second) assert_int_equal(sage_options_set(options, second, NULL), SAGE_OK);
    return options;
}

static sage_train_settings settings_of(const char *first, const char *second, const sage_train_size *size) {
    sage_train_settings settings;
    sage_options *options = options_with(first, second);
    sage_train_settings_read(options, size, &settings);
    sage_options_free(options);
    return settings;
}

static void every_default_is_within_its_bounds(void **state) {
    (void)state;
    sage_options *options = options_with(NULL, NULL);
    for (const sage_option *row = sage_train_options; row->key; row++) {
        char assignment[200];
        snprintf(assignment, sizeof assignment, "%s=%s", row->key, row->default_text);
        assert_int_equal(sage_options_set(options, assignment, NULL), SAGE_OK);
    }
    sage_options_free(options);
}

static void auto_steps_follow_the_data(void **state) {
    (void)state;
    sage_train_size small = {.products = 500, .pairs = 10, .batch = 256, .seed = 7};
    sage_train_size large = {.products = 54667, .pairs = 33000, .batch = 1024, .seed = 7};
    sage_train_settings few = settings_of(NULL, NULL, &small), many = settings_of(NULL, NULL, &large);
    assert_true(few.steps >= 100 && few.steps < many.steps);
    assert_true(many.warmup < many.steps && many.eval_every < many.steps);
    assert_int_equal(few.seed, 7);
    sage_train_settings given = settings_of("steps=40", "train_seed=9", &large);
    assert_int_equal(given.steps, 40);
    assert_int_equal(given.seed, 9);
}

static void prefixes_are_read_or_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t n, last;
    } good[] = {{"matryoshka=none", 0, 0}, {"matryoshka=16", 1, 16}, {"matryoshka=1,2,63", 3, 63}};
    static const char *const bad[] = {
        "matryoshka=0",  "matryoshka=64",   "matryoshka=16,8", "matryoshka=8,8",  "matryoshka=8,",
        "matryoshka=,8", "matryoshka=8 16", "matryoshka=x",    "matryoshka=8,-9", "matryoshka=1,2,3,4,5,6,7,8,9"};
    sage_train_settings settings = {0};
    sage_error error;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        sage_options *options = options_with(good[i].text, NULL);
        assert_int_equal(sage_train_prefixes(options, 64, &settings, &error), SAGE_OK);
        assert_int_equal(settings.n_prefixes, good[i].n);
        if (good[i].n > 0) assert_int_equal(settings.prefixes[good[i].n - 1], good[i].last);
        sage_options_free(options);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sage_options *options = options_with(bad[i], NULL);
        assert_int_equal(sage_train_prefixes(options, 64, &settings, &error), SAGE_E_ARGUMENT);
        assert_non_null(strstr(error.text, "1 to 63"));
        sage_options_free(options);
    }
}

static void rate_warms_up_then_falls_to_the_floor(void **state) {
    (void)state;
    sage_train_size size = {.products = 10, .pairs = 10, .batch = 4, .seed = 1};
    sage_train_settings s = settings_of("steps=100", "warmup=10", &size);
    assert_true(fabs(sage_train_lr_factor(&s, 0) - 0.1) < 1e-12);
    assert_true(fabs(sage_train_lr_factor(&s, 9) - 1) < 1e-12);
    assert_true(fabs(sage_train_lr_factor(&s, 10) - 1) < 1e-12);
    assert_true(fabs(sage_train_lr_factor(&s, 55) - (s.lr_floor + 1) / 2) < 1e-12);
    for (uint64_t done = 10; done < 100; done++)
        assert_true(sage_train_lr_factor(&s, done + 1) < sage_train_lr_factor(&s, done));
    assert_true(fabs(sage_train_lr_factor(&s, 100) - s.lr_floor) < 1e-12);
    s = settings_of("steps=1", "warmup=0", &size);
    assert_true(fabs(sage_train_lr_factor(&s, 0) - 1) < 1e-12);
    s = settings_of("steps=5", "warmup=50", &size); /* never past the warm-up: still finite */
    for (uint64_t done = 0; done <= 5; done++) assert_true(isfinite(sage_train_lr_factor(&s, done)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_within_its_bounds),
        cmocka_unit_test(auto_steps_follow_the_data),
        cmocka_unit_test(prefixes_are_read_or_refused),
        cmocka_unit_test(rate_warms_up_then_falls_to_the_floor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
