/* A product's texts, ids and image vectors. */
#include <base/alloc.h>
#include <features/features.h>
#include <io/npy.h>
#include <math.h>
#include <support/scratch_dir.h>
#include <support/test.h>

static const char *in_dir(const char *name) {
    return scratch_path(dir, name);
}

static void expect_field(const sage_product_text *text, sage_field field, const char *wanted) {
    sage_str got = sage_product_text_field(text, field);
    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.data, wanted, got.len);
}

static void texts_are_normalised_field_by_field(void **state) {
    (void)state;
    sage_product_text text;
    sage_product_text_init(&text);
    sage_product_row row = {.fields = {[SAGE_TITLE] = SAGE_STR("  Oak  TABLE "),
                                       [SAGE_BRAND] = SAGE_STR("\xC3\x84rla"),
                                       [SAGE_SIZE_TYPE] = SAGE_STR("Petite")}};
    assert_int_equal(sage_product_text_read(&row, &text, NULL), SAGE_OK);
    expect_field(&text, SAGE_TITLE, "oak table");
    expect_field(&text, SAGE_DESCRIPTION, "");
    expect_field(&text, SAGE_BRAND, "\xC3\xA4rla");
    expect_field(&text, SAGE_SIZE_TYPE, "petite");
    sage_product_row empty = {0}; /* nothing of the last product stays */
    assert_int_equal(sage_product_text_read(&empty, &text, NULL), SAGE_OK);
    for (unsigned f = 0; f < SAGE_FIELDS; f++) expect_field(&text, (sage_field)f, "");
    row.fields[SAGE_BRAND] = SAGE_STR("\xFF");
    assert_int_equal(sage_product_text_read(&row, &text, NULL), SAGE_E_FORMAT);
    sage_product_text_free(&text);
}

static sage_vocab *make_vocab(void) {
    sage_vocab_limits limits = {{100, 100, 100}, {1, 1, 1}, 1 << 20};
    sage_vocab_builder *builder;
    sage_vocab *vocab;
    sage_str words[] = {SAGE_STR("oak"), SAGE_STR("table")};
    assert_int_equal(sage_vocab_builder_new(&limits, dir, &builder, NULL), SAGE_OK);
    assert_int_equal(sage_vocab_builder_text(builder, words, 2, NULL), SAGE_OK);
    assert_int_equal(sage_vocab_builder_end_document(builder, NULL), SAGE_OK);
    assert_int_equal(sage_vocab_builder_write(builder, in_dir("vocab.bin"), NULL, NULL), SAGE_OK);
    sage_vocab_builder_free(builder);
    assert_int_equal(sage_vocab_open(in_dir("vocab.bin"), &vocab, NULL), SAGE_OK);
    return vocab;
}

static void ids_lie_field_by_field(void **state) {
    (void)state;
    sage_vocab *vocab = make_vocab();
    sage_product_text text;
    sage_product_ids ids = {0};
    sage_product_text_init(&text);
    sage_product_row row = {
        .fields = {
            [SAGE_TITLE] = SAGE_STR("Oak Table"), [SAGE_CATEGORY] = SAGE_STR("zzz"), [SAGE_BRAND] = SAGE_STR("OAK")}};
    assert_int_equal(sage_product_text_read(&row, &text, NULL), SAGE_OK);
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(sage_product_ids_read(vocab, &text, &ids, NULL), SAGE_OK);
        assert_int_equal(ids.begin[0], 0);
        assert_int_equal(ids.begin[SAGE_TITLE + 1], 2 + 1 + 3 + 5);
        assert_int_equal(ids.begin[SAGE_CATEGORY + 1] - ids.begin[SAGE_CATEGORY], 0);
        assert_int_equal(ids.begin[SAGE_BRAND + 1] - ids.begin[SAGE_BRAND], 1 + 3);
        assert_int_equal(ids.ids[0], ids.ids[ids.begin[SAGE_BRAND]]); /* one word, one id, whatever the field */
        assert_int_equal(ids.ids[0], sage_vocab_find(vocab, SAGE_WORD, "oak", 3));
        assert_int_equal(ids.begin[SAGE_FIELDS], 15);
    }
    sage_product_ids_free(&ids);
    sage_product_text_free(&text);
    sage_vocab_close(vocab);
}

static void a_field_gives_its_first_thousand_words(void **state) {
    (void)state;
    char text[2 * (SAGE_FIELD_WORDS_MAX + 50)];
    memset(text, 'a', sizeof text);
    for (size_t i = 1; i < sizeof text; i += 2) text[i] = ' ';
    sage_str *words = NULL;
    size_t capacity = 0, n = 77;
    assert_int_equal(sage_field_words((sage_str){text, 10}, &words, &capacity, &n, NULL), SAGE_OK);
    assert_int_equal(n, 5);
    assert_int_equal(sage_field_words((sage_str){text, sizeof text}, &words, &capacity, &n, NULL), SAGE_OK);
    assert_int_equal(n, SAGE_FIELD_WORDS_MAX);
    sage_free(words);
}

static void write_vectors(const char *name, size_t rows, size_t cols, const float *data) {
    sage_npy_writer writer;
    char path[SAGE_PATH_MAX];
    snprintf(path, sizeof path, "%s", in_dir(name));
    assert_int_equal(sage_npy_create(path, rows, cols, &writer, NULL), SAGE_OK);
    assert_int_equal(sage_npy_add(&writer, data, rows, NULL), SAGE_OK);
    assert_int_equal(sage_npy_finish(&writer, NULL), SAGE_OK);
}

static void image_vectors_come_as_unit_vectors(void **state) {
    (void)state;
    write_vectors("a.npy", 3, 2, (float[]){3, 4, 0, 0, 0, -2});
    write_vectors("b.npy", 1, 2, (float[]){1, 1});
    sage_image_store *store;
    float *out = NULL;
    size_t capacity = 0, n = 9, dim = 9;
    assert_int_equal(sage_image_store_open(NULL, dir, &store, NULL), SAGE_OK);
    sage_product_row row = {.n_images = 1, .images = {{"", 0, "http://x"}}};
    assert_int_equal(sage_image_store_read(store, &row, &out, &capacity, &n, &dim, NULL), SAGE_OK);
    assert_int_equal(n, 0);
    assert_int_equal(dim, 0);
    row = (sage_product_row){
        .n_images = 5, .images = {{"a.npy", 2, ""}, {"", 0, ""}, {"a.npy", 1, ""}, {"b.npy", 0, ""}, {"a.npy", 0, ""}}};
    assert_int_equal(sage_image_store_read(store, &row, &out, &capacity, &n, &dim, NULL), SAGE_OK);
    assert_int_equal(n, 3); /* one has no vector, one has length zero */
    assert_int_equal(dim, 2);
    const float wanted[] = {0, -1, sqrtf(0.5f), sqrtf(0.5f), 0.6f, 0.8f};
    for (size_t i = 0; i < 6; i++) assert_true(fabsf(out[i] - wanted[i]) < 1e-6f);
    sage_free(out);
    sage_image_store_close(store);
}

static void bad_image_vectors_are_refused(void **state) {
    (void)state;
    write_vectors("wide.npy", 1, 3, (float[]){1, 2, 3});
    write_vectors("nan.npy", 1, 2, (float[]){NAN, 1});
    write_vectors("a.npy", 1, 2, (float[]){1, 0});
    static const sage_image_ref bad[] = {
        {"wide.npy", 0, ""}, {"nan.npy", 0, ""}, {"a.npy", 1, ""}, {"../a.npy", 0, ""}, {".hidden", 0, ""}};
    sage_image_store *store;
    float *out = NULL;
    size_t capacity = 0, n, dim;
    assert_int_equal(sage_image_store_open(NULL, dir, &store, NULL), SAGE_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sage_product_row row = {.n_images = 2, .images = {{"a.npy", 0, ""}, bad[i]}};
        sage_error error;
        assert_int_equal(sage_image_store_read(store, &row, &out, &capacity, &n, &dim, &error), SAGE_E_FORMAT);
        assert_true(error.text[0] != '\0');
    }
    sage_product_row row = {.n_images = 1, .images = {{"absent.npy", 0, ""}}};
    assert_int_equal(sage_image_store_read(store, &row, &out, &capacity, &n, &dim, NULL), SAGE_E_NOT_FOUND);
    sage_free(out);
    sage_image_store_close(store);
}

static sage_status read_once(void) {
    sage_image_store *store = NULL;
    float *out = NULL;
    size_t capacity = 0, n, dim;
    sage_product_text text;
    sage_product_text_init(&text);
    sage_product_row row = {.n_images = 1, .images = {{"a.npy", 0, ""}}, .fields = {[SAGE_TITLE] = SAGE_STR("Oak")}};
    sage_status st = sage_image_store_open(NULL, dir, &store, NULL);
    if (st == SAGE_OK) st = sage_image_store_read(store, &row, &out, &capacity, &n, &dim, NULL);
    if (st == SAGE_OK) st = sage_product_text_read(&row, &text, NULL);
    sage_free(out);
    sage_product_text_free(&text);
    sage_image_store_close(store);
    return st;
}

static void each_allocation_failed_in_turn(void **state) {
    (void)state;
    write_vectors("a.npy", 1, 2, (float[]){1, 0});
    sage_alloc_fail_from(0);
    assert_int_equal(read_once(), SAGE_OK);
    unsigned long n = sage_alloc_fail_from(0);
    for (unsigned long i = 1; i <= n; i++) {
        sage_alloc_fail_from(i);
        sage_status st = read_once();
        sage_alloc_fail_from(0);
        assert_int_equal(st, SAGE_E_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_normalised_field_by_field),    cmocka_unit_test(ids_lie_field_by_field),
        cmocka_unit_test(a_field_gives_its_first_thousand_words), cmocka_unit_test(image_vectors_come_as_unit_vectors),
        cmocka_unit_test(bad_image_vectors_are_refused),          cmocka_unit_test(each_allocation_failed_in_turn),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
