/* Pretrained encoders in a shop: added, replaced, listed, removed, refused; what damage and stops leave. */
#include <io/version.h>
#include <itemsage/itemsage.h>
#include <shop/encoders.h>
#include <support/test.h>
#include <support/weights.h>

static char dir[SAGE_PATH_MAX], shop_dir[SAGE_PATH_MAX], pictures[SAGE_PATH_MAX], texts[SAGE_PATH_MAX];
static sage_error error;
static sage_shop *shop;

static int ground(void **state) {
    (void)state;
    scratch_make(dir);
    error = (sage_error){0};
    snprintf(shop_dir, sizeof shop_dir, "%s", scratch_path(dir, "shop"));
    snprintf(pictures, sizeof pictures, "%s", scratch_path(dir, "pictures"));
    snprintf(texts, sizeof texts, "%s", scratch_path(dir, "texts"));
    weights_of_pictures(pictures);
    weights_of_texts(texts, 30);
    scratch_must(sage_shop_init(shop_dir, NULL) == SAGE_OK, "init");
    scratch_must(sage_shop_open(shop_dir, &shop, NULL) == SAGE_OK, "open");
    return 0;
}

static int clear(void **state) {
    (void)state;
    sage_shop_close(shop);
    scratch_remove(dir);
    return 0;
}

static sage_encoder_about added(const char *name, const char *path, bool replace) {
    sage_encoder_about about;
    if (sage_encoder_add(shop, name, path, replace, NULL, &about, &error) != SAGE_OK) fail_msg("%s", error.text);
    assert_string_equal(about.name, name);
    return about;
}

static void expect_refused(const char *name, const char *path, sage_status status, const char *text) {
    sage_encoder_about about;
    error = (sage_error){0};
    sage_status st = sage_encoder_add(shop, name, path, false, NULL, &about, &error);
    if (st != status || (strstr(error.text, text) == NULL && strstr(error.source, text) == NULL))
        fail_msg("status %d, \"%s: %s\" does not say \"%s\"", (int)st, error.source, error.text, text);
}

static size_t listed(sage_encoder_about **encoders) {
    size_t n;
    assert_int_equal(sage_encoders_list(shop, encoders, &n, &error), SAGE_OK);
    return n;
}

static size_t count(void) {
    sage_encoder_about *encoders;
    size_t n = listed(&encoders);
    sage_encoders_free(encoders);
    return n;
}

static void added_listed_removed(void **state) {
    (void)state;
    sage_encoder_about *list;
    assert_int_equal(count(), 0);
    sage_encoder_about t = added("words", texts, false), p = added("look", pictures, false);
    assert_true(t.texts && !p.texts);
    assert_string_equal(t.family, "bert");
    assert_string_equal(t.precision, "F16");
    assert_int_equal(t.files, 7);
    assert_true(t.max_tokens > 2 && t.picture_size == 0 && t.dim > 0 && t.parameters > 1000);
    assert_string_equal(p.family, "dinov2");
    assert_true(p.picture_size == 21 && p.max_tokens == 0 && p.dim == 24 && p.files == 3);
    assert_int_equal(listed(&list), 2);
    assert_memory_equal(&list[0], &p, sizeof p);
    assert_memory_equal(&list[1], &t, sizeof t);
    sage_encoders_free(list);
    assert_int_equal(sage_encoder_remove(shop, "look", &error), SAGE_OK);
    assert_int_equal(count(), 1);
    assert_false(sage_fs_exists(scratch_path(shop_dir, "encoders/look")));
    assert_int_equal(sage_encoder_remove(shop, "look", &error), SAGE_E_NOT_FOUND);
    assert_non_null(strstr(error.text, "encoders list"));
}

static void the_copy_is_whole_and_stands_alone(void **state) {
    (void)state;
    sage_encoder_place place;
    added("words", texts, false);
    scratch_remove(texts);
    assert_int_equal(sage_encoder_find(shop, "words", &place, &error), SAGE_OK);
    assert_true(sage_fs_exists(scratch_path(place.dir, "1_Pooling/config.json")));
    assert_true(scratch_holds(scratch_path(place.dir, "LICENSE"), "mine\n", 5));
    sage_encoder_about again = added("again", place.dir, false); /* it is a folder of weights itself */
    assert_string_equal(again.identity, place.about.identity);
    sage_encoder_let_go(&place);
    assert_int_equal(sage_encoder_find(shop, "nobody", &place, &error), SAGE_E_NOT_FOUND);
    assert_int_equal(place.fd, -1);
}

static void the_identity_is_of_what_is_read(void **state) {
    (void)state;
    sage_encoder_about first = added("one", texts, false);
    scratch_write(scratch_path(texts, "LICENSE"), "yours\n", 6);
    scratch_write(scratch_path(texts, "pytorch_model.bin"), "x", 1);
    sage_encoder_about licensed = added("two", texts, false);
    assert_string_equal(first.identity, licensed.identity);
    assert_int_equal(licensed.files, first.files);
    scratch_write(scratch_path(texts, "vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nother\n", 38);
    sage_encoder_about other = added("three", texts, false);
    assert_string_not_equal(first.identity, other.identity);
}

static void replaced_only_when_asked(void **state) {
    (void)state;
    sage_encoder_place place;
    sage_encoder_about first = added("e", texts, false);
    expect_refused("e", pictures, SAGE_E_STATE, "--replace");
    assert_int_equal(sage_encoder_find(shop, "e", &place, &error), SAGE_OK);
    assert_string_equal(place.about.identity, first.identity);
    sage_encoder_about second = added("e", pictures, true);
    /* Who holds the old one keeps it. */
    assert_true(sage_fs_exists(scratch_path(place.dir, "config.json")));
    sage_encoder_let_go(&place);
    assert_int_equal(sage_encoder_find(shop, "e", &place, &error), SAGE_OK);
    assert_string_equal(place.about.identity, second.identity);
    sage_encoder_let_go(&place);
    added("e", texts, true);
    uint64_t *versions;
    size_t n;
    assert_int_equal(sage_version_list(scratch_path(shop_dir, "encoders/e"), &versions, &n, &error), SAGE_OK);
    assert_int_equal(n, 1);
    assert_int_equal(versions[0], 3);
    sage_free(versions);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    char path[SAGE_PATH_MAX];
    size_t n;
    expect_refused("", pictures, SAGE_E_ARGUMENT, "no name for an encoder");
    expect_refused("../e", pictures, SAGE_E_ARGUMENT, "no name for an encoder");
    expect_refused(".e", pictures, SAGE_E_ARGUMENT, "no name for an encoder");
    expect_refused("a2345678901234567890123456789012345678901234567890", pictures, SAGE_E_ARGUMENT, "1 to 48");
    expect_refused("builtin", pictures, SAGE_E_ARGUMENT, "choose another name");
    expect_refused("e", scratch_path(dir, "nowhere"), SAGE_E_NOT_FOUND, "nowhere");
    expect_refused("e", shop_dir, SAGE_E_NOT_FOUND, "config.json");
    snprintf(path, sizeof path, "%s", scratch_path(pictures, "config.json"));
    expect_refused("e", path, SAGE_E_ARGUMENT, "is no folder");

    snprintf(path, sizeof path, "%s", scratch_path(dir, "many"));
    weights_of_texts(path, 31);
    expect_refused("e", path, SAGE_E_FORMAT, "gives ids up to 30 where the encoder knows 30");
    unlink(scratch_path(path, "vocab.txt"));
    expect_refused("e", path, SAGE_E_NOT_FOUND, "vocab.txt");
    scratch_write(scratch_path(path, "tokenizer.json"), "{\"model\": {\"type\": \"BPE\"}}", 26);
    expect_refused("e", path, SAGE_E_FORMAT, "its model is BPE");

    char *config = scratch_read(scratch_path(pictures, "config.json"), &n);
    scratch_write(scratch_path(pictures, "config.json"), "{\"model_type\": \"llama\"}", 23);
    expect_refused("e", pictures, SAGE_E_FORMAT, "llama");
    scratch_write(scratch_path(pictures, "config.json"), config, n);
    scratch_write(scratch_path(pictures, "model.safetensors"), "short", 5);
    expect_refused("e", pictures, SAGE_E_FORMAT, "model.safetensors");
    sage_free(config);
    assert_int_equal(count(), 0);
    assert_false(sage_fs_exists(scratch_path(shop_dir, "encoders/e")));
}

static void pictures_by_name(void **state) {
    (void)state;
    const sage_picture_options options = {.images_dir = dir};
    sage_picture_report report;
    added("look", pictures, false);
    added("words", texts, false);
    assert_int_equal(sage_options_set(sage_shop_options(shop), "picture_encoder=look", &error), SAGE_OK);
    if (sage_import_pictures(shop, &options, NULL, &report, &error) != SAGE_OK) fail_msg("%s", error.text);
    assert_string_equal(report.encoder, "look");
    assert_int_equal(sage_options_set(sage_shop_options(shop), "picture_encoder=words", &error), SAGE_OK);
    assert_int_equal(sage_import_pictures(shop, &options, NULL, &report, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "encoder of texts"));
    assert_int_equal(sage_options_set(sage_shop_options(shop), "picture_encoder=nobody", &error), SAGE_OK);
    assert_int_equal(sage_import_pictures(shop, &options, NULL, &report, &error), SAGE_E_NOT_FOUND);
    assert_non_null(strstr(error.text, "no encoder of this name"));
}

/* ---- damage, and what stops leave ---- */

static void expect_damaged(const char *text) {
    sage_encoder_about *list;
    sage_encoder_place place;
    assert_int_equal(listed(&list), 1);
    if (strstr(list[0].damage, text) == NULL) fail_msg("\"%s\" does not say \"%s\"", list[0].damage, text);
    assert_string_equal(list[0].name, "e");
    sage_encoders_free(list);
    assert_int_not_equal(sage_encoder_find(shop, "e", &place, &error), SAGE_OK);
    assert_non_null(strstr(error.text, "encoders add --replace"));
    added("e", pictures, true);
    assert_int_equal(listed(&list), 1);
    assert_string_equal(list[0].damage, "");
    sage_encoders_free(list);
}

static void damage_is_named(void **state) {
    (void)state;
    added("e", pictures, false);
    unlink(scratch_path(shop_dir, "encoders/e/1/config.json"));
    expect_damaged("config.json is missing");
    scratch_write(scratch_path(shop_dir, "encoders/e/2/model.safetensors"), "short", 5);
    expect_damaged("has 5 bytes where there were 60664");
    unlink(scratch_path(shop_dir, "encoders/e/3/manifest.json"));
    expect_damaged("manifest.json");
    scratch_write(scratch_path(shop_dir, "encoders/e/4/manifest.json"), "{\"format\": 2}", 13);
    expect_damaged("another version of itemsage");
    scratch_write(scratch_path(shop_dir, "encoders/e/5/manifest.json"), "{", 1);
    expect_damaged("not valid JSON");
}

static void damaged_manifests_are_refused_whole(void **state) {
    (void)state;
    size_t n, refused = 0;
    sage_encoder_place place;
    added("e", pictures, false);
    const char *path = scratch_path(shop_dir, "encoders/e/1/manifest.json");
    char *text = scratch_read(path, &n), kept[SAGE_PATH_MAX];
    snprintf(kept, sizeof kept, "%s", path);
    for (size_t i = 0; i + 1 < n; i++) { /* without the line break at its end it is whole still */
        text[i] ^= 1 + i % 3;
        scratch_write(kept, text, n);
        sage_status st = sage_encoder_find(shop, "e", &place, &error);
        assert_true(st == SAGE_OK || st == SAGE_E_FORMAT || st == SAGE_E_LIMIT);
        if (st == SAGE_OK) sage_encoder_let_go(&place);
        refused += st != SAGE_OK;
        text[i] ^= 1 + i % 3;
        scratch_write(kept, text, i);
        assert_int_equal(sage_encoder_find(shop, "e", &place, &error), SAGE_E_FORMAT);
    }
    assert_true(refused > n / 4);
    sage_free(text);
}

static void remains_are_no_encoders(void **state) {
    (void)state;
    scratch_must(sage_fs_mkdir(scratch_path(shop_dir, "encoders"), NULL) == SAGE_OK, "mkdir");
    scratch_must(sage_fs_mkdir(scratch_path(shop_dir, "encoders/.tmp-removed"), NULL) == SAGE_OK, "mkdir");
    scratch_must(sage_fs_mkdir(scratch_path(shop_dir, "encoders/e"), NULL) == SAGE_OK, "mkdir");
    scratch_must(sage_fs_mkdir(scratch_path(shop_dir, "encoders/e/.tmp-add"), NULL) == SAGE_OK, "mkdir");
    scratch_write(scratch_path(shop_dir, "encoders/e/.tmp-add/config.json"), "half", 4);
    scratch_write(scratch_path(shop_dir, "encoders/stranger"), "x", 1);
    assert_int_equal(count(), 0);
    assert_int_equal(sage_encoder_remove(shop, "e", &error), SAGE_E_NOT_FOUND);
    added("e", pictures, false);
    assert_false(sage_fs_exists(scratch_path(shop_dir, "encoders/e/.tmp-add")));
    assert_int_equal(sage_encoder_remove(shop, "e", &error), SAGE_OK);
    assert_false(sage_fs_exists(scratch_path(shop_dir, "encoders/.tmp-removed")));
}

static void one_writer_at_a_time(void **state) {
    (void)state;
    int lock;
    added("e", pictures, false);
    assert_int_equal(sage_shop_lock(shop, SAGE_LOCK_ENCODERS, &lock, &error), SAGE_OK);
    expect_refused("f", pictures, SAGE_E_LOCKED, "being written by process");
    assert_int_equal(sage_encoder_remove(shop, "e", &error), SAGE_E_LOCKED);
    assert_int_equal(count(), 1);
    sage_fs_unlock(lock);
}

static void asked_to_stop(void **state) {
    (void)state;
    volatile sig_atomic_t stop = 1;
    const sage_monitor monitor = {.cancel = &stop};
    sage_encoder_about about;
    assert_int_equal(sage_encoder_add(shop, "e", pictures, false, &monitor, &about, &error), SAGE_E_CANCELLED);
    assert_int_equal(count(), 0);
    assert_false(sage_fs_exists(scratch_path(shop_dir, "encoders/e/.tmp-add")));
}

static void short_memory(void **state) {
    (void)state;
    sage_encoder_about about;
    sage_alloc_fail_from(0);
    added("e", texts, true);
    unsigned long n = sage_alloc_fail_from(0);
    assert_true(n > 20);
    for (unsigned long i = 1; i <= n; i++) {
        sage_alloc_fail_from(i);
        sage_status st = sage_encoder_add(shop, "e", texts, true, NULL, &about, &error);
        sage_alloc_fail_from(0);
        assert_true(st == SAGE_E_MEMORY || st == SAGE_OK); /* the old one's removal is no part of it */
        assert_int_equal(count(), 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(added_listed_removed, ground, clear),
        cmocka_unit_test_setup_teardown(the_copy_is_whole_and_stands_alone, ground, clear),
        cmocka_unit_test_setup_teardown(the_identity_is_of_what_is_read, ground, clear),
        cmocka_unit_test_setup_teardown(replaced_only_when_asked, ground, clear),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, ground, clear),
        cmocka_unit_test_setup_teardown(pictures_by_name, ground, clear),
        cmocka_unit_test_setup_teardown(damage_is_named, ground, clear),
        cmocka_unit_test_setup_teardown(damaged_manifests_are_refused_whole, ground, clear),
        cmocka_unit_test_setup_teardown(remains_are_no_encoders, ground, clear),
        cmocka_unit_test_setup_teardown(one_writer_at_a_time, ground, clear),
        cmocka_unit_test_setup_teardown(asked_to_stop, ground, clear),
        cmocka_unit_test_setup_teardown(short_memory, ground, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
