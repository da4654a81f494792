/* Sentences of a dataset: packed as the encoder makes them, computed once, drawn with the batches. */
#include "dataset_fake.h"

#include <dataset/files.h>
#include <support/weights.h>

enum { DIM = 24 };

static char weights[SAGE_PATH_MAX];

static int ground(void **state) {
    fake_setup(state);
    snprintf(weights, sizeof weights, "%s", scratch_path(fake_dir, "weights"));
    weights_of_texts(weights, 30);
    return 0;
}

static sage_sentences *speaker(const char *identity) {
    sage_sentences *s;
    sage_error error;
    const sage_sentence_source source = {.shop_dir = fake_dir,
                                         .encoder_dir = weights,
                                         .name = "tiny",
                                         .identity = identity,
                                         .hold = -1,
                                         .dim = DIM,
                                         .keep = true};
    if (sage_sentences_open(&source, NULL, &s, &error) != SAGE_OK) fail_msg("%s", error.text);
    return s;
}

static uint64_t build_with(sage_catalog *catalog, const sage_options *options, sage_sentences *s) {
    uint64_t id;
    sage_error error;
    if (sage_dataset_build(catalog, fake_dir, options, s, NULL, NULL, &id, &error) != SAGE_OK)
        fail_msg("%s", error.text);
    return id;
}

/* NULL for a text without characters. */
static bool is_of(sage_sentences *s, sage_str text, const float *sentence) {
    float wanted[DIM];
    assert_int_equal(sage_sentences_read(s, 1, &text, wanted, NULL), SAGE_OK);
    return text.len == 0 ? sentence == NULL : sentence != NULL && memcmp(wanted, sentence, sizeof wanted) == 0;
}

/* A shop with a product without a title, and queries of two surfaces. */
static sage_catalog *talking_shop(size_t products) {
    sage_catalog *catalog = fake_shop(products, 300, 6);
    fake_product(catalog, "")->fields[SAGE_BRAND] = fake_text(catalog, "Arla");
    fake_product(catalog, "WORD5 word6");
    return catalog;
}

static void titles_and_search_texts_have_theirs(void **state) {
    (void)state;
    sage_catalog *catalog = talking_shop(1100); /* more than a block */
    sage_options *options = fake_options();
    sage_sentences *s = speaker("one");
    uint64_t id = build_with(catalog, options, s);
    sage_dataset *d = fake_open(id);
    assert_int_equal(sage_dataset_sentence_dim(d), DIM);
    size_t searched = 0, others = 0, without = 0;
    for (size_t i = 0; i < sage_dataset_products(d); i++) {
        sage_packed_product p;
        sage_dataset_product(d, i, &p);
        assert_int_equal(p.n_sentences, p.text[SAGE_TITLE].len > 0);
        assert_true(is_of(s, p.text[SAGE_TITLE], p.sentences));
        without += p.n_sentences == 0;
    }
    assert_int_equal(without, 1);
    for (size_t i = 0; i < sage_dataset_queries(d); i++) {
        sage_packed_query q;
        sage_dataset_query(d, i, &q);
        bool search = q.surface == SAGE_ON_SEARCH;
        searched += search;
        others += !search;
        assert_true(is_of(s, search ? q.text : SAGE_STR(""), q.sentence));
    }
    assert_true(searched > 50 && others > 10);
    sage_dataset_close(d);
    assert_true(sage_dataset_fresh(fake_dir, id, 7, options, "one"));
    assert_false(sage_dataset_fresh(fake_dir, id, 7, options, "two"));
    assert_false(sage_dataset_fresh(fake_dir, id, 7, options, NULL));
    uint64_t computed = sage_sentences_computed(s), other = build_with(catalog, options, s);
    assert_int_equal(sage_sentences_computed(s), computed);
    assert_int_equal(other, id + 1);
    sage_sentences_close(s);
    other = fake_build(catalog, options);
    assert_true(sage_dataset_fresh(fake_dir, other, 7, options, NULL));
    assert_false(sage_dataset_fresh(fake_dir, other, 7, options, "one"));
    d = fake_open(other);
    assert_int_equal(sage_dataset_sentence_dim(d), 0);
    sage_dataset_close(d);
    sage_options_free(options);
    free(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(titles_and_search_texts_have_theirs),
    };
    return cmocka_run_group_tests(tests, ground, fake_teardown);
}
