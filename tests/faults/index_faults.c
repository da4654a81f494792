/* Building and publishing an index and its keywords, with a fault at every call that changes the file system. Whatever
 * happens: a version that can be seen is whole, and the next build succeeds. */
#include <index/index.h>
#include <inttypes.h>
#include <io/version.h>
#include <keywords/keywords.h>
#include <math.h>
#include <support/columns_fake.h>
#include <support/scratch_dir.h>
#include <support/test.h>

enum { ROWS = 25, DIM = 4 };

static const char *parent_of(const char *room) {
    return scratch_path(dir, room);
}

static void row_of(size_t i, char title[64], float vector[DIM]) {
    snprintf(title, 64, "product number%zu of %s", i, i % 2 ? "oak" : "pine");
    float square = 0;
    for (size_t j = 0; j < DIM; j++) vector[j] = (float)((i + 1) * (j + 1) % 11) - 5;
    for (size_t j = 0; j < DIM; j++) square += vector[j] * vector[j];
    for (size_t j = 0; j < DIM; j++) vector[j] /= sqrtf(square);
}

static bool write_index(const char *tmp) {
    sage_index_writer *writer = NULL;
    bool good = sage_index_create(tmp, ROWS, DIM, &writer, NULL) == SAGE_OK;
    for (size_t i = 0; good && i < ROWS; i++) {
        char title[64];
        float vector[DIM];
        row_of(i, title, vector);
        sage_str shown[SAGE_SHOWN] = {
            [SAGE_SHOW_ID] = {title, strlen(title)}, [SAGE_SHOW_TITLE] = {title, strlen(title)}};
        good = sage_index_add(writer, (int64_t)i + 1, vector, shown, NULL) == SAGE_OK;
    }
    static const sage_index_links links = {4, 10, true};
    if (good)
        return sage_index_finish(writer, NULL) == SAGE_OK && fake_columns(tmp, ROWS, NULL) == SAGE_OK &&
               sage_index_link(tmp, NULL, &links, NULL, NULL) == SAGE_OK;
    sage_index_abandon(writer);
    return false;
}

static bool write_keywords(const char *tmp) {
    sage_keywords_writer *writer = NULL;
    bool good = sage_keywords_create(tmp, &writer, NULL) == SAGE_OK;
    for (size_t i = 0; good && i < ROWS; i++) {
        char title[64];
        float vector[DIM];
        row_of(i, title, vector);
        const sage_str text = {title, strlen(title)};
        good = sage_keywords_add(writer, (int64_t)i + 1, &text, 1, NULL) == SAGE_OK;
    }
    if (good) return sage_keywords_finish(writer, NULL) == SAGE_OK;
    sage_keywords_abandon(writer);
    return false;
}

static bool build(void *ctx) {
    char tmp[SAGE_PATH_MAX];
    uint64_t version;
    (void)ctx;
    return sage_version_begin(parent_of("index"), "index", tmp, NULL) == SAGE_OK && write_index(tmp) &&
           sage_version_publish(parent_of("index"), tmp, &version, NULL) == SAGE_OK &&
           sage_version_begin(parent_of("keywords"), "keywords", tmp, NULL) == SAGE_OK && write_keywords(tmp) &&
           sage_version_publish(parent_of("keywords"), tmp, &version, NULL) == SAGE_OK;
}

static void check_index(const char *path) {
    sage_error error = {0};
    sage_index *index = NULL;
    if (sage_index_open(path, true, &index, &error) != SAGE_OK) fail_msg("%s", error.text);
    assert_int_equal(sage_index_count(index), ROWS);
    assert_true(sage_index_linked(index));
    assert_non_null(sage_index_columns(index));
    assert_int_equal(sage_columns_count(sage_index_columns(index)), FAKE_COLUMNS);
    for (size_t i = 0; i < ROWS; i++) {
        char title[64];
        float vector[DIM];
        size_t row;
        row_of(i, title, vector);
        assert_true(sage_index_find_id(index, title, &row));
        assert_int_equal(row, i);
        assert_string_equal(sage_index_shown(index, i, SAGE_SHOW_TITLE), title);
        assert_memory_equal(sage_index_vectors(index) + i * DIM, vector, sizeof vector);
    }
    sage_index_close(index);
}

static void check_keywords(const char *path) {
    sage_error error = {0};
    sage_keywords *keywords = NULL;
    sage_keyword_hit hits[ROWS];
    size_t n;
    const sage_keywords_query all = {.text = "product", .len = 7, .k = ROWS};
    if (sage_keywords_open(path, true, &keywords, &error) != SAGE_OK) fail_msg("%s", error.text);
    assert_int_equal(sage_keywords_search(keywords, &all, hits, &n, NULL, &error), SAGE_OK);
    assert_int_equal(n, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        char word[32];
        int len = snprintf(word, sizeof word, "number%zu", i);
        const sage_keywords_query one = {.text = word, .len = (size_t)len, .k = ROWS};
        assert_int_equal(sage_keywords_search(keywords, &one, hits, &n, NULL, &error), SAGE_OK);
        assert_int_equal(n, 1);
        assert_int_equal(hits[0].pid, (int64_t)i + 1);
    }
    sage_keywords_close(keywords);
}

/* Every version that can be seen is whole; gives how many there are. */
static size_t check_all(const char *room, void (*check)(const char *path)) {
    char path[SAGE_PATH_MAX], parent[SAGE_PATH_MAX];
    uint64_t *versions = NULL;
    size_t n = 0;
    snprintf(parent, sizeof parent, "%s", parent_of(room));
    assert_int_equal(sage_version_list(parent, &versions, &n, NULL), SAGE_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(sage_version_path(path, parent, versions[i], NULL), SAGE_OK);
        check(path);
    }
    sage_free(versions);
    return n;
}

static void fresh(void) {
    scratch_remove(dir);
    assert_int_equal(sage_fs_mkdir(dir, NULL), SAGE_OK);
    assert_int_equal(sage_fs_mkdir(parent_of("index"), NULL), SAGE_OK);
    assert_int_equal(sage_fs_mkdir(parent_of("keywords"), NULL), SAGE_OK);
    int fd;
    assert_int_equal(sage_fs_open_read(dir, &fd, NULL), SAGE_OK);
    sage_fs_close(fd, dir, NULL);
    assert_int_equal(sage_fs_sync_dir(dir, NULL), SAGE_OK);
}

static void every_call_meets(sage_fault_kind kind) {
    uint64_t calls;
    fresh();
    assert_int_equal(fault_child(build, NULL, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_int_equal(check_all("index", check_index), 1);
    assert_int_equal(check_all("keywords", check_keywords), 1);
    assert_true(calls > 20);
    for (uint64_t at = 1; at <= calls; at++) {
        fresh();
        int end = fault_child(build, NULL, kind, at, NULL);
        if (kind == SAGE_FAULT_ERROR)
            assert_true(at == calls ? end == FAULT_DONE : end == FAULT_FAILED || end == FAULT_DONE);
        else
            assert_int_equal(end, FAULT_KILLED);
        size_t before = check_all("index", check_index), words = check_all("keywords", check_keywords);
        assert_true(before <= 1 && words <= before);
        if (end == FAULT_DONE || at == calls) assert_int_equal(words, 1);
        assert_true(build(NULL));
        assert_int_equal(check_all("index", check_index), before + 1);
        assert_int_equal(check_all("keywords", check_keywords), words + 1);
    }
}

static void calls_that_fail(void **state) {
    (void)state;
    every_call_meets(SAGE_FAULT_ERROR);
}

static void stops(void **state) {
    (void)state;
    every_call_meets(SAGE_FAULT_STOP);
}

static void power_cuts(void **state) {
    (void)state;
    every_call_meets(SAGE_FAULT_POWER_CUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(calls_that_fail, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(stops, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(power_cuts, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
