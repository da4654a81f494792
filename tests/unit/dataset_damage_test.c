/* Files whose checksums hold but whose content does not: each check on opening finds its fault and says so. */
#include "dataset_fake.h"

#include <dataset/files.h>
#include <support/weights.h>
#include <xxhash.h>

enum { TABLE = 24, ROW = 56, LAST = 1 << 30 }; /* LAST: the last element, LAST - 1 the one before it */

typedef struct damage {
    const char *file, *section;
    size_t element; /* LAST - i counts from the end */
    uint64_t value;
    const char *told; /* part of the error's text */
} damage;

static const damage cases[] = {
    {"products.bin", "info", 0, 13, "differ in size"},
    {"products.bin", "info", 2, 1, "another vocabulary"},
    {"products.bin", "pids", 1, 10, "do not ascend"},
    {"products.bin", "text_begin", 0, 1, "texts do not lie in order"},
    {"products.bin", "text_begin", LAST, 1 << 20, "texts do not lie in order"},
    {"products.bin", "text_begin", 1, 1 << 20, "texts do not lie in order"},
    {"products.bin", "text_field", 1, 1 << 20, "fields of its texts"},
    {"products.bin", "text_field", SAGE_FIELDS, 1, "fields of its texts"},
    {"products.bin", "id_begin", 1, UINT64_MAX, "n-grams do not lie in order"},
    {"products.bin", "id_field", 1, 1 << 20, "fields of its n-grams"},
    {"products.bin", "ids", 2, 1 << 30, "not in the vocabulary"},
    {"products.bin", "word_begin", LAST, 1 << 20, "words do not lie in order"},
    {"products.bin", "words", 1, 0, "words do not ascend"},
    {"products.bin", "info", 1, 3, "image vectors"},
    {"products.bin", "info", 1, UINT64_MAX, "wrong size"},
    {"products.bin", "images", 1, 0x7FC00000, "not finite"},
    {"products.bin", "image_begin", 1, 5, "image vectors do not lie in order"},
    {"queries.bin", "pictures", 1, 0x7FC00000, "not finite"},
    {"queries.bin", "picture_begin", LAST, 1, "pictures do not lie in order"},
    {"products.bin", "sentences", LAST, 0x7FC00000, "sentence is not finite"},
    {"products.bin", "sentence_begin", 1, 2, "sentences do not lie in order"},
    {"products.bin", "sentence_begin", 3, 1, "sentences do not lie in order"},
    {"products.bin", "sentence_dim", 0, 0, "sentences do not lie in order"},
    {"products.bin", "sentence_dim", 0, 13, "sentences do not lie in order"},
    {"queries.bin", "sentences", 0, 0x7FC00000, "sentence is not finite"},
    {"queries.bin", "sentence_begin", LAST, 1, "sentences do not lie in order"},
    {"made.bin", "product", 0, 1 << 20, "made queries do not lie in order"},
    {"made.bin", "ends", 0, 1 << 20, "made queries do not lie in order"},
    {"made.bin", "text_begin", 1, 1 << 20, "made queries do not lie in order"},
    {"made.bin", "sentences", 0, 0x7FC00000, "made queries do not lie in order"},
    {"queries.bin", "info", 0, 13, "other products"},
    {"queries.bin", "info", 1, 1, "other products"},
    {"queries.bin", "info", 3, 1 << 20, "parts do not lie in order"},
    {"queries.bin", "info", 5, 1 << 20, "parts do not lie in order"},
    {"queries.bin", "surface", 0, SAGE_SURFACES, "surface is unknown"},
    {"queries.bin", "text_begin", 1, 1 << 20, "texts do not lie in order"},
    {"queries.bin", "id_begin", LAST, 0, "n-grams do not lie in order"},
    {"queries.bin", "ids", 0, 1 << 30, "not in the vocabulary"},
    {"queries.bin", "positive_begin", 1, 1 << 20, "positives do not lie in order"},
    {"queries.bin", "positives", 0, 1 << 20, "not among the products"},
    {"queries.bin", "pair_begin", 1, 1 << 20, "pairs do not lie in order"},
    {"queries.bin", "pairs", 0, UINT64_MAX, "pair is out of range"},
    {"queries.bin", "surface", 0, SAGE_ON_IMAGE, "pair is out of range"},
    {"queries.bin", "looked_at", 0, 0, "looked at is out of range"},
    {"users.bin", "info", 0, 13, "other products"},
    {"users.bin", "info", 1, 1, "other products"},
    {"users.bin", "info", 2, 2, "head is out of range"},
    {"users.bin", "info", 4, 5, "head is out of range"},
    {"users.bin", "part", 0, SAGE_VALIDATION, "targets are not the events"},
    {"users.bin", "id_begin", 1, 1 << 20, "users are not in order"},
    {"users.bin", "id", 0, 'z', "users are not in order"},
    {"users.bin", "part", 0, SAGE_PARTS, "user's part is unknown"},
    {"users.bin", "event_begin", 1, 1 << 20, "events do not lie in order"},
    {"users.bin", "event_begin", 1, 0, "a user did nothing"},
    {"users.bin", "events", 0, INT64_MAX, "events are not in order"},
    {"users.bin", "target_begin", 1, 1 << 20, "targets do not lie in order"},
    {"users.bin", "target_begin", 2, 0, "targets"},
    {"users.bin", "targets", 1, 0, "targets are not the events"},
};

static const char *path_of(uint64_t id, const char *file) {
    char name[64];
    snprintf(name, sizeof name, "dataset/%llu/%s", (unsigned long long)id, file);
    return scratch_path(fake_dir, name);
}

static void sum_again(char *bytes) {
    uint32_t n;
    memcpy(&n, bytes + 12, 4);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t at, len;
        memcpy(&at, bytes + TABLE + i * ROW + 24, 8);
        memcpy(&len, bytes + TABLE + i * ROW + 32, 8);
        uint64_t hash = XXH3_64bits(bytes + at, len);
        memcpy(bytes + TABLE + i * ROW + 48, &hash, 8);
    }
    uint64_t hash = XXH3_64bits(bytes, TABLE + n * ROW);
    memcpy(bytes + TABLE + n * ROW, &hash, 8);
}

/* Sets the element of the section to the value, as wide as the elements are (the head's are numbers of 8 bytes). */
static void set_element(char *bytes, const damage *d) {
    uint32_t n, size;
    memcpy(&n, bytes + 12, 4);
    for (uint32_t i = 0; i < n; i++) {
        const char *row = bytes + TABLE + i * ROW;
        uint64_t at, len;
        if (strcmp(row, d->section) != 0) continue;
        memcpy(&at, row + 24, 8);
        memcpy(&len, row + 32, 8);
        memcpy(&size, row + 40, 4);
        if (strcmp(d->section, "info") == 0) size = 8;
        size_t element = d->element > LAST / 2 ? len / size - 1 - (LAST - d->element) : d->element;
        assert_true((element + 1) * size <= len);
        memcpy(bytes + at + element * size, &d->value, size < 8 ? size : 8);
        return;
    }
    fail_msg("no section %s", d->section);
}

static sage_catalog *shop_with_images(void) {
    sage_catalog *catalog = fake_shop(12, 60, 3);
    assert_int_equal(sage_fs_mkdir(scratch_path(fake_dir, "pictures"), NULL), SAGE_OK);
    fake_vectors("pictures/v.npy", (float[]){1, 0, 0, 1, 1, 1}, 3, 2);
    for (size_t i = 0; i < 3; i++) {
        catalog->products[i].n_images = 1;
        catalog->products[i].images[0] = (sage_image_ref){"v.npy", i, ""};
    }
    fake_vectors("pictures/seen.npy", (float[]){1, 1, 1, 0}, 2, 2);
    for (int i = 0; i < 2; i++) fake_event(catalog, SAGE_ON_IMAGE, i == 0 ? "0" : "1", 10, SAGE_CLICK, 1);
    fake_event(catalog, SAGE_ON_PRODUCT, "20", 10, SAGE_CLICK, 1);
    for (int i = 0; i < 3; i++) fake_act(catalog, "a", 10, SAGE_CLICK, i);
    fake_sort_events(catalog);
    return catalog;
}

static void every_check_finds_its_fault(void **state) {
    (void)state;
    sage_catalog *catalog = shop_with_images();
    sage_options *options = fake_options();
    char weights[SAGE_PATH_MAX];
    snprintf(weights, sizeof weights, "%s", scratch_path(fake_dir, "weights"));
    weights_of_texts(weights, 30);
    const sage_sentence_source source = {
        .shop_dir = fake_dir, .encoder_dir = weights, .name = "tiny", .identity = "tiny", .hold = -1, .dim = 24};
    sage_sentences *sentences;
    uint64_t id;
    assert_int_equal(sage_sentences_open(&source, NULL, &sentences, NULL), SAGE_OK);
    assert_int_equal(sage_dataset_build(catalog, fake_dir, options, sentences, NULL, NULL, &id, NULL), SAGE_OK);
    sage_sentences_close(sentences);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n;
        sage_dataset *dataset;
        sage_error error = {0};
        char *sound = scratch_read(path_of(id, cases[i].file), &n), *bytes = sage_alloc(n);
        assert_true(sound != NULL && bytes != NULL);
        memcpy(bytes, sound, n);
        set_element(bytes, &cases[i]);
        sum_again(bytes);
        scratch_write(path_of(id, cases[i].file), bytes, n);
        sage_status st = sage_dataset_open(fake_dir, id, true, &dataset, &error);
        if (st != SAGE_E_FORMAT || strstr(error.text, cases[i].told) == NULL) {
            fail_msg("case %zu (%s %s): status %d, \"%s\"", i, cases[i].file, cases[i].section, (int)st, error.text);
        }
        assert_null(dataset);
        scratch_write(path_of(id, cases[i].file), sound, n);
        sage_free(sound);
        sage_free(bytes);
    }
    sage_dataset_close(fake_open(id));
    sage_options_free(options);
    free(catalog);
}

static void absent_files_and_versions(void **state) {
    (void)state;
    static const char *const files[] = {"vocab.bin", "products.bin", "queries.bin", "users.bin", "meta.json"};
    sage_catalog *catalog = fake_shop(5, 5, 3);
    sage_options *options = fake_options();
    sage_dataset *dataset;
    assert_int_equal(sage_dataset_open(fake_dir, 99, true, &dataset, NULL), SAGE_E_NOT_FOUND);
    assert_null(dataset);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        uint64_t id = fake_build(catalog, options);
        sage_error error = {0};
        assert_int_equal(unlink(path_of(id, files[i])), 0);
        assert_int_equal(sage_dataset_open(fake_dir, id, true, &dataset, &error), SAGE_E_NOT_FOUND);
        assert_non_null(strstr(error.text, files[i]));
    }
    sage_options_free(options);
    free(catalog);
}

/* products.bin and queries.bin of another build are told apart even where all checksums hold. */
static void files_of_two_builds_do_not_mix(void **state) {
    (void)state;
    static const char *const files[] = {"vocab.bin", "products.bin", "queries.bin", "users.bin"};
    sage_catalog *first = fake_shop(12, 60, 3), *second = fake_shop(13, 60, 4);
    sage_options *options = fake_options();
    uint64_t a = fake_build(first, options), b = fake_build(second, options);
    for (size_t i = 0; i < 4; i++) {
        size_t n, n_own;
        sage_dataset *dataset;
        char *other = scratch_read(path_of(b, files[i]), &n), *own = scratch_read(path_of(a, files[i]), &n_own);
        scratch_write(path_of(a, files[i]), other, n);
        assert_int_equal(sage_dataset_open(fake_dir, a, true, &dataset, NULL), SAGE_E_FORMAT);
        scratch_write(path_of(a, files[i]), own, n_own);
        sage_free(other);
        sage_free(own);
    }
    sage_options_free(options);
    free(first);
    free(second);
}

static void broken_meta_is_refused_and_never_fresh(void **state) {
    (void)state;
    static const char *const bad[] = {"", "{", "[]", "{\"format\": 2}", "{\"format\": 1}", "{\"format\": \"1\"}"};
    sage_catalog *catalog = fake_shop(5, 5, 3);
    sage_options *options = fake_options();
    uint64_t id = fake_build(catalog, options);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sage_dataset *dataset;
        scratch_write(path_of(id, "meta.json"), bad[i], strlen(bad[i]));
        assert_int_equal(sage_dataset_open(fake_dir, id, true, &dataset, NULL), SAGE_E_FORMAT);
        assert_false(sage_dataset_fresh(fake_dir, id, 7, options, NULL));
    }
    sage_options_free(options);
    free(catalog);
}

/* Every number of an event, set to what it cannot be, by its place in the bytes. */
static void an_event_out_of_range_is_found(void **state) {
    (void)state;
    static const struct {
        size_t at, width;
        uint64_t value;
    } faults[] = {{offsetof(sage_user_event, product), 4, 1 << 20},
                  {offsetof(sage_user_event, count), 2, 0},
                  {offsetof(sage_user_event, kind), 1, SAGE_EVENT_KINDS},
                  {offsetof(sage_user_event, part), 1, SAGE_PARTS},
                  {offsetof(sage_user_event, part), 1, SAGE_VALIDATION}};
    sage_catalog *catalog = fake_shop(5, 0, 3);
    sage_options *options = fake_options();
    fake_act(catalog, "a", 10, SAGE_CLICK, 1);
    fake_set(options, "holdout=0");
    uint64_t id = fake_build(catalog, options);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        size_t n;
        uint32_t sections;
        sage_dataset *dataset;
        sage_error error = {0};
        char *bytes = scratch_read(path_of(id, "users.bin"), &n), *sound = scratch_read(path_of(id, "users.bin"), &n);
        memcpy(&sections, bytes + 12, 4);
        for (uint32_t s = 0; s < sections; s++) {
            const char *row = bytes + TABLE + s * ROW;
            uint64_t at;
            memcpy(&at, row + 24, 8);
            if (strcmp(row, "events") == 0) memcpy(bytes + at + faults[i].at, &faults[i].value, faults[i].width);
        }
        sum_again(bytes);
        scratch_write(path_of(id, "users.bin"), bytes, n);
        assert_int_equal(sage_dataset_open(fake_dir, id, true, &dataset, &error), SAGE_E_FORMAT);
        assert_non_null(strstr(error.text, "event"));
        scratch_write(path_of(id, "users.bin"), sound, n);
        sage_free(bytes);
        sage_free(sound);
    }
    sage_dataset_close(fake_open(id));
    sage_options_free(options);
    free(catalog);
}

/* One from before there were users opens without them; a newer one without its file does not. */
static void an_older_dataset_has_no_users(void **state) {
    (void)state;
    sage_catalog *catalog = fake_shop(5, 20, 3);
    sage_options *options = fake_options();
    uint64_t id = fake_build(catalog, options);
    size_t n;
    sage_dataset *dataset;
    char *meta = scratch_read(path_of(id, "meta.json"), &n), *contents = strstr(meta, "\"contents\":");
    assert_non_null(contents);
    contents += strcspn(contents, "0123456789");
    assert_int_equal(unlink(path_of(id, "users.bin")), 0);
    assert_int_equal(sage_dataset_open(fake_dir, id, true, &dataset, NULL), SAGE_E_NOT_FOUND);
    *contents = '2';
    scratch_write(path_of(id, "meta.json"), meta, n);
    dataset = fake_open(id);
    assert_int_equal(sage_dataset_users(dataset), 0);
    assert_null(sage_dataset_targets(dataset, SAGE_CLICK, &n));
    assert_int_equal(n, 0);
    sage_dataset_close(dataset);
    assert_false(sage_dataset_fresh(fake_dir, id, 7, options, NULL));
    sage_free(meta);
    sage_options_free(options);
    free(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_check_finds_its_fault),    cmocka_unit_test(an_event_out_of_range_is_found),
        cmocka_unit_test(an_older_dataset_has_no_users),  cmocka_unit_test(absent_files_and_versions),
        cmocka_unit_test(files_of_two_builds_do_not_mix), cmocka_unit_test(broken_meta_is_refused_and_never_fresh),
    };
    return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
