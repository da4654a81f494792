/* Models through safetensors: the same bits back, and every way in which a file can be another model's or damaged. */
#include <oracle/random_batch.h>
#include <support/encoders.h>
#include <support/same_shape.h>
#include <support/scratch_dir.h>
#include <support/test.h>
#include <support/vectors.h>

static const sage_model_shape hashed = {.vocab = 30,
                                        .rows = 12,
                                        .hashes = 2,
                                        .dim_embed = 6,
                                        .dim_model = 8,
                                        .heads = 2,
                                        .dim_ff = 5,
                                        .dim_head = 7,
                                        .dim_out = 4,
                                        .n_groups = 1,
                                        .groups = {{SAGE_GROUP_PICTURES, 3}}};

static sage_model *made(const sage_model_shape *shape, uint64_t seed) {
    sage_model *model;
    assert_int_equal(sage_model_new(shape, NULL, NULL, seed, &model, NULL), SAGE_OK);
    rb_randomise(model, seed);
    return model;
}

static void save(const sage_model *model, const char *path, const char *skip_tensor, const char *skip_meta) {
    size_t n, n_meta, kept = 0, kept_meta = 0;
    const sage_tensor *tensors = sage_model_tensors(model, &n);
    const sage_tensor_meta *meta = sage_model_meta(model, &n_meta);
    sage_tensor *some = calloc(n, sizeof *some);
    sage_tensor_meta some_meta[32];
    assert_true(n_meta <= 32);
    for (size_t i = 0; i < n; i++)
        if (skip_tensor == NULL || strcmp(tensors[i].name, skip_tensor) != 0) some[kept++] = tensors[i];
    for (size_t i = 0; i < n_meta; i++)
        if (skip_meta == NULL || strcmp(meta[i].key, skip_meta) != 0) some_meta[kept_meta++] = meta[i];
    assert_int_equal(sage_safetensors_write(path, some, kept, some_meta, kept_meta, NULL), SAGE_OK);
    free(some);
}

static void same_bits(const sage_model *a, const sage_model *b) {
    size_t n, m;
    const sage_tensor *x = sage_model_tensors(a, &n), *y = sage_model_tensors(b, &m);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(x[i].name, y[i].name);
        assert_int_equal(x[i].bytes, y[i].bytes);
        assert_memory_equal(x[i].data, y[i].data, x[i].bytes);
    }
}

static void round_trip(void **state) {
    const char *path = scratch_path(dir, "model.safetensors");
    (void)state;
    sage_model *model = made(&hashed, 3), *loaded;
    sage_error error;
    save(model, path, NULL, NULL);
    if (sage_model_load(path, &loaded, &error) != SAGE_OK) fail_msg("%s", error.text);
    same_shape(sage_model_shape_of(model), sage_model_shape_of(loaded));
    same_bits(model, loaded);

    random_batch *b = calloc(1, sizeof *b);
    real p[RB_PRODUCTS_MAX * 4], p2[RB_PRODUCTS_MAX * 4];
    rb_fill(b, &hashed, 6, 5, 1);
    assert_int_equal(vectors_of_products(model, NULL, &b->products, p, NULL), SAGE_OK);
    assert_int_equal(vectors_of_products(loaded, NULL, &b->products, p2, NULL), SAGE_OK);
    assert_memory_equal(p, p2, 11 * 4 * sizeof *p); /* the hash functions came along */
    free(b);
    sage_model_free(model);
    sage_model_free(loaded);
}

/* A table of two slabs: row by row in the file, in f32 and from f64 alike, and in slabs again when it is read. */
static void the_table_lies_row_by_row(void **state) {
    const char *path = scratch_path(dir, "wide_rows.safetensors");
    (void)state;
    sage_model_shape shape = hashed;
    shape.dim_embed = 40;
    sage_model *model = made(&shape, 10), *loaded;
    sage_safetensors *file;
    size_t n, n_meta, table = 0;
    const sage_tensor_meta *meta = sage_model_meta(model, &n_meta);
    sage_tensor *tensors = calloc(sage_model_tensors(model, &n) ? n : 0, sizeof *tensors);
    double wide[12 * 40];
    memcpy(tensors, sage_model_tensors(model, &n), n * sizeof *tensors);
    while (strcmp(tensors[table].name, "table") != 0) table++;
    for (int f64 = 0; f64 < 2; f64++) {
        assert_int_equal(sage_safetensors_write(path, tensors, n, meta, n_meta, NULL), SAGE_OK);
        assert_int_equal(sage_model_load(path, &loaded, NULL), SAGE_OK);
        same_bits(model, loaded);
        assert_int_equal(sage_safetensors_open(path, &file, NULL), SAGE_OK);
        const sage_tensor *stored = sage_safetensors_find(file, "table");
        for (size_t i = 0; i < 12 * 40; i++) {
            real value = sage_model_table(model)[sage_slab_at(12, 40, i / 40, i % 40)];
            if (stored->dtype == SAGE_F64)
                assert_true(((const double *)stored->data)[i] == (double)value);
            else
                assert_true(((const float *)stored->data)[i] == (float)value);
            wide[i] = (double)value;
        }
        tensors[table].dtype = SAGE_F64;
        tensors[table].data = wide;
        tensors[table].bytes = sizeof wide;
        tensors[table].slab = 0;
        sage_safetensors_close(file);
        sage_model_free(loaded);
    }
    free(tensors);
    sage_model_free(model);
}

/* What a shape leaves out is said in the file, loaded again, and not restored into a model that has it, nor back. */
static void is_kept(const sage_model_shape *shape, const char *says) {
    const char *path = scratch_path(dir, "plain.safetensors");
    sage_model *plain = made(shape, 11), *whole = made(&hashed, 11), *loaded;
    sage_safetensors *file;
    sage_error error = {0};
    save(plain, path, NULL, NULL);
    assert_int_equal(sage_model_load(path, &loaded, NULL), SAGE_OK);
    same_shape(sage_model_shape_of(loaded), shape);
    same_bits(plain, loaded);
    sage_model_free(loaded);
    assert_int_equal(sage_safetensors_open(path, &file, NULL), SAGE_OK);
    assert_int_equal(sage_model_restore(plain, file, "", NULL), SAGE_OK);
    assert_int_equal(sage_model_restore(whole, file, "", &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, says));
    sage_safetensors_close(file);
    save(whole, path, NULL, NULL);
    assert_int_equal(sage_model_load(path, &loaded, NULL), SAGE_OK);
    same_shape(sage_model_shape_of(loaded), &hashed);
    sage_model_free(loaded);
    assert_int_equal(sage_safetensors_open(path, &file, NULL), SAGE_OK);
    assert_int_equal(sage_model_restore(plain, file, "", NULL), SAGE_E_FORMAT);
    sage_safetensors_close(file);
    sage_model_free(plain);
    sage_model_free(whole);
}

static void what_is_left_out_is_kept(void **state) {
    sage_model_shape text = hashed, head = hashed;
    (void)state;
    text.plain_text = head.plain_head = true;
    is_kept(&text, "text_norm is off");
    is_kept(&head, "head_skip is off");
    text = hashed;
    text.inputs = SAGE_INPUTS_TEXT;
    is_kept(&text, "inputs is text");
    static const char *const says[ENCODERS] = {"",
                                               "encoder is sum",
                                               "encoder is sum_mlp",
                                               "encoder is concat_mlp",
                                               "encoder has 2 layers",
                                               "encoder has 3 layers"};
    for (int e = 1; e < ENCODERS; e++) {
        text = encoder_number(hashed, e);
        is_kept(&text, says[e]);
    }
}

static void restore_takes_a_prefix(void **state) {
    const char *path = scratch_path(dir, "prefixed.safetensors");
    (void)state;
    sage_model *model = made(&hashed, 4), *other = made(&hashed, 5);
    sage_safetensors *file;
    size_t n, n_meta;
    const sage_tensor *tensors = sage_model_tensors(model, &n);
    const sage_tensor_meta *meta = sage_model_meta(model, &n_meta);
    sage_tensor *prefixed = calloc(n, sizeof *prefixed);
    for (size_t i = 0; i < n; i++) {
        prefixed[i] = tensors[i];
        snprintf(prefixed[i].name, sizeof prefixed[i].name, "best.%.100s", tensors[i].name);
    }
    assert_int_equal(sage_safetensors_write(path, prefixed, n, meta, n_meta, NULL), SAGE_OK);
    free(prefixed);
    assert_int_equal(sage_safetensors_open(path, &file, NULL), SAGE_OK);
    assert_int_equal(sage_model_restore(other, file, "", NULL), SAGE_E_FORMAT);
    assert_int_equal(sage_model_restore(other, file, "best.", NULL), SAGE_OK);
    same_bits(model, other);
    sage_safetensors_close(file);
    sage_model_free(model);
    sage_model_free(other);
}

static void another_shape_changes_nothing(void **state) {
    const char *path = scratch_path(dir, "wide.safetensors");
    (void)state;
    sage_model_shape wider = hashed;
    wider.dim_ff++;
    sage_model *model = made(&hashed, 6), *same = made(&hashed, 6), *wide = made(&wider, 6);
    sage_safetensors *file;
    sage_error error = {0};
    save(wide, path, NULL, NULL);
    assert_int_equal(sage_safetensors_open(path, &file, NULL), SAGE_OK);
    assert_int_equal(sage_model_restore(model, file, "", &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "encoder.ff1.weight"));
    same_bits(model, same);
    sage_safetensors_close(file);
    sage_model_free(model);
    sage_model_free(same);
    sage_model_free(wide);
}

static void what_is_missing_is_named(void **state) {
    static const char *const metas[] = {"format", "vocab",    "rows",    "hashes", "dim_embed", "dim_model", "heads",
                                        "dim_ff", "dim_head", "dim_out", "groups", "hash_a1",   "hash_b2"};
    const char *path = scratch_path(dir, "partial.safetensors");
    (void)state;
    sage_model *model = made(&hashed, 7), *loaded = NULL;
    sage_error error;
    size_t n;
    const sage_tensor *tensors = sage_model_tensors(model, &n);
    for (size_t i = 0; i < n; i++) {
        save(model, path, tensors[i].name, NULL);
        memset(&error, 0, sizeof error);
        assert_int_equal(sage_model_load(path, &loaded, &error), SAGE_E_FORMAT);
        assert_non_null(strstr(error.text, tensors[i].name));
    }
    for (size_t i = 0; i < sizeof metas / sizeof metas[0]; i++) {
        save(model, path, NULL, metas[i]);
        memset(&error, 0, sizeof error);
        assert_int_equal(sage_model_load(path, &loaded, &error), SAGE_E_FORMAT);
        assert_non_null(strstr(error.text, metas[i]));
    }
    sage_model_free(model);
}

/* Sizes in the metadata that the tensors do not bear out must not become allocations or reads past the file. */
static void lying_metadata(void **state) {
    const char *path = scratch_path(dir, "lying.safetensors");
    (void)state;
    sage_model_shape shape = hashed;
    shape.plain_text = shape.plain_head = true; /* says all there is to say */
    shape.inputs = SAGE_INPUTS_TEXT;
    sage_model *model = made(&shape, 8), *loaded = NULL;
    size_t n, n_meta;
    const sage_tensor *tensors = sage_model_tensors(model, &n);
    const sage_tensor_meta *meta = sage_model_meta(model, &n_meta);
    static const char *const lies[] = {"0",  "1", "2147483646", "18446744073709551615", "99999999999999999999999", "-1",
                                       "4x", ""};
    for (size_t i = 1; i < n_meta; i++)
        for (size_t l = 0; l < sizeof lies / sizeof lies[0]; l++) {
            sage_tensor_meta changed[32];
            sage_error error = {0};
            if (strncmp(meta[i].key, "hash_", 5) == 0 && l < 3) continue; /* another hash function is a fair value */
            memcpy(changed, meta, n_meta * sizeof *meta);
            changed[i].value = lies[l];
            if (strcmp(meta[i].value, lies[l]) == 0) continue;
            assert_int_equal(sage_safetensors_write(path, tensors, n, changed, n_meta, NULL), SAGE_OK);
            assert_int_equal(sage_model_load(path, &loaded, &error), SAGE_E_FORMAT);
            assert_true(error.text[0] != '\0');
        }
    sage_model_free(model);
}

static void groups_come_along(void **state) {
    static const char *const bad[] = {"pictures",     "pictures:",      "pictures:0",  "pictures:3,sentences:4",
                                      "sounds:3",     "pictures:x",     "pictures:-3", "sentences:5 pictures:3",
                                      "pictures:3 x", "pictures:99999", "pictures:3x", "sentences:3 sentences:2",
                                      "pictures:4",   " pictures:3",    "pictures:3 ", ""};
    const char *path = scratch_path(dir, "groups.safetensors");
    (void)state;
    sage_model_shape shape = hashed, widest = hashed;
    const sage_group groups[] = {
        {SAGE_GROUP_PICTURES, 3}, {SAGE_GROUP_PICTURES, 1}, {SAGE_GROUP_SENTENCES, 4}, {SAGE_GROUP_SENTENCES, 2}};
    shape.n_groups = widest.n_groups = 4;
    memcpy(shape.groups, groups, sizeof groups);
    sage_model *model = made(&shape, 4), *loaded = NULL;
    size_t n, n_meta, at = 0;
    const sage_tensor *tensors = sage_model_tensors(model, &n);
    sage_tensor_meta meta[32];
    save(model, path, NULL, NULL);
    assert_int_equal(sage_model_load(path, &loaded, NULL), SAGE_OK);
    same_shape(sage_model_shape_of(loaded), &shape);
    same_bits(model, loaded);
    sage_model_free(loaded);
    const sage_tensor_meta *described = sage_model_meta(model, &n_meta);
    memcpy(meta, described, n_meta * sizeof *meta);
    while (strcmp(meta[at].key, "groups") != 0) at++;
    assert_string_equal(meta[at].value, "pictures:3 pictures:1 sentences:4 sentences:2");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sage_error error = {0};
        meta[at].value = bad[i];
        assert_int_equal(sage_safetensors_write(path, tensors, n, meta, n_meta, NULL), SAGE_OK);
        if (sage_model_load(path, &loaded, &error) != SAGE_E_FORMAT) fail_msg("\"%s\" is taken", bad[i]);
        assert_true(error.text[0] != '\0');
    }
    sage_model_free(model);
    for (size_t g = 0; g < 4; g++) widest.groups[g] = (sage_group){SAGE_GROUP_SENTENCES, 65536};
    model = made(&widest, 4); /* the longest text */
    meta[at].value = sage_model_meta(model, &n_meta)[at].value;
    assert_string_equal(meta[at].value, "sentences:65536 sentences:65536 sentences:65536 sentences:65536");
    sage_model_free(model);
}

/* Written before there were groups, when a picture had no tower: it gets one that starts as the pictures' projection.
 */
static void a_file_from_before_there_were_groups(void **state) {
    const char *path = scratch_path(dir, "old.safetensors");
    (void)state;
    sage_model *model = made(&hashed, 12), *loaded = NULL;
    size_t n, n_meta, kept = 0, n_params;
    const sage_tensor *tensors = sage_model_tensors(model, &n);
    sage_tensor *old = calloc(n, sizeof *old);
    sage_tensor_meta meta[32];
    sage_error error;
    const sage_tensor_meta *described = sage_model_meta(model, &n_meta);
    memcpy(meta, described, n_meta * sizeof *meta);
    for (size_t i = 0; i < n_meta; i++)
        if (strcmp(meta[i].key, "groups") == 0) meta[i] = (sage_tensor_meta){"dim_image", "3"};
    for (size_t i = 0; i < n; i++)
        if (strncmp(tensors[i].name, "picture.", 8) != 0) old[kept++] = tensors[i];
    assert_int_equal(kept, n - 5);
    assert_int_equal(sage_safetensors_write(path, old, kept, meta, n_meta, NULL), SAGE_OK);
    if (sage_model_load(path, &loaded, &error) != SAGE_OK) fail_msg("%s", error.text);
    same_shape(sage_model_shape_of(loaded), &hashed);
    const sage_param *params = sage_model_params(model, &n_params);
    const real *proj = NULL, *was = sage_model_dense(model), *is = sage_model_dense(loaded);
    for (size_t i = 0; i < n_params; i++) {
        size_t bytes = params[i].rows * params[i].cols * sizeof(real);
        if (strcmp(params[i].name, "image.proj") == 0) proj = is + params[i].offset;
        if (params[i].tower != SAGE_TOWER_PICTURE)
            assert_memory_equal(was + params[i].offset, is + params[i].offset, bytes);
        if (strcmp(params[i].name, "picture.skip") == 0) assert_memory_equal(proj, is + params[i].offset, bytes);
    }
    sage_frozen *frozen;
    assert_int_equal(sage_frozen_load(path, SAGE_PRECISION_BF16, NULL, &frozen, NULL), SAGE_OK);
    sage_frozen_free(frozen);
    save(loaded, path, "picture.skip", NULL);
    sage_model_free(loaded);
    assert_int_equal(sage_model_load(path, &loaded, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "picture.skip"));
    sage_model_free(model);
    free(old);
}

static void products_keep_their_tokens(void **state) {
    const char *path = scratch_path(dir, "tokens.safetensors");
    static const int64_t pids[] = {3, 8, 1000000000000}, twice[] = {3, 8, 8};
    (void)state;
    sage_model_shape shape = hashed;
    sage_model_shape_tokens(&shape, 3);
    sage_model *model = made(&shape, 12), *loaded = NULL;
    sage_error error;
    assert_int_equal(shape.rows, hashed.rows); /* hashed as the n-grams are */
    sage_model_set_tokens(model, pids);
    save(model, path, NULL, NULL);
    if (sage_model_load(path, &loaded, &error) != SAGE_OK) fail_msg("%s", error.text);
    same_shape(&shape, sage_model_shape_of(loaded));
    same_bits(model, loaded);
    assert_memory_equal(sage_model_tokens(loaded), pids, sizeof pids);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(sage_token_id(&shape, sage_model_tokens(loaded), pids[i]), shape.vocab + i);
    assert_int_equal(sage_token_id(&shape, pids, 2), SAGE_NO_ID);
    assert_int_equal(sage_token_id(&shape, pids, 9), SAGE_NO_ID);
    assert_int_equal(sage_token_id(&shape, pids, INT64_MAX), SAGE_NO_ID);
    assert_int_equal(sage_token_id(&shape, NULL, 3), SAGE_NO_ID);
    sage_model_free(loaded);
    save(model, path, "token.pids", NULL);
    assert_int_equal(sage_model_load(path, &loaded, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "token.pids"));
    save(model, path, NULL, "tokens");
    assert_int_equal(sage_model_load(path, &loaded, &error), SAGE_E_FORMAT);
    sage_model_set_tokens(model, twice);
    save(model, path, NULL, NULL);
    assert_int_equal(sage_model_load(path, &loaded, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "ascend"));
    sage_model_free(model);
    model = made(&hashed, 12);
    size_t n, tensors;
    (void)sage_model_params(model, &n);
    (void)sage_model_tensors(model, &tensors);
    assert_null(sage_model_tokens(model));
    assert_int_equal(tensors, n + 2); /* without tokens a file is as it always was */
    sage_model_free(model);
}

static void not_a_model(void **state) {
    const char *path = scratch_path(dir, "text");
    (void)state;
    sage_model *model;
    scratch_write(path, "hello", 5);
    assert_int_equal(sage_model_load(path, &model, NULL), SAGE_E_FORMAT);
    assert_int_equal(sage_model_load(scratch_path(dir, "absent"), &model, NULL), SAGE_E_NOT_FOUND);
}

static void memory_runs_out(void **state) {
    const char *path = scratch_path(dir, "whole.safetensors");
    (void)state;
    sage_model *model = made(&hashed, 9);
    save(model, path, NULL, NULL);
    sage_model_free(model);
    for (unsigned long at = 1;; at++) {
        sage_model *loaded = NULL;
        sage_alloc_fail_from(at);
        sage_status status = sage_model_load(path, &loaded, NULL);
        unsigned long made_calls = sage_alloc_fail_from(0);
        if (status == SAGE_OK) {
            assert_true(made_calls < at);
            sage_model_free(loaded);
            break;
        }
        assert_int_equal(status, SAGE_E_MEMORY);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(the_table_lies_row_by_row),
        cmocka_unit_test(what_is_left_out_is_kept),
        cmocka_unit_test(restore_takes_a_prefix),
        cmocka_unit_test(another_shape_changes_nothing),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(lying_metadata),
        cmocka_unit_test(groups_come_along),
        cmocka_unit_test(a_file_from_before_there_were_groups),
        cmocka_unit_test(products_keep_their_tokens),
        cmocka_unit_test(not_a_model),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
