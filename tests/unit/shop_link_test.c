/* Which graph a version gets: that of the release before with what changed, as long as its walks find what is asked
 * for; else another in its place. */
#include "index_graph_help.h"

#include <parallel/pool.h>
#include <shop/index_graph.h>

enum { N = 3000, DIM = 24, NEW = 20, M = 8 };

static char heard[512];

static void hear(void *ctx, sage_message_level level, const char *text) {
    (void)ctx;
    assert_int_equal(level, SAGE_NOTE);
    snprintf(heard, sizeof heard, "%s", text);
}

static const sage_monitor listening = {.message = hear};
static const sage_graph_rule rule = {.when = SAGE_GRAPH_ALWAYS, .links = {M, 40, true}, .recall = 0.999};

/* A folder with an index of the first N vectors. */
static void make(const char *name, const float *vectors, char path[SAGE_PATH_MAX]) {
    sage_error error = {0};
    snprintf(path, SAGE_PATH_MAX, "%s", scratch_path(dir, name));
    must(sage_fs_remove_tree(path, &error), &error);
    must(sage_fs_mkdir(path, &error), &error);
    must(made_index(path, vectors, N, DIM, &error), &error);
}

static void check_linked(const char *path, const char *note) {
    sage_error error = {0};
    sage_index *index;
    if (strstr(heard, note) == NULL) fail_msg("'%s' says nothing of '%s'", heard, note);
    must(sage_index_open(path, true, &index, &error), &error);
    assert_true(sage_index_linked(index));
    sage_index_close(index);
}

static void test_goes_on_while_that_finds_enough(void **state) {
    (void)state;
    sage_error error = {0};
    sage_graph_before before = {.width = 200, .recall = 0.9};
    char path[SAGE_PATH_MAX];
    uint64_t bytes;
    bool went_on;
    float *vectors = made_vectors(N + NEW, DIM, 1);
    make("before", vectors, before.dir);
    must(sage_index_link(before.dir, NULL, &rule.links, NULL, &error), &error);
    memcpy(vectors, vectors + N * DIM, NEW * DIM * sizeof *vectors);
    make("now", vectors, path);
    must(sage_shop_link(&rule, &before, path, N, NULL, &listening, &bytes, &went_on, &error), &error);
    assert_true(went_on);
    check_linked(path, "2980 products as they were, 0 added, 20 changed, 0 removed");
    assert_true(bytes > N * 2 * M * sizeof(uint32_t));
    /* No walk so narrow finds all; the file that stands there by then gives way. */
    before.width = 1;
    before.recall = 1;
    must(sage_shop_link(&rule, &before, path, N, NULL, &listening, &bytes, &went_on, &error), &error);
    assert_false(went_on);
    check_linked(path, "it is built afresh");
    free(vectors);
}

static void test_what_was_before_may_be_gone(void **state) {
    (void)state;
    sage_error error = {0};
    sage_graph_before before = {.width = 64, .recall = 0.9};
    char path[SAGE_PATH_MAX];
    uint64_t bytes;
    bool went_on;
    float *vectors = made_vectors(N, DIM, 1);
    make("now", vectors, path);
    snprintf(before.dir, sizeof before.dir, "%s", scratch_path(dir, "nowhere"));
    heard[0] = '\0';
    must(sage_shop_link(&rule, &before, path, N, NULL, &listening, &bytes, &went_on, &error), &error);
    assert_false(went_on);
    check_linked(path, "");
    assert_string_equal(heard, "");
    free(vectors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_on_while_that_finds_enough),
        cmocka_unit_test(test_what_was_before_may_be_gone),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
