/* Going on from a model: what it has is taken, what it lacks stays, and another shape changes nothing. */
#include <oracle/random_batch.h>
#include <support/scratch.h>
#include <support/test.h>

enum { TOKENS = 4 };

static char dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX];

static int setup(void **state) {
    (void)state;
    scratch_make(dir);
    snprintf(path, sizeof path, "%s", scratch_path(dir, "model.safetensors"));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static sage_model_shape shape_of(size_t hashes) {
    return (sage_model_shape){.vocab = 30,
                              .rows = hashes == 1 ? 30 : 12,
                              .hashes = hashes,
                              .dim_embed = 6,
                              .dim_model = 8,
                              .heads = 2,
                              .dim_ff = 5,
                              .dim_head = 7,
                              .dim_out = 4,
                              .n_groups = 1,
                              .groups = {{SAGE_GROUP_PICTURES, 3}}};
}

/* With tokens of these products; NULL: without. */
static sage_model *made(sage_model_shape shape, const int64_t *pids, uint64_t seed) {
    sage_model *model;
    sage_error error;
    if (pids != NULL) sage_model_shape_tokens(&shape, TOKENS);
    if (sage_model_new(&shape, NULL, NULL, seed, &model, &error) != SAGE_OK) fail_msg("%s", error.text);
    rb_randomise(model, seed);
    if (pids != NULL) sage_model_set_tokens(model, pids);
    return model;
}

static void save(const sage_model *model) {
    size_t n, n_meta;
    const sage_tensor *tensors = sage_model_tensors(model, &n);
    const sage_tensor_meta *meta = sage_model_meta(model, &n_meta);
    sage_fs_unlink(path, NULL);
    assert_int_equal(sage_safetensors_write(path, tensors, n, meta, n_meta, NULL), SAGE_OK);
}

static void must_take(sage_model *model) {
    sage_error error;
    if (sage_model_take(model, path, &error) != SAGE_OK) fail_msg("%s", error.text);
}

/* Every tensor's bytes, row-major, one after another; free with sage_free. */
static unsigned char *bytes_of(const sage_model *model, size_t *n) {
    save(model);
    return (unsigned char *)scratch_read(path, n);
}

static const sage_param *param_of(const sage_model *model, const char *name) {
    size_t n;
    const sage_param *params = sage_model_params(model, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(params[i].name, name) == 0) return &params[i];
    return NULL;
}

static void same_shapes_give_the_same_model(void **state) {
    (void)state;
    static const int64_t pids[TOKENS] = {3, 5, 8, 13};
    for (size_t hashes = 1; hashes <= 2; hashes++) {
        sage_model *from = made(shape_of(hashes), pids, 3), *to = made(shape_of(hashes), pids, 4);
        size_t n, m;
        unsigned char *wanted = bytes_of(from, &n);
        must_take(to);
        unsigned char *got = bytes_of(to, &m);
        assert_int_equal(n, m);
        assert_memory_equal(wanted, got, n); /* the hash functions too, which the metadata has */
        sage_free(wanted);
        sage_free(got);
        sage_model_free(from);
        sage_model_free(to);
    }
}

static void a_tower_that_it_lacks_stays_as_it_was(void **state) {
    (void)state;
    sage_model_shape wide = shape_of(1);
    wide.product_tower = true;
    sage_model *from = made(shape_of(1), NULL, 3), *to = made(wide, NULL, 4);
    size_t n_params, own = 0, taken = 0, dense = sage_model_dense_size(to);
    const sage_param *params = sage_model_params(to, &n_params);
    real *before = sage_alloc(dense * sizeof *before);
    memcpy(before, sage_model_dense(to), dense * sizeof *before);
    save(from);
    must_take(to);
    for (size_t i = 0; i < n_params; i++) {
        const sage_param *its = param_of(from, params[i].name);
        const real *wanted = its != NULL ? sage_model_dense(from) + its->offset : before + params[i].offset;
        assert_memory_equal(sage_model_dense(to) + params[i].offset, wanted,
                            params[i].rows * params[i].cols * sizeof *wanted);
        own += its == NULL;
        taken += its != NULL;
    }
    assert_true(own > 0 && taken > 0);
    sage_free(before);
    sage_model_free(from);
    sage_model_free(to);
}

/* The row of a token in the table of a file that was just saved. */
static void row_of(size_t id, size_t dim, real *out) {
    sage_safetensors *file;
    assert_int_equal(sage_safetensors_open(path, &file, NULL), SAGE_OK);
    const sage_tensor *table = sage_safetensors_find(file, "table");
    assert_non_null(table);
    memcpy(out, (const unsigned char *)table->data + id * dim * sizeof *out, dim * sizeof *out);
    sage_safetensors_close(file);
}

static void tokens_follow_their_products(void **state) {
    (void)state;
    static const int64_t theirs[TOKENS] = {3, 5, 8, 13}, mine[TOKENS] = {2, 5, 13, 20};
    static const int in[TOKENS] = {-1, 1, 3, -1}; /* which of theirs mine are */
    sage_model *from = made(shape_of(1), theirs, 3), *to = made(shape_of(1), mine, 4);
    real rows[2][30 + TOKENS][6], got[6];
    save(to);
    for (size_t id = 0; id < 30 + TOKENS; id++) row_of(id, 6, rows[0][id]);
    save(from);
    for (size_t id = 0; id < 30 + TOKENS; id++) row_of(id, 6, rows[1][id]);
    must_take(to);
    save(to);
    for (size_t id = 0; id < 30; id++) {
        row_of(id, 6, got);
        assert_memory_equal(got, rows[1][id], sizeof got);
    }
    for (size_t k = 0; k < TOKENS; k++) {
        row_of(30 + k, 6, got);
        assert_memory_equal(got, in[k] < 0 ? rows[0][30 + k] : rows[1][30 + in[k]], sizeof got);
        assert_int_equal(sage_model_tokens(to)[k], mine[k]);
    }
    sage_model_free(from);
    sage_model_free(to);
}

static void another_shape_changes_nothing(void **state) {
    (void)state;
    sage_model_shape others[5];
    for (size_t i = 0; i < 5; i++) others[i] = shape_of(2);
    others[0].vocab = 31;
    others[1].rows = 13;
    others[2].dim_embed = 7;
    others[3].dim_out = 5;
    others[4].dim_ff = 6;
    sage_model *to = made(shape_of(2), NULL, 4);
    for (size_t i = 0; i <= 5; i++) {
        size_t n, m;
        sage_error error = {0};
        unsigned char *before = bytes_of(to, &n);
        sage_model *from = made(i < 5 ? others[i] : shape_of(1), NULL, 3);
        save(from);
        assert_int_equal(sage_model_take(to, path, &error), SAGE_E_STATE);
        assert_non_null(strstr(error.text, i == 0 ? "31 n-grams, the dataset 30" : "another shape"));
        unsigned char *after = bytes_of(to, &m);
        assert_int_equal(n, m);
        assert_memory_equal(before, after, n);
        sage_free(before);
        sage_free(after);
        sage_model_free(from);
    }
    sage_model_free(to);
}

static void a_damaged_file_changes_nothing(void **state) {
    (void)state;
    sage_model *from = made(shape_of(2), NULL, 3), *to = made(shape_of(2), NULL, 4);
    size_t n, m, file;
    unsigned char *before = bytes_of(to, &n), *whole = bytes_of(from, &file);
    scratch_write(path, whole, file / 2);
    assert_int_equal(sage_model_take(to, path, NULL), SAGE_E_FORMAT);
    sage_fs_unlink(path, NULL);
    assert_int_not_equal(sage_model_take(to, path, NULL), SAGE_OK);
    unsigned char *after = bytes_of(to, &m);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    sage_free(before);
    sage_free(whole);
    sage_free(after);
    sage_model_free(from);
    sage_model_free(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_shapes_give_the_same_model), cmocka_unit_test(a_tower_that_it_lacks_stays_as_it_was),
        cmocka_unit_test(tokens_follow_their_products),    cmocka_unit_test(another_shape_changes_nothing),
        cmocka_unit_test(a_damaged_file_changes_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
