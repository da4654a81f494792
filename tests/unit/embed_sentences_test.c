/* Embedding and search texts for a model that takes sentences beside pictures. */
#include "support/test.h"
#include "support/tiny_shop.h"
#include "support/weights.h"
#include <dataset/sampler.h>
#include <embed/embed.h>

enum { DIM = 16, PRODUCTS = 1100, IMAGE_DIM = 8, SENTENCE_DIM = 24 };

static char dir[SAGE_PATH_MAX], weights[SAGE_PATH_MAX], model[SAGE_PATH_MAX];
static sage_catalog *catalog;
static uint64_t dataset;

static sage_sentences *speaker(const char *identity, size_t dim) {
    sage_sentences *s;
    sage_error error = {0};
    const sage_sentence_source source = {.shop_dir = dir,
                                         .encoder_dir = weights,
                                         .name = "tiny",
                                         .identity = identity,
                                         .dim = dim,
                                         .keep = true,
                                         .hold = -1};
    tiny_must(sage_sentences_open(&source, NULL, &s, &error), &error, "open the encoder of texts");
    return s;
}

static void build_dataset(void) {
    static sage_option table[64];
    size_t n = 0;
    for (const sage_option *o = sage_dataset_options; o->key; o++) table[n++] = *o;
    for (const sage_option *o = sage_sampler_options; o->key; o++) table[n++] = *o;
    sage_options *options = NULL;
    sage_error error = {0};
    sage_sentences *s = speaker("packed", SENTENCE_DIM);
    tiny_must(sage_options_over(table, n, &options, &error), &error, "options");
    tiny_must(sage_dataset_build(catalog, dir, options, s, NULL, NULL, &dataset, &error), &error, "the dataset");
    sage_sentences_close(s);
    sage_options_free(options);
}

static int setup(void **state) {
    static const sage_group groups[] = {{SAGE_GROUP_PICTURES, IMAGE_DIM}, {SAGE_GROUP_SENTENCES, SENTENCE_DIM}};
    size_t n;
    (void)state;
    scratch_make(dir);
    snprintf(weights, sizeof weights, "%s", scratch_path(dir, "weights"));
    weights_of_texts(weights, 30);
    catalog = tiny_catalog(dir);
    tiny_import(catalog, dir, PRODUCTS, 0, 0, 0);
    tiny_import_images(catalog, dir, 40, IMAGE_DIM);
    build_dataset();
    tiny_model_dir(dir, 1, model);
    char *bytes = scratch_read(scratch_path(dir, "dataset/1/vocab.bin"), &n);
    assert_non_null(bytes);
    scratch_write(scratch_path(model, "vocabulary"), bytes, n);
    sage_free(bytes);
    tiny_write_model_of(model, 1, 2, groups);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sage_catalog_close(catalog);
    scratch_remove(dir);
    return 0;
}

typedef struct vectors {
    size_t n;
    float values[PRODUCTS + 10][DIM];
} vectors;

static sage_status try_embed(uint64_t from, sage_sentences *s, sage_error *error) {
    const sage_embed_spec spec = {.model = 1, .dataset = from, .all = true, .sentences = s};
    sage_embed_report report;
    return sage_embed_run(catalog, dir, &spec, NULL, NULL, &report, error);
}

static void embed(uint64_t from, sage_sentences *s, vectors *out) {
    sage_error error = {0};
    sage_vectors *opened = NULL;
    tiny_must(try_embed(from, s, &error), &error, "embed");
    tiny_must(sage_vectors_open(dir, 1, &opened, &error), &error, "open the vectors");
    out->n = sage_vectors_count(opened);
    assert_true(out->n <= PRODUCTS + 10);
    for (size_t i = 0; i < out->n; i++) memcpy(out->values[i], sage_vectors_at(opened, i), sizeof out->values[i]);
    sage_vectors_close(opened);
}

static vectors packed, fresh;

static void packed_and_read_are_the_same(void **state) {
    (void)state;
    sage_sentences *s = speaker("packed", SENTENCE_DIM);
    embed(dataset, s, &packed);
    embed(0, s, &fresh);
    assert_int_equal(sage_sentences_computed(s), 0); /* the dataset's building kept them */
    assert_int_equal(packed.n, PRODUCTS);
    assert_memory_equal(packed.values, fresh.values, sizeof packed.values);
    sage_sentences_close(s);
    /* Of another encoder, the dataset's are of no use. */
    s = speaker("other", SENTENCE_DIM);
    embed(dataset, s, &fresh);
    assert_true(sage_sentences_computed(s) > 0);
    sage_sentences_close(s);
    s = speaker("other", SENTENCE_DIM);
    embed(0, s, &fresh);
    assert_int_equal(sage_sentences_computed(s), 0); /* embedding keeps them too */
    sage_sentences_close(s);
}

static void without_an_encoder_nothing_is_made(void **state) {
    (void)state;
    sage_error error = {0};
    assert_int_equal(try_embed(dataset, NULL, &error), SAGE_E_STATE);
    assert_non_null(strstr(error.text, "there is no encoder of texts"));
    sage_sentences *s = speaker("narrow", SENTENCE_DIM - 1);
    assert_int_equal(try_embed(dataset, s, &error), SAGE_E_STATE);
    assert_non_null(strstr(error.text, "of 23 numbers, the model takes 24"));
    sage_encoder *encoder;
    sage_str text = SAGE_STR("oak table");
    float out[DIM];
    assert_int_equal(sage_encoder_open(model, NULL, &encoder, &error), SAGE_OK);
    assert_int_equal(sage_encoder_texts(encoder, &text, 1, out, NULL, &error), SAGE_E_STATE);
    sage_encoder_speak(encoder, s);
    assert_int_equal(sage_encoder_texts(encoder, &text, 1, out, NULL, &error), SAGE_E_STATE);
    sage_encoder_close(encoder);
    sage_sentences_close(s);
}

/* A text's vector is the same however it is typed and whatever else is asked for; it counts beyond its n-grams. */
static void texts_are_heard(void **state) {
    (void)state;
    enum { N = 1030 };
    static float many[N][DIM];
    static sage_str texts[N];
    float once[DIM];
    bool known[N], alone;
    sage_error error = {0};
    sage_encoder *encoder;
    sage_sentences *s = speaker("packed", SENTENCE_DIM);
    assert_int_equal(sage_encoder_open(model, NULL, &encoder, &error), SAGE_OK);
    sage_encoder_speak(encoder, s);
    for (size_t i = 0; i < N; i++) texts[i] = i % 2 ? SAGE_STR("  Word7  OAK table") : SAGE_STR("\xe2\x98\x83");
    texts[4] = SAGE_STR("");
    tiny_must(sage_encoder_texts(encoder, texts, N, many[0], known, &error), &error, "texts");
    const sage_str plain = SAGE_STR("word7 oak table"), other = SAGE_STR("word8 oak table");
    tiny_must(sage_encoder_texts(encoder, &plain, 1, once, &alone, &error), &error, "text");
    for (size_t i = 1; i < N; i += 2) assert_memory_equal(once, many[i], sizeof once);
    assert_true(known[0] && known[1] && !known[4]);
    tiny_must(sage_encoder_texts(encoder, &other, 1, many[0], &alone, &error), &error, "text");
    assert_memory_not_equal(once, many[0], sizeof once);
    sage_encoder_close(encoder);
    sage_sentences_close(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_and_read_are_the_same),
        cmocka_unit_test(without_an_encoder_nothing_is_made),
        cmocka_unit_test(texts_are_heard),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
