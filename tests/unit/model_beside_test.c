/* Sentences beside the model's own vectors: what is published, the file, and that the model does not see them. The
 * map's own gradient is judged by the oracle and by finite differences. */
#include <base/alloc.h>
#include <math.h>
#include <oracle/random_batch.h>
#include <stdlib.h>
#include <support/same_shape.h>
#include <support/scratch.h>
#include <support/test.h>
#include <support/vectors.h>

enum { OWN = 12, FIRST = 7, SECOND = 4, SPOKEN = FIRST + SECOND, OUT = OWN + SPOKEN, PAIRS = 10, PRODUCTS = 16 };
static const double C = 0.5;
static const sage_model_shape mute = {.vocab = 50,
                                      .rows = 20,
                                      .hashes = 2,
                                      .dim_embed = 16,
                                      .dim_model = 8,
                                      .heads = 2,
                                      .dim_ff = 10,
                                      .dim_head = 9,
                                      .dim_out = OWN,
                                      .n_groups = 1,
                                      .groups = {{SAGE_GROUP_PICTURES, 5}}};

typedef struct world {
    sage_model *own, *model; /* the same weights */
    random_batch batch;
} world;

static sage_model_shape with_sentences(double beside) {
    sage_model_shape shape = mute;
    shape.n_groups = 3;
    shape.groups[1] = (sage_group){SAGE_GROUP_SENTENCES, FIRST};
    shape.groups[2] = (sage_group){SAGE_GROUP_SENTENCES, SECOND};
    shape.beside = beside;
    return shape;
}

static const sage_param *param(const sage_model *model, const char *name) {
    size_t n;
    const sage_param *params = sage_model_params(model, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(params[i].name, name) == 0) return &params[i];
    return NULL;
}

/* The same weights, whatever else either model has. */
static void copy_weights(sage_model *from, sage_model *to) {
    size_t n;
    const sage_param *params = sage_model_params(from, &n);
    for (size_t i = 0; i < n; i++)
        memcpy(sage_model_dense(to) + param(to, params[i].name)->offset, sage_model_dense(from) + params[i].offset,
               params[i].rows * params[i].cols * sizeof(real));
    memcpy(sage_model_table(to), sage_model_table(from), mute.rows * mute.dim_embed * sizeof(real));
    memcpy(sage_model_importance(to), sage_model_importance(from), mute.vocab * mute.hashes * sizeof(real));
}

static int set_up(void **state) {
    world *w = calloc(1, sizeof *w);
    const sage_model_shape shape = with_sentences(C);
    assert_int_equal(sage_model_new(&mute, NULL, NULL, 2, &w->own, NULL), SAGE_OK);
    assert_int_equal(sage_model_new(&shape, NULL, NULL, 2, &w->model, NULL), SAGE_OK);
    rb_randomise(w->own, 2);
    rb_randomise(w->model, 2);
    copy_weights(w->own, w->model);
    rb_fill(&w->batch, &shape, PAIRS, PRODUCTS - PAIRS, 3);
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    sage_model_free(w->own);
    sage_model_free(w->model);
    free(w);
    return 0;
}

/* In doubles, from the definition. own NULL: zeros; heard [SPOKEN]: the sentences side by side. */
static void expect(const world *w, const real *own, const real *heard, const real *out) {
    const real *map = sage_model_dense(w->model) + param(w->model, "sentence.map")->offset;
    double whole[OUT] = {0}, length = own != NULL, square = 0;
    for (size_t k = 0; own != NULL && k < OWN; k++) whole[k] = (double)own[k];
    for (size_t k = 0; k < SPOKEN; k++) {
        for (size_t j = 0; j < SPOKEN; j++) whole[OWN + k] += (double)map[k * SPOKEN + j] * (double)heard[j];
        square += whole[OWN + k] * whole[OWN + k];
    }
    for (size_t k = OWN; k < OUT && square > 0; k++) whole[k] *= sqrt(C / square);
    if (square > 0) length += C;
    for (size_t k = 0; k < OUT; k++)
        if (fabs((double)out[k] - whole[k] / sqrt(length)) > 2e-6) fail_msg("%zu: %g", k, (double)out[k]);
}

/* Added up, where a product has several. */
static void hear(const sage_product_batch *batch, size_t i, real heard[SPOKEN]) {
    memset(heard, 0, SPOKEN * sizeof *heard);
    for (size_t g = 1, at = 0; g < 3; at += g++ == 1 ? FIRST : SECOND) {
        const sage_group_rows *rows = &batch->group[g];
        size_t dim = g == 1 ? FIRST : SECOND;
        for (size_t row = rows->begin[i]; row < rows->begin[i + 1]; row++)
            for (size_t k = 0; k < dim; k++) heard[at + k] += rows->vectors[row * dim + k];
    }
}

static const real nothing[SPOKEN];

static void products_are_published_with_their_sentences(void **state) {
    world *w = *state;
    real own[PRODUCTS * OWN], out[PRODUCTS * OUT], heard[SPOKEN];
    sage_product_batch without = w->batch.products;
    memset(without.group + 1, 0, 2 * sizeof *without.group);
    assert_int_equal(vectors_of_products(w->own, NULL, &without, own, NULL), SAGE_OK);
    assert_int_equal(vectors_of_products(w->model, NULL, &w->batch.products, out, NULL), SAGE_OK);
    for (size_t i = 0; i < PRODUCTS; i++) {
        hear(&w->batch.products, i, heard);
        expect(w, own + i * OWN, heard, out + i * OUT);
    }
    assert_int_equal(vectors_of_products(w->model, NULL, &without, out, NULL), SAGE_OK);
    for (size_t i = 0; i < PRODUCTS; i++) expect(w, own + i * OWN, nothing, out + i * OUT);
}

/* Text 2 has no n-gram: without a sentence it is what the tower makes of nothing, with one it is that sentence. */
static void queries_are_published_with_their_sentences(void **state) {
    enum { TEXTS = PAIRS - 3 };
    world *w = *state;
    real own[PAIRS * OWN], out[PAIRS * OUT], *sentences = w->batch.sentences;
    rb_pictures(&w->batch, PAIRS - TEXTS);
    sage_query_batch without = w->batch.queries;
    without.sentences = NULL;
    assert_int_equal(vectors_of_queries(w->own, NULL, &without, own, NULL), SAGE_OK);
    for (size_t spoken = 0; spoken < 2; spoken++) {
        if (spoken) sentences[2 * SPOKEN + 3] = 1;
        assert_int_equal(vectors_of_queries(w->model, NULL, &w->batch.queries, out, NULL), SAGE_OK);
        for (size_t i = 0; i < TEXTS; i++)
            expect(w, i == 2 && spoken ? NULL : own + i * OWN, sentences + i * SPOKEN, out + i * OUT);
        for (size_t i = TEXTS; i < PAIRS; i++) expect(w, own + i * OWN, nothing, out + i * OUT);
    }
    assert_int_equal(vectors_of_queries(w->model, NULL, &without, out, NULL), SAGE_OK);
    for (size_t i = 0; i < PAIRS; i++) expect(w, own + i * OWN, nothing, out + i * OUT);
}

static void the_file_knows(void **state) {
    static const char *const bad[] = {"", "0", "-1", "x", "0.5x", "nan", "inf", "1e9"};
    world *w = *state;
    char dir[SAGE_PATH_MAX];
    scratch_make(dir);
    const char *path = scratch_path(dir, "model.safetensors");
    size_t n, n_meta, at = 0;
    const sage_tensor *tensors = sage_model_tensors(w->model, &n);
    const sage_tensor_meta *meta = sage_model_meta(w->model, &n_meta);
    sage_tensor_meta changed[32];
    sage_model *loaded;
    assert_int_equal(sage_safetensors_write(path, tensors, n, meta, n_meta, NULL), SAGE_OK);
    assert_int_equal(sage_model_load(path, &loaded, NULL), SAGE_OK);
    same_shape(sage_model_shape_of(w->model), sage_model_shape_of(loaded));
    assert_int_equal(sage_shape_out(sage_model_shape_of(loaded)), OUT);
    sage_model_free(loaded);
    memcpy(changed, meta, n_meta * sizeof *meta);
    while (strcmp(changed[at].key, "sentences_beside") != 0) at++;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sage_error error = {0};
        changed[at].value = bad[i];
        assert_int_equal(sage_safetensors_write(path, tensors, n, changed, n_meta, NULL), SAGE_OK);
        if (sage_model_load(path, &loaded, &error) != SAGE_E_FORMAT) fail_msg("\"%s\" is taken", bad[i]);
        assert_true(error.text[0] != '\0');
    }
    scratch_remove(dir);
}

static sage_loss step(sage_model *model, const random_batch *b, sage_grads **grads) {
    sage_work *work;
    sage_loss loss;
    sage_error error = {0};
    assert_int_equal(sage_work_new(NULL, SAGE_PRECISION_F32, &work, NULL), SAGE_OK);
    assert_int_equal(sage_grads_new(model, grads, NULL), SAGE_OK);
    if (sage_model_step(model, work, &b->products, &b->queries, &b->spec, *grads, &loss, &error) != SAGE_OK)
        fail_msg("%s", error.text);
    sage_work_free(work);
    return loss;
}

/* All gradients but the map's are those of a model without sentences. */
static void the_model_does_not_see_them(void **state) {
    world *w = *state;
    sage_grads *with, *without;
    size_t n;
    const sage_param *params = sage_model_params(w->own, &n);
    sage_loss spoken = step(w->model, &w->batch, &with);
    memset(w->batch.products.group + 1, 0, 2 * sizeof *w->batch.products.group);
    w->batch.queries.sentences = NULL;
    sage_loss mute_loss = step(w->own, &w->batch, &without);
    assert_true(spoken.in_batch == mute_loss.in_batch && spoken.random == mute_loss.random);
    assert_true(spoken.sentences > 0 && mute_loss.sentences == 0);
    for (size_t i = 0; i < n; i++)
        assert_memory_equal(with->dense + param(w->model, params[i].name)->offset, without->dense + params[i].offset,
                            params[i].rows * params[i].cols * sizeof(real));
    assert_int_equal(with->n_ids, without->n_ids);
    sage_grads_free(with);
    sage_grads_free(without);
    step(w->model, &w->batch, &with); /* no sentences, nothing to learn from */
    const sage_param *map = param(w->model, "sentence.map");
    for (size_t k = 0; k < SPOKEN * SPOKEN; k++) assert_true(with->dense[map->offset + k] == 0);
    sage_grads_free(with);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(products_are_published_with_their_sentences, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queries_are_published_with_their_sentences, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_file_knows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_model_does_not_see_them, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
