/* How parameters start: as tf-idf, where an untrained model already searches; or as the paper says. */
#include <base/rng.h>
#include <math.h>
#include <model/model.h>
#include <stdlib.h>
#include <support/scratch.h>
#include <support/test.h>
#include <support/vectors.h>

static const char *const titles[] = {
    "red garden hose 50 ft", "green garden gnome", "steel hammer 16 oz", "claw hammer with wooden handle",
    "wooden garden table",   "oak table lamp",     "led desk lamp",      "steel wire rope 50 ft"};
enum { TITLES = sizeof titles / sizeof titles[0] };

static char dir[SAGE_PATH_MAX];
static sage_vocab *vocab;

static sage_str *words_of(const char *text, size_t *n) {
    sage_str *words = NULL;
    size_t capacity = 0;
    *n = 0;
    assert_int_equal(sage_words(text, strlen(text), &words, &capacity, n, NULL), SAGE_OK);
    return words;
}

static int setup(void **state) {
    const sage_vocab_limits limits = {.max = {1000, 1000, 1000}, .min_df = {1, 1, 1}, .memory_bytes = (size_t)16 << 20};
    sage_vocab_builder *builder;
    (void)state;
    scratch_make(dir);
    if (sage_vocab_builder_new(&limits, dir, &builder, NULL) != SAGE_OK) return -1;
    for (size_t i = 0; i < TITLES; i++) {
        size_t n;
        sage_str *words = words_of(titles[i], &n);
        if (sage_vocab_builder_text(builder, words, n, NULL) != SAGE_OK ||
            sage_vocab_builder_end_document(builder, NULL) != SAGE_OK)
            return -1;
        sage_free(words);
    }
    if (sage_vocab_builder_write(builder, scratch_path(dir, "vocab"), NULL, NULL) != SAGE_OK) return -1;
    sage_vocab_builder_free(builder);
    return sage_vocab_open(scratch_path(dir, "vocab"), &vocab, NULL) == SAGE_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    sage_vocab_close(vocab);
    scratch_remove(dir);
    return 0;
}

static sage_options *options_of(const char *const *assignments, size_t n) {
    sage_options *options;
    size_t rows = 0;
    while (sage_model_options[rows].key != NULL) rows++;
    assert_int_equal(sage_options_over(sage_model_options, rows, &options, NULL), SAGE_OK);
    for (size_t i = 0; i < n; i++) assert_int_equal(sage_options_set(options, assignments[i], NULL), SAGE_OK);
    return options;
}

static sage_model *made_with(const char *const *assignments, size_t n, uint64_t seed, size_t n_groups,
                             const sage_group *groups) {
    sage_options *options = options_of(assignments, n);
    sage_model_shape shape;
    sage_model *model;
    assert_int_equal(sage_options_set(options, "sentence_path=fixed", NULL), SAGE_OK);
    assert_int_equal(sage_model_shape_from_options(options, sage_vocab_size(vocab), n_groups, groups, &shape, NULL),
                     SAGE_OK);
    assert_int_equal(sage_model_new(&shape, options, vocab, seed, &model, NULL), SAGE_OK);
    sage_options_free(options);
    return model;
}

static sage_model *made(const char *const *assignments, size_t n, uint64_t seed) {
    return made_with(assignments, n, seed, 0, NULL);
}

static uint32_t id_of(sage_ngram_kind kind, const char *text) {
    uint32_t id = sage_vocab_find(vocab, kind, text, strlen(text));
    assert_int_not_equal(id, SAGE_NO_ID);
    return id;
}

static void weights_are_idf(void **state) {
    static const char *const set[] = {"init_bigram=0.5"}, *const hashed_set[] = {"table_rows=20", "init_word=2"};
    (void)state;
    sage_model *model = made(set, 1, 1), *hashed = made(hashed_set, 2, 1);
    const real *w = sage_model_importance(model), *w2 = sage_model_importance(hashed);
    uint32_t garden = id_of(SAGE_WORD, "garden"), pair = id_of(SAGE_BIGRAM, "50 ft"), gram = id_of(SAGE_TRIGRAM, "#ga");
    assert_true(fabs((double)w[garden] - log(1 + 8.0 / 3)) < 1e-6);
    assert_true(fabs((double)w[pair] - 0.5 * log(1 + 8.0 / 2)) < 1e-6);
    assert_true(fabs((double)w[gram] - 0.35 * log(1 + 8.0 / 3)) < 1e-6);
    assert_int_equal(sage_model_shape_of(hashed)->hashes, 2);
    assert_true(fabs((double)w2[2 * garden] - 2 / sqrt(2) * log(1 + 8.0 / 3)) < 1e-6);
    assert_true(w2[2 * garden] == w2[2 * garden + 1]);
    sage_model_free(model);
    sage_model_free(hashed);
}

static real *vectors(const sage_model *model, const char *const *texts, size_t n, bool products) {
    uint32_t *ids = NULL, begin[TITLES + 1] = {0}, token_begin[TITLES + 1];
    uint8_t field[TITLES] = {SAGE_TITLE};
    size_t capacity = 0, n_ids = 0;
    real *out = malloc(n * sage_model_shape_of(model)->dim_out * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        size_t n_words;
        sage_str *words = words_of(texts[i], &n_words);
        assert_int_equal(sage_vocab_ids(vocab, words, n_words, &ids, &capacity, &n_ids, NULL), SAGE_OK);
        begin[i + 1] = (uint32_t)n_ids;
        sage_free(words);
    }
    for (size_t i = 0; i <= n; i++) token_begin[i] = (uint32_t)i;
    sage_bags bags = {n, ids, begin};
    if (products) {
        sage_product_batch batch = {n, token_begin, field, bags};
        assert_int_equal(vectors_of_products(model, NULL, &batch, out, NULL), SAGE_OK);
    } else {
        const sage_query_batch queries = {.n_texts = n, .bags = bags};
        assert_int_equal(vectors_of_queries(model, NULL, &queries, out, NULL), SAGE_OK);
    }
    sage_free(ids);
    return out;
}

static size_t nearest(const char *query, const real *products, const sage_model *model, double *cosine) {
    size_t best = 0, dim = sage_model_shape_of(model)->dim_out;
    real *q = vectors(model, &query, 1, false);
    *cosine = -2;
    for (size_t i = 0; i < TITLES; i++) {
        double dot = 0;
        for (size_t c = 0; c < dim; c++) dot += (double)q[c] * (double)products[i * dim + c];
        if (dot > *cosine) *cosine = dot, best = i;
    }
    free(q);
    return best;
}

static void untrained_it_searches(void **state) {
    static const char *const hashed_set[] = {"table_rows=120"},
                             *const narrow_set[] = {"dim_embed=64", "dim_model=96", "dim_out=80"},
                             *const plain_set[] = {"head_skip=off"}, *const sum[] = {"encoder=sum", "dim_model=300"},
                             *const mlp[] = {"encoder=sum_mlp", "head_skip=off"},
                             *const concat[] = {"encoder=concat_mlp", "head_skip=off"},
                             *const deep[] = {"encoder_layers=3", "dim_embed=64", "dim_model=96"};
    sage_model *models[] = {made(deep, 1, 11),      made(deep, 3, 12),      made(NULL, 0, 1),      made(NULL, 0, 2),
                            made(hashed_set, 1, 3), made(narrow_set, 3, 4), made(plain_set, 1, 5), made(sum, 2, 6),
                            made(mlp, 1, 7),        made(mlp, 2, 8),        made(concat, 1, 9),    made(concat, 2, 10)};
    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof models[0]; m++) {
        real *products = vectors(models[m], titles, TITLES, true);
        double cosine;
        for (size_t i = 0; i < TITLES; i++) {
            assert_int_equal(nearest(titles[i], products, models[m], &cosine), i);
            assert_true(cosine > 0.98); /* the same text is the same vector on both sides, but for CLS's small share */
        }
        assert_int_equal(nearest("gnome", products, models[m], &cosine), 1);
        assert_int_equal(nearest("rope", products, models[m], &cosine), 7);
        assert_int_equal(nearest("oak lamp", products, models[m], &cosine), 5);
        free(products);
        sage_model_free(models[m]);
    }
}

static void the_seed_decides(void **state) {
    static const char *const paper[] = {"init=paper"};
    (void)state;
    for (size_t n = 0; n < 2; n++) {
        sage_model *a = made(paper, n, 5), *b = made(paper, n, 5), *other = made(paper, n, 6);
        const sage_model_shape *s = sage_model_shape_of(a);
        assert_memory_equal(sage_model_dense(a), sage_model_dense(b), sage_model_dense_size(a) * sizeof(real));
        assert_memory_equal(sage_model_table(a), sage_model_table(b), s->rows * s->dim_embed * sizeof(real));
        assert_memory_equal(sage_model_importance(a), sage_model_importance(b), s->vocab * s->hashes * sizeof(real));
        assert_memory_not_equal(sage_model_table(a), sage_model_table(other), s->rows * s->dim_embed * sizeof(real));
        sage_model_free(a);
        sage_model_free(b);
        sage_model_free(other);
    }
}

/* Importance N(0, 1), table uniform within sqrt(6 / (rows + cols)), temperature -log 0.07. */
static void the_papers_start(void **state) {
    static const char *const paper[] = {"init=paper"};
    (void)state;
    sage_model *model = made(paper, 1, 7);
    const sage_model_shape *s = sage_model_shape_of(model);
    double square = 0, bound = sqrt(6.0 / (double)(s->rows + s->dim_embed)), most = 0;
    for (size_t i = 0; i < s->vocab; i++) square += pow((double)sage_model_importance(model)[i], 2);
    assert_true(fabs(square / (double)s->vocab - 1) < 0.5);
    for (size_t i = 0; i < s->rows * s->dim_embed; i++) most = fmax(most, fabs((double)sage_model_table(model)[i]));
    assert_true(most <= bound * (1 + 1e-6) && most > 0.99 * bound);
    size_t n;
    const sage_param *params = sage_model_params(model, &n);
    assert_string_equal(params[n - 1].name, "temperature");
    assert_true(fabs((double)sage_model_dense(model)[params[n - 1].offset] + log(0.07)) < 1e-6);
    sage_model_free(model);
}

static const sage_group both[] = {{SAGE_GROUP_PICTURES, 24}, {SAGE_GROUP_SENTENCES, 32}};
enum { ONES = 12 };

/* ONES unit vectors at random. */
static void units(real *x, size_t dim, uint64_t seed) {
    sage_rng rng;
    sage_rng_seed(&rng, seed, 0);
    for (size_t i = 0; i < ONES; i++, x += dim) {
        double square = 0;
        for (size_t k = 0; k < dim; k++) {
            x[k] = (real)sage_rng_normal(&rng);
            square += (double)x[k] * (double)x[k];
        }
        for (size_t k = 0; k < dim; k++) x[k] /= (real)sqrt(square);
    }
}

/* Product i has vector i of a group and nothing else; query i is the same vector. */
static void each_finds_its_own(const sage_model *model, size_t group, double least) {
    size_t dim = sage_model_shape_of(model)->dim_out;
    real x[ONES * 32], *p = malloc(ONES * dim * sizeof *p), *q = malloc(ONES * dim * sizeof *q);
    const uint32_t none[ONES + 1] = {0};
    uint32_t begin[ONES + 1];
    for (uint32_t i = 0; i <= ONES; i++) begin[i] = i;
    units(x, both[group].dim, 3);
    sage_product_batch products = {.n = ONES, .token_begin = none, .text = {.begin = none}};
    products.group[group] = (sage_group_rows){begin, x};
    sage_query_batch queries = {.n_pictures = ONES, .bags = {.begin = none}, .pictures = x};
    if (both[group].kind == SAGE_GROUP_SENTENCES)
        queries = (sage_query_batch){.n_texts = ONES, .bags = {.n = ONES, .begin = none}, .sentences = x};
    assert_int_equal(vectors_of_products(model, NULL, &products, p, NULL), SAGE_OK);
    assert_int_equal(vectors_of_queries(model, NULL, &queries, q, NULL), SAGE_OK);
    for (size_t i = 0; i < ONES; i++)
        for (size_t j = 0; j < ONES; j++) {
            double dot = 0;
            for (size_t k = 0; k < dim; k++) dot += (double)q[i * dim + k] * (double)p[j * dim + k];
            if (i == j ? dot < least : dot > least - 0.05) fail_msg("%zu, %zu: %.3f", i, j, dot);
        }
    free(p);
    free(q);
}

/* By sentence alone and by picture alone, before anything was learned. */
static void untrained_it_finds_what_encoders_find_alike(void **state) {
    static const char *const narrow_set[] = {"dim_embed=64", "dim_model=96", "dim_out=80"},
                             *const off[] = {"head_skip=off"}, *const sum[] = {"encoder=sum"},
                             *const mlp[] = {"encoder=sum_mlp", "head_skip=off"},
                             *const concat[] = {"encoder=concat_mlp", "head_skip=off"};
    (void)state;
    sage_model *models[] = {made_with(NULL, 0, 1, 2, both),  made_with(narrow_set, 3, 2, 2, both),
                            made_with(off, 1, 3, 2, both),   made_with(sum, 1, 4, 2, both),
                            made_with(mlp, 2, 5, 2, both),   made_with(concat, 1, 6, 2, both),
                            made_with(concat, 2, 7, 2, both)};
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        each_finds_its_own(models[m], 0, 0.85);
        each_finds_its_own(models[m], 1, 0.95);
        sage_model_free(models[m]);
    }
}

/* A title and its sentence on one side, its words alone on the other: as near as two of two equal parts and one. */
static void a_sentence_counts_as_much_as_is_said(void **state) {
    static const char *const set[][1] = {{"sentence_weight=0.01"}, {"sentence_weight=1"}, {"sentence_weight=3"}};
    const double expected[] = {1, 1 / 1.41421356, 1 / 3.16227766};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        sage_model *model = made_with(set[i], 1, 4, 2, both);
        size_t dim = sage_model_shape_of(model)->dim_out;
        const uint32_t id = id_of(SAGE_WORD, "garden"), begin[] = {0, 1};
        const uint8_t field[] = {SAGE_TITLE};
        real x[ONES * 32], p[512], q[512];
        double dot = 0;
        units(x, 32, 5);
        sage_product_batch product = {.n = 1, .token_begin = begin, .token_field = field, .text = {1, &id, begin}};
        product.group[1] = (sage_group_rows){begin, x};
        const sage_query_batch query = {.n_texts = 1, .bags = {1, &id, begin}};
        assert_true(dim <= 512);
        assert_int_equal(vectors_of_products(model, NULL, &product, p, NULL), SAGE_OK);
        assert_int_equal(vectors_of_queries(model, NULL, &query, q, NULL), SAGE_OK);
        for (size_t k = 0; k < dim; k++) dot += (double)p[k] * (double)q[k];
        if (fabs(dot - expected[i]) > 0.15) fail_msg("%s: %.3f", set[i][0], dot);
        sage_model_free(model);
    }
}

/* Towers for products and users: S is the identity, what stands beside it zero; all else starts as without them. */
static void towers_begin_with_what_is_there(void **state) {
    (void)state;
    sage_options *options = options_of(NULL, 0);
    sage_model_shape shape;
    sage_model *with, *without;
    size_t n, m, skips = 0, zeros = 0;
    assert_int_equal(sage_model_shape_from_options(options, sage_vocab_size(vocab), 0, NULL, &shape, NULL), SAGE_OK);
    assert_int_equal(sage_model_new(&shape, options, vocab, 3, &without, NULL), SAGE_OK);
    assert_int_equal(sage_model_shape_towers(options, true, 64, &shape, NULL), SAGE_OK);
    assert_int_equal(sage_model_new(&shape, options, vocab, 3, &with, NULL), SAGE_OK);
    const sage_param *a = sage_model_params(with, &n), *b = sage_model_params(without, &m);
    for (size_t i = 0, k = 0; i < n; i++) {
        const real *x = sage_model_dense(with) + a[i].offset;
        bool skip = strcmp(a[i].name, "user.skip") == 0 || strcmp(a[i].name, "product.skip") == 0;
        bool zero = strcmp(a[i].name, "user.fc2.weight") == 0 || strcmp(a[i].name, "product.fc2.weight") == 0 ||
                    strcmp(a[i].name, "user.score") == 0;
        skips += skip;
        zeros += zero;
        for (size_t at = 0; (skip || zero) && at < a[i].rows * a[i].cols; at++)
            assert_true(x[at] == (skip && at / a[i].cols == at % a[i].cols));
        if (k < m && strcmp(a[i].name, b[k].name) == 0)
            assert_memory_equal(x, sage_model_dense(without) + b[k++].offset, a[i].rows * a[i].cols * sizeof(real));
        else
            assert_true(a[i].tower == SAGE_TOWER_PRODUCT || a[i].tower == SAGE_TOWER_USER);
    }
    assert_true(skips == 2 && zeros == 3);
    sage_model_free(with);
    sage_model_free(without);
    sage_options_free(options);
}

/* Of title, brand and description: whatever the encoder, a product begins as the same mean of its tokens. */
static void every_encoder_begins_alike(void **state) {
    static const char *const encoders[][1] = {{"encoder=transformer"}, {"encoder=sum"},      {"encoder=sum_mlp"},
                                              {"encoder=concat_mlp"},  {"encoder_layers=2"}, {"encoder_layers=4"}};
    const uint32_t ids[] = {id_of(SAGE_WORD, "garden"), id_of(SAGE_WORD, "steel"), id_of(SAGE_WORD, "lamp")};
    const uint32_t begin[] = {0, 1, 2, 3}, token_begin[] = {0, 3};
    const uint8_t field[] = {SAGE_TITLE, SAGE_BRAND, SAGE_DESCRIPTION};
    const sage_product_batch product = {
        .n = 1, .token_begin = token_begin, .token_field = field, .text = {3, ids, begin}};
    real first[256], x[256];
    (void)state;
    for (size_t e = 0; e < 6; e++) {
        sage_model *model = made(encoders[e], 1, 4);
        double dot = 0;
        assert_int_equal(sage_model_shape_of(model)->dim_out, 256);
        assert_int_equal(vectors_of_products(model, NULL, &product, x, NULL), SAGE_OK);
        if (e == 0) memcpy(first, x, sizeof first);
        for (size_t k = 0; k < 256; k++) dot += (double)first[k] * (double)x[k];
        if (dot < 0.97) fail_msg("%s: %.4f", encoders[e][0], dot);
        sage_model_free(model);
    }
}

static void another_vocabulary_is_refused(void **state) {
    const sage_model_shape shape = {.vocab = 3,
                                    .rows = 3,
                                    .hashes = 1,
                                    .dim_embed = 4,
                                    .dim_model = 4,
                                    .heads = 2,
                                    .dim_ff = 4,
                                    .dim_head = 4,
                                    .dim_out = 4};
    sage_options *options = options_of(NULL, 0);
    sage_model *model;
    (void)state;
    assert_int_equal(sage_model_new(&shape, options, vocab, 1, &model, NULL), SAGE_E_ARGUMENT);
    sage_options_free(options);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(weights_are_idf),
                                       cmocka_unit_test(untrained_it_searches),
                                       cmocka_unit_test(every_encoder_begins_alike),
                                       cmocka_unit_test(the_seed_decides),
                                       cmocka_unit_test(the_papers_start),
                                       cmocka_unit_test(untrained_it_finds_what_encoders_find_alike),
                                       cmocka_unit_test(a_sentence_counts_as_much_as_is_said),
                                       cmocka_unit_test(another_vocabulary_is_refused),
                                       cmocka_unit_test(towers_begin_with_what_is_there)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
