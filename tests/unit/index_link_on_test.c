/* A version's graph from that of the version before: sound, as good as one that is built afresh, over generations; and
 * left alone where it would not do. */
#include "index_graph_help.h"

#include <base/alloc.h>
#include <index/recall.h>
#include <parallel/pool.h>

enum { MOST = 4000, WIDTH = 64 };

/* A catalogue by pid: a vector, or nothing. */
typedef struct catalogue {
    size_t dim;
    const float *of[MOST];
    float *vectors; /* to be given out */
    size_t next;
    sage_rng rng;
} catalogue;

static const float *new_vector(catalogue *c) {
    return c->vectors + c->next++ * c->dim;
}

/* Every third vector is one that is there already: variants of a product. */
static const float *some_vector(catalogue *c) {
    const float *other = c->of[sage_rng_below(&c->rng, MOST)];
    return other != NULL && c->next % 3 == 0 && ++c->next ? other : new_vector(c);
}

static catalogue begin(size_t n, size_t dim) {
    catalogue c = {.dim = dim, .vectors = made_vectors(4 * MOST, dim, 1)};
    sage_rng_seed(&c.rng, 3, n);
    for (size_t i = 0; i < n; i++) c.of[MOST / n * i] = some_vector(&c);
    return c;
}

static size_t change(catalogue *c, size_t each) {
    size_t removed = 0;
    for (size_t i = 0; i < each; i++) {
        const size_t gone = sage_rng_below(&c->rng, MOST), come = sage_rng_below(&c->rng, MOST);
        removed += c->of[gone] != NULL;
        c->of[gone] = NULL;
        c->of[come] = some_vector(c); /* added, or another vector for one that is there */
    }
    return removed;
}

static const char *write_version(const catalogue *c, const char *name) {
    const char *path = scratch_path(dir, name);
    sage_error error = {0};
    sage_index_writer *writer = NULL;
    size_t n = 0;
    for (size_t pid = 0; pid < MOST; pid++) n += c->of[pid] != NULL;
    must(sage_fs_remove_tree(path, &error), &error);
    must(sage_fs_mkdir(path, &error), &error);
    must(sage_index_create(path, n, c->dim, &writer, &error), &error);
    for (size_t pid = 0; pid < MOST; pid++) {
        const sage_str shown[SAGE_SHOWN] = {[SAGE_SHOW_ID] = {"p", 1}};
        if (c->of[pid] != NULL) must(sage_index_add(writer, (int64_t)pid, c->of[pid], shown, &error), &error);
    }
    must(sage_index_finish(writer, &error), &error);
    return path;
}

/* The graph has to be whole. */
static double recall_of(const char *path) {
    sage_error error = {0};
    sage_index *index;
    sage_recall_sample sample;
    sage_recall_figure recall;
    must(sage_index_open(path, true, &index, &error), &error);
    assert_true(sage_index_linked(index));
    must(sage_recall_sample_made(index, NULL, 200, &sample, &error), &error);
    must(sage_recall_measure(&sample, WIDTH, &recall, &error), &error);
    sage_recall_sample_free(&sample);
    sage_index_close(index);
    return recall.recall;
}

static void over_generations(size_t n, size_t dim, size_t each) {
    sage_error error = {0};
    catalogue c = begin(n, dim);
    const char *names[] = {"one", "two"};
    must(sage_index_link(write_version(&c, names[0]), NULL, &usual, NULL, &error), &error);
    for (size_t i = 1; i <= 6; i++) {
        sage_index_change did;
        const size_t gone = change(&c, each);
        const char *path = write_version(&c, names[i % 2]), *before = scratch_path(dir, names[(i + 1) % 2]);
        must(sage_index_link_on(path, before, true, NULL, &usual, NULL, &did, &error), &error);
        assert_true(did.done);
        assert_true(did.removed + did.changed >= gone - gone / 4 && did.removed <= gone);
        assert_true(did.added + did.changed <= each && did.added + did.changed >= each * 3 / 4);
        const double recall = recall_of(path);
        must(sage_index_link(path, NULL, &usual, NULL, &error), &error);
        const double afresh = recall_of(path);
        if (recall < afresh - 0.01) fail_msg("generation %zu: recall %.4f, afresh %.4f", i, recall, afresh);
        must(sage_index_link_on(path, before, true, NULL, &usual, NULL, &did, &error), &error);
    }
    free(c.vectors);
}

static void test_over_generations(void **state) {
    (void)state;
    over_generations(1000, 24, 100);
}

static void test_with_heads(void **state) {
    (void)state;
    over_generations(1500, 128, 60);
}

static void test_nothing_changed(void **state) {
    (void)state;
    sage_error error = {0};
    sage_index_change did;
    size_t n[2];
    catalogue c = begin(500, 16);
    must(sage_index_link(write_version(&c, "one"), NULL, &usual, NULL, &error), &error);
    must(sage_index_link_on(write_version(&c, "two"), scratch_path(dir, "one"), true, NULL, &usual, NULL, &did, &error),
         &error);
    assert_true(did.done && did.kept == 500 && did.added + did.changed + did.removed == 0);
    char *one = scratch_read(scratch_path(dir, "one/graph.bin"), &n[0]),
         *two = scratch_read(scratch_path(dir, "two/graph.bin"), &n[1]);
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(one, two, n[0]);
    sage_free(one);
    sage_free(two);
    free(c.vectors);
}

static void not_done(const char *path, const char *before, sage_pool *pool, const sage_index_links *links) {
    sage_error error = {0};
    sage_index_change did;
    must(sage_index_link_on(path, before, true, pool, links, NULL, &did, &error), &error);
    assert_false(did.done);
    char graph[SAGE_PATH_MAX];
    must(sage_path_join(graph, path, "graph.bin", &error), &error);
    assert_false(sage_fs_exists(graph));
}

static void test_what_is_built_afresh(void **state) {
    (void)state;
    sage_error error = {0};
    sage_index_change did;
    sage_pool *pool;
    catalogue c = begin(500, 16);
    char before[SAGE_PATH_MAX], after[SAGE_PATH_MAX];
    strcpy(before, write_version(&c, "before"));
    strcpy(after, scratch_path(dir, "after"));
    not_done(write_version(&c, "after"), before, NULL, &usual); /* it has no graph */
    must(sage_index_link(before, NULL, &usual, NULL, &error), &error);
    static const sage_index_links others[] = {{8, 60, true}, {16, 61, true}, {16, 60, false}};
    for (size_t i = 0; i < 3; i++) not_done(after, before, NULL, &others[i]);
    change(&c, 100); /* cheap on one thread, not beside eight */
    must(sage_pool_new(8, &pool, &error), &error);
    not_done(write_version(&c, "after"), before, pool, &usual);
    sage_pool_free(pool);
    must(sage_index_link_on(after, before, true, NULL, &usual, NULL, &did, &error), &error);
    assert_true(did.done);
    size_t n;
    char *graph = scratch_read(scratch_path(dir, "before/graph.bin"), &n);
    graph[n / 2] ^= 1;
    scratch_write(scratch_path(dir, "before/graph.bin"), graph, n);
    sage_free(graph);
    assert_int_equal(sage_index_link_on(after, before, true, NULL, &usual, NULL, &did, &error), SAGE_E_FORMAT);
    assert_int_equal(sage_index_link_on(after, "/nothing/there", true, NULL, &usual, NULL, &did, &error),
                     SAGE_E_NOT_FOUND);
    free(c.vectors);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_over_generations, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_with_heads, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_nothing_changed, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_what_is_built_afresh, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
