/* Adding to the cache of sentences with a fault at every call that changes the file system. Whatever happens: what was
 * kept before stays, what is found is right, and the addition, done again, keeps all. */
#include <features/sentence_cache.h>
#include <support/scratch.h>
#include <support/test.h>

enum { DIM = 3, BEFORE = 10, MORE = 40 };

static char dir[SAGE_PATH_MAX], shop[SAGE_PATH_MAX], prepared[SAGE_PATH_MAX];

static sage_text_key key_of(size_t i) {
    sage_text_key key = {{0}};
    key.bytes[0] = (unsigned char)(i * 37);
    key.bytes[1] = (unsigned char)i;
    return key;
}

static bool add(size_t from, size_t n, sage_error *error) {
    sage_text_key keys[MORE];
    float vectors[MORE][DIM];
    sage_sentence_cache *cache;
    for (size_t i = 0; i < n; i++) {
        keys[i] = key_of(from + i);
        for (size_t k = 0; k < DIM; k++) vectors[i][k] = (float)(DIM * (from + i) + k);
    }
    if (sage_sentence_cache_open(shop, "one", DIM, true, &cache, error) != SAGE_OK) return false;
    bool good = sage_sentence_cache_add(cache, n, keys, vectors[0], error) == SAGE_OK;
    sage_sentence_cache_close(cache);
    return good;
}

/* Takes in what was there before, so that a file goes. */
static bool add_more(void *ctx) {
    return add(BEFORE, MORE, ctx);
}

static void fresh(void) {
    char command[4 * SAGE_PATH_MAX];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -R '%s' '%s'", shop, prepared, shop);
    scratch_must(system(command) == 0, "copy the prepared shop");
}

/* How many of the first n are there; each as it was given. */
static size_t found(size_t n, size_t *files) {
    sage_sentence_cache *cache;
    size_t there = 0;
    float out[DIM];
    assert_int_equal(sage_sentence_cache_open(shop, "one", DIM, false, &cache, NULL), SAGE_OK);
    for (size_t i = 0; i < n; i++) {
        const sage_text_key key = key_of(i);
        if (!sage_sentence_cache_find(cache, &key, out)) continue;
        there++;
        for (size_t k = 0; k < DIM; k++) assert_true(out[k] == (float)(DIM * i + k));
    }
    *files = sage_sentence_cache_files(cache);
    sage_sentence_cache_close(cache);
    return there;
}

static int ground(void **state) {
    char command[4 * SAGE_PATH_MAX];
    (void)state;
    scratch_make(dir);
    snprintf(shop, sizeof shop, "%s", scratch_path(dir, "shop"));
    snprintf(prepared, sizeof prepared, "%s", scratch_path(dir, "prepared"));
    assert_int_equal(sage_fs_mkdir(shop, NULL), SAGE_OK);
    assert_true(add(0, BEFORE, NULL));
    snprintf(command, sizeof command, "cp -R '%s' '%s'", shop, prepared);
    scratch_must(system(command) == 0, "keep the prepared shop");
    return 0;
}

static int clear(void **state) {
    (void)state;
    scratch_remove(dir);
    return 0;
}

static void nothing_kept_is_lost(void **state) {
    (void)state;
    uint64_t calls;
    size_t files;
    fresh();
    assert_int_equal(fault_child(add_more, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_int_equal(found(BEFORE + MORE, &files), BEFORE + MORE);
    assert_int_equal(files, 1);
    assert_true(calls > 5);
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            fresh();
            int ended = fault_child(add_more, NULL, kind, at, NULL);
            assert_int_equal(found(BEFORE, &files), BEFORE);
            if (ended == FAULT_DONE) assert_int_equal(found(BEFORE + MORE, &files), BEFORE + MORE);
            assert_true(add(BEFORE, MORE, NULL));
            assert_int_equal(found(BEFORE + MORE, &files), BEFORE + MORE);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_kept_is_lost)};
    return cmocka_run_group_tests(tests, ground, clear);
}
