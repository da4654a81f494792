/* A published model opened for inference: texts, products in any batch and by any number of threads, damaged files. */
#include "support/test.h"
#include "support/tiny_shop.h"
#include <embed/embed.h>
#include <math.h>

enum { DIM = 16 };

static char dir[SAGE_PATH_MAX], model_dir[SAGE_PATH_MAX];
static sage_catalog *catalog;

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    catalog = tiny_catalog(dir);
    tiny_import(catalog, dir, 50, 0, 0, 0);
    tiny_publish_model(catalog, dir, 1);
    snprintf(model_dir, sizeof model_dir, "%s", scratch_path(dir, "models/1"));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sage_catalog_close(catalog);
    scratch_remove(dir);
    return 0;
}

static sage_encoder *open_in(sage_precision precision, sage_pool *pool) {
    sage_encoder *encoder = NULL;
    sage_error error = {0};
    tiny_must(sage_encoder_open_in(model_dir, precision, pool, &encoder, &error), &error, "open the model");
    return encoder;
}

static sage_encoder *open_encoder(sage_pool *pool) {
    sage_encoder *encoder = NULL;
    sage_error error = {0};
    tiny_must(sage_encoder_open(model_dir, pool, &encoder, &error), &error, "open the model");
    return encoder;
}

static void texts_become_unit_vectors(void **state) {
    (void)state;
    sage_encoder *encoder = open_encoder(NULL);
    const sage_str texts[] = {
        SAGE_STR("red oak table"), SAGE_STR("  RED   Oak  Table "), SAGE_STR("qqqq"), {NULL, 0}, SAGE_STR("blue lamp")};
    float out[5][DIM];
    bool known[5];
    assert_int_equal(sage_encoder_dim(encoder), DIM);
    assert_int_equal(sage_encoder_texts(encoder, texts, 5, out[0], known, NULL), SAGE_OK);
    assert_true(known[0] && known[1] && !known[2] && !known[3] && known[4]);
    assert_memory_equal(out[0], out[1], sizeof out[0]); /* normalised alike */
    assert_memory_not_equal(out[0], out[4], sizeof out[0]);
    for (size_t i = 0; i < 5; i++) {
        float norm = 0;
        for (size_t k = 0; k < DIM; k++) norm += out[i][k] * out[i][k];
        assert_true(fabsf(norm - 1) < 1e-5f);
    }
    assert_int_equal(sage_encoder_texts(encoder, texts, 5, out[0], NULL, NULL), SAGE_OK);
    const sage_str broken = SAGE_STR("red \xff");
    sage_error error = {0};
    assert_int_equal(sage_encoder_texts(encoder, &broken, 1, out[0], known, &error), SAGE_E_FORMAT);
    assert_int_equal(sage_encoder_texts(encoder, texts, 1, out[0], known, NULL), SAGE_OK);
    sage_encoder_close(encoder);
}

static void many_texts_are_as_each_alone(void **state) {
    (void)state;
    enum { N = 1100 };
    static char bytes[N][32];
    static sage_str texts[N];
    static float together[N][DIM];
    static const char *const words[] = {"red", "table", "oak", "Alba", "lamp"};
    sage_encoder *encoder = open_encoder(NULL);
    for (size_t i = 0; i < N; i++) {
        int n = snprintf(bytes[i], sizeof bytes[i], "%s %s %zu", words[i % 5], words[i / 5 % 5], i % 13);
        texts[i] = (sage_str){bytes[i], (size_t)n};
    }
    assert_int_equal(sage_encoder_texts(encoder, texts, N, together[0], NULL, NULL), SAGE_OK);
    for (size_t i = 0; i < N; i += 97) {
        float alone[DIM];
        assert_int_equal(sage_encoder_texts(encoder, &texts[i], 1, alone, NULL, NULL), SAGE_OK);
        assert_memory_equal(alone, together[i], sizeof alone);
    }
    sage_encoder_close(encoder);
}

static size_t encode_all(sage_precision precision, sage_pool *pool, size_t per_batch, float out[][DIM]) {
    sage_encoder *encoder = open_in(precision, pool);
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row;
    size_t n = 0, waiting = 0, computed;
    assert_int_equal(sage_product_cursor_open(catalog, 0, 0, &cursor, NULL), SAGE_OK);
    while (sage_product_cursor_next(cursor, &row, NULL) == SAGE_OK && row != NULL) {
        assert_int_equal(sage_encoder_add_product(encoder, row, NULL, NULL), SAGE_OK);
        if (++waiting < per_batch) continue;
        assert_int_equal(sage_encoder_flush(encoder, out[n], &computed, NULL), SAGE_OK);
        assert_int_equal(computed, waiting);
        n += computed;
        waiting = 0;
    }
    assert_int_equal(sage_encoder_flush(encoder, out[n], &computed, NULL), SAGE_OK);
    assert_int_equal(computed, waiting);
    sage_product_cursor_close(cursor);
    sage_encoder_close(encoder);
    return n + computed;
}

/* To the bit, or a product that changed alone would get another vector than among all. */
static void neither_batch_nor_threads_matter(void **state) {
    (void)state;
    static float first[50][DIM], other[50][DIM];
    for (int p = SAGE_PRECISION_F32; p <= SAGE_PRECISION_INT8; p++) {
        assert_int_equal(encode_all((sage_precision)p, NULL, 50, first), 50);
        for (size_t threads = 1; threads <= 4; threads++)
            for (size_t per_batch = 1; per_batch <= 50; per_batch += 12) {
                sage_pool *pool = NULL;
                assert_int_equal(sage_pool_new(threads, &pool, NULL), SAGE_OK);
                assert_int_equal(encode_all((sage_precision)p, pool, per_batch, other), 50);
                assert_memory_equal(first, other, sizeof first);
                sage_pool_free(pool);
            }
    }
}

/* Backwards, and each of them twice in one batch. */
static void neither_order_nor_company_matter(void **state) {
    (void)state;
    static float first[50][DIM], other[100][DIM];
    sage_encoder *encoder = open_encoder(NULL);
    size_t n;
    assert_int_equal(encode_all(SAGE_PRECISION_F32, NULL, 50, first), 50);
    for (size_t i = 0; i < 100; i++) {
        sage_product_cursor *cursor = NULL;
        const sage_product_row *row = NULL;
        assert_int_equal(sage_product_cursor_open(catalog, 0, 0, &cursor, NULL), SAGE_OK);
        for (size_t k = 0; k <= (99 - i) / 2; k++)
            assert_int_equal(sage_product_cursor_next(cursor, &row, NULL), SAGE_OK);
        assert_int_equal(sage_encoder_add_product(encoder, row, NULL, NULL), SAGE_OK);
        sage_product_cursor_close(cursor);
    }
    assert_int_equal(sage_encoder_flush(encoder, other[0], &n, NULL), SAGE_OK);
    assert_int_equal(n, 100);
    for (size_t i = 0; i < 100; i++) assert_memory_equal(other[i], first[(99 - i) / 2], sizeof first[0]);
    sage_encoder_close(encoder);
}

static void precisions_are_near_each_other_and_differ(void **state) {
    (void)state;
    static float exact[50][DIM], rounded[50][DIM];
    assert_int_equal(encode_all(SAGE_PRECISION_F32, NULL, 50, exact), 50);
    for (int p = SAGE_PRECISION_BF16; p <= SAGE_PRECISION_INT8; p++) {
        assert_int_equal(encode_all((sage_precision)p, NULL, 50, rounded), 50);
        assert_memory_not_equal(exact, rounded, sizeof exact);
        for (size_t i = 0; i < 50; i++) {
            float cosine = 0;
            for (size_t k = 0; k < DIM; k++) cosine += exact[i][k] * rounded[i][k];
            assert_true(cosine > 0.99f);
        }
    }
}

static void models_that_do_not_fit_are_refused(void **state) {
    (void)state;
    sage_encoder *encoder = NULL;
    sage_error error = {0};
    size_t n;
    char path[SAGE_PATH_MAX];
    snprintf(path, sizeof path, "%s", scratch_path(model_dir, "vocabulary"));
    char *bytes = scratch_read(path, &n);
    sage_catalog *other = NULL;
    char other_dir[SAGE_PATH_MAX];
    scratch_make(other_dir);
    other = tiny_catalog(other_dir);
    tiny_import(other, other_dir, 3, 0, 0, 0);
    tiny_vocabulary(other, path, other_dir);
    assert_int_equal(sage_encoder_open(model_dir, NULL, &encoder, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "do not belong together"));
    sage_catalog_close(other);
    scratch_remove(other_dir);
    unlink(path);
    assert_int_equal(sage_encoder_open(model_dir, NULL, &encoder, &error), SAGE_E_NOT_FOUND);
    scratch_write(path, bytes, n);
    sage_free(bytes);
    sage_encoder_close(open_encoder(NULL));
}

static void failed_allocations_are_errors(void **state) {
    (void)state;
    for (unsigned long n = 1;; n++) {
        sage_encoder *encoder = NULL;
        float out[DIM];
        const sage_str text = SAGE_STR("red table");
        sage_alloc_fail_from(n);
        sage_status st = sage_encoder_open(model_dir, NULL, &encoder, NULL);
        if (st == SAGE_OK) st = sage_encoder_texts(encoder, &text, 1, out, NULL, NULL);
        sage_encoder_close(encoder);
        unsigned long made = sage_alloc_fail_from(0);
        if (st == SAGE_OK && made < n) break;
        assert_int_equal(st, SAGE_E_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_unit_vectors),
        cmocka_unit_test(many_texts_are_as_each_alone),
        cmocka_unit_test(neither_batch_nor_threads_matter),
        cmocka_unit_test(neither_order_nor_company_matter),
        cmocka_unit_test(precisions_are_near_each_other_and_differ),
        cmocka_unit_test(models_that_do_not_fit_are_refused),
        cmocka_unit_test(failed_allocations_are_errors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
