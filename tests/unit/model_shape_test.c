/* Sizes from options: presets, single overrides, hashing only where the vocabulary outgrows the table. */
#include <model/model.h>
#include <string.h>
#include <support/test.h>

static sage_options *options_of(const char *const *assignments, size_t n) {
    sage_options *options;
    sage_error error = {0};
    size_t rows = 0;
    while (sage_model_options[rows].key != NULL) rows++;
    assert_int_equal(sage_options_over(sage_model_options, rows, &options, NULL), SAGE_OK);
    for (size_t i = 0; i < n; i++)
        if (sage_options_set(options, assignments[i], &error) != SAGE_OK) fail_msg("%s", error.text);
    return options;
}

static sage_model_shape shape_of(const char *const *assignments, size_t n, size_t vocab) {
    sage_model_shape shape;
    sage_options *options = options_of(assignments, n);
    assert_int_equal(sage_model_shape_from_options(options, vocab, 0, NULL, &shape, NULL), SAGE_OK);
    sage_options_free(options);
    return shape;
}

static void small_catalogues_are_small(void **state) {
    (void)state;
    sage_model_shape s = shape_of(NULL, 0, 5000);
    assert_int_equal(s.vocab, 5000);
    assert_int_equal(s.rows, 5000); /* a row each, and no more */
    assert_int_equal(s.hashes, 1);
    assert_int_equal(s.dim_model, 256);
    assert_int_equal(s.dim_ff, 512);
    assert_int_equal(s.dim_out, 256);
    s = shape_of(NULL, 0, 400000);
    assert_int_equal(s.rows, 262144);
    assert_int_equal(s.hashes, 2);
    assert_int_equal(shape_of(NULL, 0, 0).rows, 1); /* a catalogue without any text still makes a model */
}

static void the_papers_sizes(void **state) {
    static const char *const paper[] = {"preset=paper"};
    (void)state;
    sage_model_shape s = shape_of(paper, 1, 1264000), automatic = shape_of(NULL, 0, 1264000);
    assert_int_equal(s.rows, 100000);
    assert_int_equal(s.hashes, 2);
    assert_int_equal(s.dim_embed, 256);
    assert_int_equal(s.dim_model, 512);
    assert_int_equal(s.dim_ff, 2048);
    assert_int_equal(s.dim_head, 1024);
    assert_int_equal(s.dim_out, 256);
    assert_true(s.plain_head);
    assert_false(automatic.plain_head); /* the paper's sizes alone */
    s.plain_head = false;
    assert_memory_equal(&s, &automatic, sizeof s);
}

static void the_skip_is_an_option(void **state) {
    static const char *const off[] = {"head_skip=off"}, *const on[] = {"preset=paper", "head_skip=on"};
    (void)state;
    assert_false(shape_of(NULL, 0, 100).plain_head);
    assert_true(shape_of(off, 1, 100).plain_head);
    assert_false(shape_of(on, 2, 100).plain_head);
}

static void single_sizes_win(void **state) {
    static const char *const set[] = {"preset=paper", "dim_model=96",  "heads=6",
                                      "dim_out=32",   "table_rows=10", "dim_embed=24"};
    (void)state;
    sage_model_shape s = shape_of(set, 6, 11);
    assert_int_equal(s.dim_model, 96);
    assert_int_equal(s.heads, 6);
    assert_int_equal(s.dim_out, 32);
    assert_int_equal(s.dim_embed, 24);
    assert_int_equal(s.rows, 10);
    assert_int_equal(s.hashes, 2);
    assert_int_equal(s.dim_ff, 2048);
}

static void heads_must_divide(void **state) {
    static const char *const set[] = {"dim_model=100", "heads=8"};
    (void)state;
    sage_error error = {0};
    sage_model_shape shape = {0};
    sage_options *options = options_of(set, 2);
    assert_int_equal(sage_model_shape_from_options(options, 10, 0, NULL, &shape, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "heads = 8"));
    sage_options_free(options);
}

/* The error of options that make no sense together. */
static void refused(const char *const *assignments, size_t n, size_t n_groups, const sage_group *groups,
                    const char *says) {
    sage_error error = {0};
    sage_model_shape shape = {0};
    sage_options *options = options_of(assignments, n);
    assert_int_equal(sage_model_shape_from_options(options, 10, n_groups, groups, &shape, &error), SAGE_E_ARGUMENT);
    if (strstr(error.text, says) == NULL) fail_msg("%s", error.text);
    sage_options_free(options);
}

static void pictures_alone_need_pictures(void **state) {
    static const char *const set[] = {"inputs=pictures"}, *const text[] = {"inputs=text"};
    const sage_group sentences = {SAGE_GROUP_SENTENCES, 8};
    (void)state;
    refused(set, 1, 0, NULL, "inputs = pictures");
    refused(set, 1, 1, &sentences, "no picture vectors");
    assert_int_equal(shape_of(text, 1, 100).inputs, SAGE_INPUTS_TEXT);
    assert_int_equal(shape_of(NULL, 0, 100).inputs, SAGE_INPUTS_ALL);
}

static void encoders_have_what_they_need(void **state) {
    static const char *const sum[] = {"encoder=sum", "preset=paper"},
                             *const mlp[] = {"encoder=sum_mlp", "head_skip=off"},
                             *const concat[] = {"encoder=concat_mlp"},
                             *const headless[] = {"encoder=sum", "head_skip=off"};
    (void)state;
    sage_model_shape s = shape_of(sum, 2, 100);
    assert_true(s.encoder == SAGE_ENCODER_SUM && s.heads == 1 && s.dim_ff == 0 && s.dim_model == 512 && !s.plain_head);
    s = shape_of(mlp, 2, 100);
    assert_true(s.encoder == SAGE_ENCODER_SUM_MLP && s.dim_head == 512 && s.plain_head);
    static const char *const layered[] = {"encoder=sum", "encoder_layers=2"}, *const deep[] = {"encoder_layers=3"};
    s = shape_of(concat, 1, 100);
    assert_true(s.encoder == SAGE_ENCODER_CONCAT_MLP && s.dim_model == 0 && s.dim_ff == 0);
    refused(headless, 2, 0, NULL, "the skip is all there is");
    refused(layered, 2, 0, NULL, "has no layers");
    assert_int_equal(shape_of(deep, 1, 100).lower, 2);
    assert_int_equal(shape_of(NULL, 0, 100).encoder, SAGE_ENCODER_TRANSFORMER);
}

static void impossible_shapes_are_refused(void **state) {
    const sage_model_shape good = {.vocab = 10,
                                   .rows = 10,
                                   .hashes = 1,
                                   .dim_embed = 4,
                                   .dim_model = 4,
                                   .heads = 2,
                                   .dim_ff = 4,
                                   .dim_head = 4,
                                   .dim_out = 4};
    (void)state;
    sage_model *model;
    sage_error error;
    for (int i = 0; i < 6; i++) {
        sage_model_shape s = good;
        if (i == 0) s.rows = 9; /* one hash, fewer rows than ids */
        if (i == 1) s.hashes = 3;
        if (i == 2) s.heads = 3;
        if (i == 3) s.dim_out = 0;
        if (i == 4) s.dim_embed = 1 << 20;
        if (i == 5) s.vocab = s.rows = (size_t)1 << 31;
        assert_int_equal(sage_model_new(&s, NULL, NULL, 1, &model, &error), SAGE_E_ARGUMENT);
    }
    assert_int_equal(sage_model_new(&good, NULL, NULL, 1, &model, &error), SAGE_OK);
    sage_model_free(model);
}

static void towers_for_people(void **state) {
    static const char *const paper[] = {"preset=paper"},
                             *const own[] = {"user_dim=96", "user_layers=3", "user_heads=6"},
                             *const odd[] = {"user_heads=7"};
    (void)state;
    sage_model_shape plain = shape_of(NULL, 0, 100), s = plain;
    sage_options *options = options_of(NULL, 0), *of_paper = options_of(paper, 1), *of_own = options_of(own, 3),
                 *of_odd = options_of(odd, 1);
    sage_error error;
    assert_false(s.product_tower || s.user_events > 0);
    assert_int_equal(sage_model_shape_towers(options, false, 0, &s, NULL), SAGE_OK);
    assert_memory_equal(&s, &plain, sizeof s);
    assert_int_equal(sage_model_shape_towers(options, true, 64, &s, NULL), SAGE_OK);
    assert_true(s.product_tower && s.user_events == 64 && s.user_dim == 64 && s.user_layers == 1 && s.user_heads == 4);
    assert_int_equal(sage_model_shape_towers(of_paper, false, 256, &s, NULL), SAGE_OK);
    assert_true(!s.product_tower && s.user_events == 256 && s.user_dim == 256 && s.user_layers == 2);
    assert_int_equal(sage_model_shape_towers(of_own, true, 64, &s, NULL), SAGE_OK);
    assert_true(s.user_dim == 96 && s.user_layers == 3 && s.user_heads == 6);
    assert_int_equal(sage_model_shape_towers(of_odd, true, 64, &s, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "user_heads = 7"));
    sage_options_free(options);
    sage_options_free(of_paper);
    sage_options_free(of_own);
    sage_options_free(of_odd);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(small_catalogues_are_small),
                                       cmocka_unit_test(the_papers_sizes),
                                       cmocka_unit_test(the_skip_is_an_option),
                                       cmocka_unit_test(single_sizes_win),
                                       cmocka_unit_test(heads_must_divide),
                                       cmocka_unit_test(pictures_alone_need_pictures),
                                       cmocka_unit_test(encoders_have_what_they_need),
                                       cmocka_unit_test(impossible_shapes_are_refused),
                                       cmocka_unit_test(towers_for_people)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
