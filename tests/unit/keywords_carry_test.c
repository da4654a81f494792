/* A keyword index that goes on from an older one has the same bytes as one of which every text was read. */
#include <base/rng.h>
#include <keywords/keywords.h>
#include <support/scratch_dir.h>
#include <support/test.h>

enum { PRODUCTS = 700, WORDS = 90 };

/* Frequent words and rare ones, several times in a text; `edition` changes all of them. */
static size_t text_of(int64_t pid, uint64_t edition, char text[512]) {
    sage_rng rng;
    size_t len = 0;
    sage_rng_seed(&rng, (uint64_t)pid, edition);
    size_t n = sage_rng_below(&rng, 30); /* some have no word */
    if (pid % 50 == 5)
        len += (size_t)snprintf(text, 512, "only%d and here%d ", (int)pid, (int)edition); /* which goes */
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, 512 - len, "w%u ",
                                (unsigned)sage_rng_below(&rng, 1 + sage_rng_below(&rng, WORDS)));
    return len;
}

typedef struct state_of {
    bool there, carried;
    uint64_t edition;
} state_of;

/* Now: a fifth is gone, a tenth came, a tenth has other texts. */
static state_of now_of(int64_t pid) {
    state_of s = {.there = pid % 5 != 0, .edition = 1};
    const bool was_there = pid % 10 != 7;
    if (pid % 10 == 3) s.edition = 2;
    s.carried = was_there && s.edition == 1;
    return s;
}

static void add(sage_keywords_writer *writer, int64_t pid, uint64_t edition) {
    char text[512];
    sage_error error = {0};
    const sage_str texts[] = {{text, text_of(pid, edition, text)}};
    assert_int_equal(sage_keywords_add(writer, pid, texts, 1, &error), SAGE_OK);
}

static const char *begin(const char *name, sage_keywords_writer **writer) {
    const char *path = scratch_path(dir, name);
    assert_int_equal(sage_fs_mkdir(path, NULL), SAGE_OK);
    assert_int_equal(sage_keywords_create(path, writer, NULL), SAGE_OK);
    return path;
}

static void build_before(void) {
    sage_keywords_writer *writer;
    begin("before", &writer);
    for (int64_t pid = 1; pid <= PRODUCTS; pid++)
        if (pid % 10 != 7) add(writer, pid, 1);
    assert_int_equal(sage_keywords_finish(writer, NULL), SAGE_OK);
}

/* before: NULL: every text is read. */
static void build_now(const char *name, const sage_keywords *before) {
    sage_keywords_writer *writer;
    begin(name, &writer);
    if (before != NULL) assert_int_equal(sage_keywords_go_on(writer, before, NULL), SAGE_OK);
    for (int64_t pid = 1; pid <= PRODUCTS; pid++) {
        const state_of s = now_of(pid);
        bool carried = false;
        if (!s.there) continue;
        if (before != NULL && s.edition == 1) {
            assert_int_equal(sage_keywords_carry(writer, pid, &carried, NULL), SAGE_OK);
            assert_int_equal(carried, s.carried);
        }
        if (!carried) add(writer, pid, s.edition);
    }
    assert_int_equal(sage_keywords_finish(writer, NULL), SAGE_OK);
}

static void same_bytes(const char *one, const char *other) {
    size_t n, m;
    char a[64], b[64];
    snprintf(a, sizeof a, "%s/words.bin", one);
    snprintf(b, sizeof b, "%s/words.bin", other);
    char *x = scratch_read(scratch_path(dir, a), &n), *y = scratch_read(scratch_path(dir, b), &m);
    assert_true(x != NULL && y != NULL && n > 1000);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    sage_free(x);
    sage_free(y);
}

static void test_the_same_bytes(void **state) {
    (void)state;
    sage_keywords *before = NULL;
    build_before();
    assert_int_equal(sage_keywords_open(scratch_path(dir, "before"), true, &before, NULL), SAGE_OK);
    build_now("read", NULL);
    build_now("carried", before);
    same_bytes("read", "carried");
    sage_keywords_close(before);
    /* And once more, from what was carried itself. */
    assert_int_equal(sage_keywords_open(scratch_path(dir, "carried"), true, &before, NULL), SAGE_OK);
    sage_keywords_writer *writer;
    begin("again", &writer);
    assert_int_equal(sage_keywords_go_on(writer, before, NULL), SAGE_OK);
    for (int64_t pid = 1; pid <= PRODUCTS; pid++) {
        bool carried;
        if (!now_of(pid).there) continue;
        assert_int_equal(sage_keywords_carry(writer, pid, &carried, NULL), SAGE_OK);
        assert_true(carried);
    }
    assert_int_equal(sage_keywords_finish(writer, NULL), SAGE_OK);
    sage_keywords_close(before);
    same_bytes("carried", "again");
}

static void test_pids_ascend(void **state) {
    (void)state;
    sage_keywords *before = NULL;
    sage_keywords_writer *writer;
    sage_error error = {0};
    bool carried;
    assert_int_equal(sage_keywords_open(scratch_path(dir, "before"), true, &before, NULL), SAGE_OK);
    begin("descending", &writer);
    assert_int_equal(sage_keywords_go_on(writer, before, NULL), SAGE_OK);
    assert_int_equal(sage_keywords_carry(writer, 20, &carried, NULL), SAGE_OK);
    assert_true(carried);
    assert_int_equal(sage_keywords_carry(writer, 20, &carried, &error), SAGE_E_ARGUMENT);
    assert_non_null(strstr(error.text, "came to the keyword index after 20"));
    sage_keywords_abandon(writer);
    sage_keywords_close(before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_bytes),
        cmocka_unit_test(test_pids_ascend),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
