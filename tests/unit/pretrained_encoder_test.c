/* Frozen encoders: what they say of themselves, what they refuse and how, and what a call may ask. The folders are the
 * oracle's (tests/oracle/encoders), copied and changed. */
#include <base/alloc.h>
#include <io/json.h>
#include <io/safetensors.h>
#include <math.h>
#include <pretrained/encoder.h>
#include <support/scratch.h>
#include <support/test.h>

static char scratch[SAGE_PATH_MAX];

static int make_scratch(void **state) {
    (void)state;
    scratch_make(scratch);
    return 0;
}

static int drop_scratch(void **state) {
    (void)state;
    scratch_remove(scratch);
    return 0;
}

static const char *fixture(const char *name) {
    static char path[SAGE_PATH_MAX];
    const char *dir = getenv("SAGE_TEST_DIR");
    snprintf(path, sizeof path, "%s/oracle/encoders/%s", dir != NULL ? dir : "tests", name);
    return path;
}

/* ---- a copy that can be changed ---- */

static void copy(const char *name, const char *file) {
    char from[SAGE_PATH_MAX];
    size_t n;
    scratch_must(sage_path_join(from, fixture(name), file, NULL) == SAGE_OK, file);
    char *data = scratch_read(from, &n);
    if (data != NULL)
        scratch_write(scratch_path(scratch, file), data, n);
    else
        unlink(scratch_path(scratch, file));
    sage_free(data);
}

static void copy_all(const char *name) {
    static const char *const files[] = {"config.json",  "model.safetensors",         "preprocessor_config.json",
                                        "modules.json", "sentence_bert_config.json", "tokenizer_config.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) copy(name, files[i]);
    sage_fs_remove_tree(scratch_path(scratch, "1_Pooling"), NULL);
}

/* Members of `change` (JSON; null removes) into a file of the copy, which it may be the first to make. */
static void change(const char *file, const char *members) {
    const char *path = scratch_path(scratch, file);
    json_t *root = json_load_file(path, 0, NULL), *changes = json_loads(members, 0, NULL), *value;
    const char *key;
    scratch_must(changes != NULL, members);
    if (root == NULL) root = json_object();
    json_object_foreach(changes, key, value) {
        if (json_is_null(value))
            json_object_del(root, key);
        else
            json_object_set(root, key, value);
    }
    scratch_must(json_dump_file(root, path, 0) == 0, path);
    json_decref(root);
    json_decref(changes);
}

typedef void (*tensor_fn)(sage_tensor *tensors, size_t *n);

static void change_weights(tensor_fn fn) {
    const char *path = scratch_path(scratch, "model.safetensors");
    sage_safetensors *file;
    scratch_must(sage_safetensors_open(path, &file, NULL) == SAGE_OK, path);
    size_t n = sage_safetensors_count(file);
    sage_tensor *tensors = malloc(n * sizeof *tensors);
    memcpy(tensors, sage_safetensors_at(file, 0), n * sizeof *tensors);
    fn(tensors, &n);
    scratch_must(sage_safetensors_replace(path, tensors, n, NULL, 0, NULL) == SAGE_OK, path);
    free(tensors);
    sage_safetensors_close(file);
}

static sage_tensor *named(sage_tensor *tensors, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(tensors[i].name, name) == 0) return &tensors[i];
    abort();
}

/* ---- refusals ---- */

static void refused(sage_status status, const char *part) {
    sage_pretrained *e = (sage_pretrained *)(uintptr_t)1;
    sage_error error = {0};
    assert_int_equal(sage_pretrained_open(scratch, SAGE_PRECISION_F32, NULL, &e, &error), status);
    assert_null(e);
    if (strstr(error.text, part) == NULL) fail_msg("\"%s\" does not say \"%s\"", error.text, part);
    if (strchr(error.text, '\n') != NULL) fail_msg("\"%s\" is more than a line", error.text);
}

static void config_refused(const char *name, const char *members, const char *part) {
    copy_all(name);
    change("config.json", members);
    refused(SAGE_E_FORMAT, part);
}

static void configs_that_do_not_fit(void **state) {
    (void)state;
    config_refused("bert_mean", "{\"model_type\": \"roberta\"}", "\"model_type\" is \"roberta\"; encoders of bert");
    config_refused("bert_mean", "{\"model_type\": null}", "\"model_type\" is \"\"");
    config_refused("bert_mean", "{\"model_type\": 7}", "\"model_type\" is no text");
    config_refused("bert_mean", "{\"hidden_size\": 0}", "\"hidden_size\" is no whole number of 1 to");
    config_refused("bert_mean", "{\"hidden_size\": 9000000000}", "\"hidden_size\" is no whole number");
    config_refused("bert_mean", "{\"num_hidden_layers\": null}", "\"num_hidden_layers\" is missing");
    config_refused("bert_mean", "{\"num_attention_heads\": 5}", "a width of 24 cannot be cut into 5 heads");
    config_refused("bert_mean", "{\"hidden_act\": \"relu\"}", "the activation \"relu\" is not known");
    config_refused("bert_mean", "{\"position_embedding_type\": \"relative_key\"}", "only absolute ones");
    config_refused("bert_mean", "{\"layer_norm_eps\": -1}", "\"layer_norm_eps\" is no number of 0 to 1");
    config_refused("bert_mean", "{\"num_hidden_layers\": 3}",
                   "\"encoder.layer.2.attention.self.query.weight\" is missing");
    config_refused("bert_mean", "{\"vocab_size\": 31}", "is [30, 24] where config.json asks for [31, 24]");
    config_refused("clip", "{\"vision_config\": null}", "\"vision_config\" is missing");
    config_refused("clip", "{\"projection_dim\": 11}", "\"visual_projection.weight\" is [10, 24]");
    config_refused("clip_vision_f16", "{\"num_channels\": 1}", "pictures have 3");
    config_refused("clip_vision_f16", "{\"image_size\": 20}", "position_embedding.weight\" is [17, 24]");
    config_refused("clip_vision_f16", "{\"patch_size\": 17}", "\"patch_size\" is no whole number of 1 to 16");
    config_refused("siglip_vision", "{\"vision_use_head\": false}", "the attention pooling is needed");
    config_refused("dinov2", "{\"use_swiglu_ffn\": true}", "take a smaller model");
    config_refused("dinov2", "{\"qkv_bias\": false}", "\"qkv_bias\" is false");
    config_refused("mobilenet", "{\"output_stride\": 8}", "\"output_stride\" 32");
    config_refused("mobilenet", "{\"hidden_act\": \"swish\"}", "relu6");
    config_refused("mobilenet", "{\"tf_padding\": \"yes\"}", "\"tf_padding\" is not true or false");
}

static void beside_refused(const char *name, const char *file, const char *members, const char *part) {
    copy_all(name);
    sage_fs_mkdir(scratch_path(scratch, "1_Pooling"), NULL);
    change(file, members);
    refused(SAGE_E_FORMAT, part);
}

static void files_beside_that_do_not_fit(void **state) {
    static const char *const rule = "preprocessor_config.json", *const pooling = "1_Pooling/config.json";
    (void)state;
    beside_refused("clip", rule, "{\"crop_size\": 32, \"size\": 32}",
                   "takes pictures of 24 pixels, preprocessor_config.json makes 32");
    beside_refused("clip", rule, "{\"size\": 20}", "pictures are cut from a size that is not read");
    beside_refused("clip", rule, "{\"size\": {\"height\": 24, \"width\": 32}}", "\"size\" is no square");
    beside_refused("clip", rule, "{\"size\": -3}", "\"size\" is no square");
    beside_refused("clip", rule, "{\"crop_size\": 5000}", "\"crop_size\" is no square");
    beside_refused("clip", rule, "{\"do_resize\": false}", "\"do_resize\" is false");
    beside_refused("clip", rule, "{\"resample\": 0}", "\"resample\" is not 1");
    beside_refused("clip", rule, "{\"image_mean\": [0.5, 0.5]}", "\"image_mean\" is no list of three");
    beside_refused("clip", rule, "{\"image_std\": [0.5, 0, 0.5]}", "\"image_std\" is no list of three");
    beside_refused("dinov2", rule, "{\"crop_size\": 6, \"size\": 8}", "patches of 7 pixels do not fit a picture of 6");
    beside_refused("mobilenet", rule, "{\"size\": {\"height\": 31, \"width\": 31}}", "too small; 32 at least");
    beside_refused("bert_mean", pooling, "{\"pooling_mode_max_tokens\": true}", "a pooling that is not known");
    beside_refused("bert_mean", pooling, "{\"pooling_mode_mean_tokens\": true, \"pooling_mode_cls_token\": true}",
                   "a pooling");
    beside_refused("bert_mean", pooling, "{\"pooling_mode\": \"lasttoken\"}", "a pooling that is not known");
    copy_all("bert_mean");
    const char dense[] = "[{\"type\": \"sentence_transformers.models.Dense\", \"path\": \"2_Dense\"}]",
               out[] = "[{\"type\": \"sentence_transformers.models.Pooling\", \"path\": \"../x\"}]";
    scratch_write(scratch_path(scratch, "modules.json"), dense, strlen(dense));
    refused(SAGE_E_FORMAT, "models.Dense\" is not known");
    scratch_write(scratch_path(scratch, "modules.json"), out, strlen(out));
    refused(SAGE_E_FORMAT, "module 0 has no type or no folder");
}

static void without_a_tensor(sage_tensor *tensors, size_t *n) {
    *named(tensors, *n, "encoder.layer.1.output.LayerNorm.bias") = tensors[*n - 1];
    --*n;
}

static void with_an_infinity(sage_tensor *tensors, size_t *n) {
    static float values[24];
    values[7] = INFINITY;
    named(tensors, *n, "encoder.layer.0.output.dense.bias")->data = values;
}

static void with_a_word_that_is_none(sage_tensor *tensors, size_t *n) {
    static float values[30 * 24];
    values[29 * 24 + 23] = NAN;
    named(tensors, *n, "embeddings.word_embeddings.weight")->data = values;
}

static void with_integers(sage_tensor *tensors, size_t *n) {
    named(tensors, *n, "embeddings.LayerNorm.weight")->dtype = SAGE_I32;
}

static void flattened(sage_tensor *tensors, size_t *n) {
    sage_tensor *t = named(tensors, *n, "encoder.layer.0.intermediate.dense.weight");
    t->dim[0] *= t->dim[1];
    t->n_dims = 1;
}

static void weights_that_do_not_fit(void **state) {
    (void)state;
    copy_all("bert_mean");
    change_weights(without_a_tensor);
    refused(SAGE_E_FORMAT, "\"encoder.layer.1.output.LayerNorm.bias\" is missing; config.json asks for it");
    copy_all("bert_mean");
    change_weights(with_an_infinity);
    refused(SAGE_E_FORMAT, "\"encoder.layer.0.output.dense.bias\" holds values that are no numbers");
    copy_all("bert_mean");
    change_weights(with_a_word_that_is_none);
    refused(SAGE_E_FORMAT, "\"embeddings.word_embeddings.weight\" holds values that are no numbers");
    copy_all("bert_mean");
    change_weights(with_integers);
    refused(SAGE_E_FORMAT, "\"embeddings.LayerNorm.weight\" has a type that is not read; save the model in float32");
    copy_all("bert_mean");
    change_weights(flattened);
    refused(SAGE_E_FORMAT, "is [960] where config.json asks for [40, 24]");
}

static void folders_that_do_not_fit(void **state) {
    (void)state;
    copy_all("bert_mean");
    unlink(scratch_path(scratch, "config.json"));
    refused(SAGE_E_NOT_FOUND, "config.json");
    scratch_write(scratch_path(scratch, "config.json"), "[]", 2);
    refused(SAGE_E_FORMAT, "is no JSON object");
    copy_all("bert_mean");
    unlink(scratch_path(scratch, "model.safetensors"));
    refused(SAGE_E_NOT_FOUND, "model.safetensors does not exist; weights are read from a file of this name");
    scratch_write(scratch_path(scratch, "model.safetensors.index.json"), "{}", 2);
    refused(SAGE_E_FORMAT, "weights cut into several files are not read");
    unlink(scratch_path(scratch, "model.safetensors.index.json"));
    scratch_write(scratch_path(scratch, "model.safetensors"), "torn", 4);
    refused(SAGE_E_FORMAT, "is no safetensors file");
}

/* Every cut of the weights is an error, and none of them a crash. */
static void weights_cut_short(void **state) {
    size_t n;
    (void)state;
    copy_all("distilbert_bf16");
    char *data = scratch_read(scratch_path(scratch, "model.safetensors"), &n);
    for (size_t kept = 0; kept < n; kept += 1 + n / 40) {
        sage_pretrained *e;
        scratch_write(scratch_path(scratch, "model.safetensors"), data, kept);
        assert_int_not_equal(sage_pretrained_open(scratch, SAGE_PRECISION_F32, NULL, &e, NULL), SAGE_OK);
    }
    sage_free(data);
}

static void every_allocation_may_fail(void **state) {
    static const char *const names[] = {"bert_cls_f16", "clip", "siglip_vision", "dinov2", "mobilenet"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        sage_status st = SAGE_E_MEMORY;
        for (unsigned long n = 1; st != SAGE_OK; n++) {
            sage_pretrained *e = NULL;
            sage_alloc_fail_from(n);
            st = sage_pretrained_open(fixture(names[i]), SAGE_PRECISION_BF16, NULL, &e, NULL);
            sage_alloc_fail_from(0);
            assert_true(st == SAGE_OK || (st == SAGE_E_MEMORY && e == NULL));
            sage_pretrained_free(e);
        }
    }
}

/* ---- what they say ---- */

static sage_pretrained *opened(const char *dir, sage_pool *pool) {
    sage_pretrained *e;
    sage_error error = {0};
    if (sage_pretrained_open(dir, SAGE_PRECISION_F32, pool, &e, &error) != SAGE_OK) fail_msg("%s", error.text);
    return e;
}

static void they_say_what_they_are(void **state) {
    (void)state;
    sage_pretrained *e = opened(fixture("bert_cls_f16"), NULL);
    const sage_pretrained_info *info = sage_pretrained_about(e);
    assert_string_equal(info->family, "bert");
    assert_true(info->texts && info->dim == 24 && info->layers == 2 && info->vocabulary == 30);
    assert_true(info->max_tokens == 11 && info->pooling == SAGE_POOL_CLASS && !info->lower_case);
    sage_pretrained_free(e);
    e = opened(fixture("distilbert_bf16"), NULL);
    info = sage_pretrained_about(e);
    assert_true(info->max_tokens == 16 && info->pooling == SAGE_POOL_MEAN && info->lower_case);
    sage_pretrained_free(e);
    e = opened(fixture("clip"), NULL);
    info = sage_pretrained_about(e);
    assert_string_equal(info->family, "clip-vision");
    assert_true(!info->texts && info->dim == 10 && info->max_tokens == 0 && info->picture.size == 24);
    assert_true(info->picture.resize == 24 && info->picture.resample == SAGE_RESAMPLE_BICUBIC);
    assert_true(info->picture.mean[2] == 0.75f && info->picture.std[0] == 0.5f);
    sage_pretrained_free(e);
    e = opened(fixture("siglip_vision"), NULL);
    info = sage_pretrained_about(e);
    assert_true(info->picture.size == 21 && info->picture.resize == 0 && info->pooling == SAGE_POOL_ATTENTION);
    assert_true(info->picture.resample == SAGE_RESAMPLE_BILINEAR && info->picture.mean[1] == 0.5f);
    sage_pretrained_free(e);
    e = opened(fixture("dinov2"), NULL);
    info = sage_pretrained_about(e);
    assert_true(info->picture.size == 21 && info->picture.resize == 32 && info->picture.mean[0] == 0.485f);
    sage_pretrained_free(e);
    sage_pretrained_free(NULL);
}

/* CLIP where no other file says what pictures go through. */
static void families_have_rules_of_their_own(void **state) {
    (void)state;
    sage_pretrained *e = opened(fixture("clip_vision_f16"), NULL);
    const sage_picture_rule *rule = &sage_pretrained_about(e)->picture;
    assert_true(rule->size == 16 && rule->resize == 16 && rule->mean[0] == 0.48145466f && rule->std[2] == 0.27577711f);
    sage_pretrained_free(e);
    copy_all("mobilenet");
    unlink(scratch_path(scratch, "preprocessor_config.json"));
    e = opened(scratch, NULL);
    rule = &sage_pretrained_about(e)->picture;
    assert_true(rule->size == 224 && rule->resize == 256 && rule->resample == SAGE_RESAMPLE_BILINEAR);
    sage_pretrained_free(e);
    copy_all("mobilenet");
    change("preprocessor_config.json",
           "{\"size\": {\"shortest_edge\": 64}, \"crop_size\": {\"height\": 48, \"width\": 48}, "
           "\"do_normalize\": false, \"resample\": 1}");
    e = opened(scratch, NULL);
    rule = &sage_pretrained_about(e)->picture;
    assert_true(rule->size == 48 && rule->resize == 64 && rule->mean[0] == 0 && rule->std[0] == 1);
    assert_int_equal(rule->resample, SAGE_RESAMPLE_LANCZOS);
    sage_pretrained_free(e);
}

/* ---- calls ---- */

static void calls_that_do_not_fit(void **state) {
    uint32_t ids[32] = {0};
    size_t begin[] = {0, 4, 25};
    float out[2 * 24], pixels[1] = {0};
    sage_error error;
    (void)state;
    sage_pretrained *e = opened(fixture("bert_mean"), NULL), *pictures = opened(fixture("clip"), NULL);
    assert_int_equal(sage_pretrained_texts(e, 0, NULL, NULL, NULL, NULL), SAGE_OK);
    assert_int_equal(sage_pretrained_pictures(pictures, 0, NULL, NULL, NULL), SAGE_OK);
    assert_int_equal(sage_pretrained_texts(e, 2, ids, begin, out, &error), SAGE_E_ARGUMENT);
    assert_string_equal(error.text, "text 1 has more than the encoder's 20 tokens; cut it");
    begin[2] = 8;
    ids[6] = 30;
    assert_int_equal(sage_pretrained_texts(e, 2, ids, begin, out, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "text 1 has the token 30, the encoder's vocabulary 30"));
    assert_int_equal(sage_pretrained_pictures(e, 1, pixels, out, &error), SAGE_E_ARGUMENT);
    assert_string_equal(error.text, "a bert encoder takes texts, no pictures");
    assert_int_equal(sage_pretrained_texts(pictures, 1, ids, begin, out, &error), SAGE_E_ARGUMENT);
    sage_pretrained_free(pictures);
    assert_int_equal(sage_pretrained_open(fixture("clip"), SAGE_PRECISION_INT8, NULL, &pictures, &error),
                     SAGE_E_ARGUMENT);
    assert_null(pictures);
    sage_pretrained_free(e);
}

/* Many texts in one call or each alone, with and without some that are empty, from the middle of a list of ids. */
enum { TEXTS = 150, DIM = 24 };
static void company_changes_nothing(void **state) {
    static uint32_t ids[TEXTS * 20];
    static size_t begin[TEXTS + 1];
    static float together[TEXTS * DIM], alone[DIM];
    sage_pool *pool;
    (void)state;
    assert_int_equal(sage_pool_new(3, &pool, NULL), SAGE_OK);
    sage_pretrained *e = opened(fixture("bert_mean"), pool);
    begin[0] = 7;
    for (size_t i = 0; i < TEXTS; i++) begin[i + 1] = begin[i] + (i % 5 == 0 ? 0 : 1 + i * 7 % 19);
    for (size_t i = 0; i < begin[TEXTS]; i++) ids[i] = (uint32_t)(i * 11 % 30);
    assert_int_equal(sage_pretrained_texts(e, TEXTS, ids, begin, together, NULL), SAGE_OK);
    for (size_t i = 0; i < TEXTS; i++) {
        double length = 0;
        assert_int_equal(sage_pretrained_texts(e, 1, ids, begin + i, alone, NULL), SAGE_OK);
        for (size_t c = 0; c < DIM; c++) {
            assert_true(fabs((double)alone[c] - (double)together[i * DIM + c]) < 1e-5);
            length += (double)alone[c] * (double)alone[c];
        }
        assert_true(fabs(length - (i % 5 != 0)) < 1e-5);
    }
    sage_pretrained_free(e);
    sage_pool_free(pool);
}

static void a_call_without_memory(void **state) {
    static const uint32_t ids[] = {1, 2, 3, 4, 5};
    static const size_t begin[] = {0, 3, 5};
    float out[2 * 24];
    (void)state;
    sage_pretrained *e = opened(fixture("bert_mean"), NULL);
    sage_status st = SAGE_E_MEMORY;
    for (unsigned long n = 1; st != SAGE_OK; n++) {
        sage_alloc_fail_from(n);
        st = sage_pretrained_texts(e, 2, ids, begin, out, NULL);
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_OK || st == SAGE_E_MEMORY);
    }
    sage_pretrained_free(e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configs_that_do_not_fit), cmocka_unit_test(files_beside_that_do_not_fit),
        cmocka_unit_test(weights_that_do_not_fit), cmocka_unit_test(folders_that_do_not_fit),
        cmocka_unit_test(weights_cut_short),       cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(they_say_what_they_are),  cmocka_unit_test(families_have_rules_of_their_own),
        cmocka_unit_test(calls_that_do_not_fit),   cmocka_unit_test(company_changes_nothing),
        cmocka_unit_test(a_call_without_memory),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}
