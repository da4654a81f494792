/* Every call that embedding makes to change the file system, failed, stopped at, and stopped at with everything lost
 * that was not synced. Whatever happens: what can be read meanwhile are vectors from before or from after, and the next
 * run ends where an undisturbed one does, bit for bit. */
#include "support/test.h"
#include "support/tiny_shop.h"
#include <embed/embed.h>

enum { DIM = 16, PRODUCTS = 40 };

static char templates[SAGE_PATH_MAX], work[SAGE_PATH_MAX];

static void copy_tree(const char *from, const char *to) {
    char command[2 * SAGE_PATH_MAX + 32];
    snprintf(command, sizeof command, "rm -rf '%s' && cp -r '%s' '%s'", to, from, to);
    scratch_must(system(command) == 0, command);
}

/* ---- the operation ---- */

typedef struct operation {
    const char *dir;
    bool all;
} operation;

static bool run_embed(void *ctx) {
    const operation *op = ctx;
    sage_catalog *catalog = NULL;
    sage_embed_report report;
    const sage_embed_spec spec = {.model = 1, .all = op->all};
    bool good = sage_catalog_open(scratch_path(op->dir, "catalog.db"), false, &catalog, NULL) == SAGE_OK &&
                sage_embed_run(catalog, op->dir, &spec, NULL, NULL, &report, NULL) == SAGE_OK;
    sage_catalog_close(catalog);
    return good;
}

/* ---- what can be read ---- */

typedef struct reading {
    size_t n;
    int64_t pids[2 * PRODUCTS];
    float vectors[2 * PRODUCTS][DIM];
} reading;

static void read_vectors(const char *dir, reading *r) {
    sage_vectors *vectors = NULL;
    sage_error error = {0};
    r->n = 0;
    sage_status st = sage_vectors_open(dir, 1, &vectors, &error);
    if (st == SAGE_E_STATE) return; /* nothing yet */
    tiny_must(st, &error, "open the vectors");
    r->n = sage_vectors_count(vectors);
    assert_true(r->n <= 2 * PRODUCTS);
    for (size_t i = 0; i < r->n; i++) {
        r->pids[i] = sage_vectors_pid(vectors, i);
        memcpy(r->vectors[i], sage_vectors_at(vectors, i), sizeof r->vectors[i]);
    }
    sage_vectors_close(vectors);
}

static bool holds(const reading *r, int64_t pid, const float *vector) {
    for (size_t i = 0; i < r->n; i++)
        if (r->pids[i] == pid) return memcmp(r->vectors[i], vector, sizeof r->vectors[i]) == 0;
    return false;
}

static void expect_before_or_after(const reading *meanwhile, const reading *before, const reading *after) {
    for (size_t i = 0; i < meanwhile->n; i++)
        assert_true(holds(before, meanwhile->pids[i], meanwhile->vectors[i]) ||
                    holds(after, meanwhile->pids[i], meanwhile->vectors[i]));
}

static void expect_same(const reading *a, const reading *b) {
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_true(a->pids[i] == b->pids[i]);
        assert_memory_equal(a->vectors[i], b->vectors[i], sizeof a->vectors[i]);
    }
}

static size_t count_files(const char *dir) {
    char command[SAGE_PATH_MAX + 64], line[32] = "";
    snprintf(command, sizeof command, "ls -A '%s/vectors/1' | wc -l", dir);
    FILE *pipe = popen(command, "r");
    scratch_must(pipe != NULL && fgets(line, sizeof line, pipe) != NULL, command);
    pclose(pipe);
    return (size_t)atoi(line);
}

/* ---- one shop under every fault ---- */

static void under_every_fault(const char *shop, bool all) {
    reading before, after, meanwhile, ended;
    char undisturbed[SAGE_PATH_MAX];
    snprintf(undisturbed, sizeof undisturbed, "%s", scratch_path(templates, "undisturbed"));
    read_vectors(shop, &before);
    copy_tree(shop, undisturbed);
    uint64_t calls;
    operation op = {undisturbed, all};
    assert_int_equal(fault_child(run_embed, &op, SAGE_FAULT_NONE, 0, &calls), FAULT_DONE);
    assert_true(calls > 3);
    read_vectors(undisturbed, &after);
    size_t files = count_files(undisturbed);
    op.dir = work;
    for (sage_fault_kind kind = SAGE_FAULT_ERROR; kind <= SAGE_FAULT_POWER_CUT; kind++)
        for (uint64_t at = 1; at <= calls; at++) {
            copy_tree(shop, work);
            int how = fault_child(run_embed, &op, kind, at, NULL);
            assert_int_equal(how == FAULT_KILLED, kind != SAGE_FAULT_ERROR);
            read_vectors(work, &meanwhile);
            expect_before_or_after(&meanwhile, &before, &after);
            if (how == FAULT_DONE) expect_same(&meanwhile, &after);
            assert_true(run_embed(&op));
            read_vectors(work, &ended);
            expect_same(&ended, &after);
            assert_int_equal(count_files(work), files); /* and nothing is left lying about */
        }
}

/* ---- the shops ---- */

static void new_shop(char dir[SAGE_PATH_MAX], const char *name, size_t n, size_t gone_begin, size_t gone_end,
                     size_t changed) {
    snprintf(dir, SAGE_PATH_MAX, "%s", scratch_path(templates, name));
    scratch_must(sage_fs_mkdir(dir, NULL) == SAGE_OK, dir);
    sage_catalog *catalog = tiny_catalog(dir);
    tiny_import(catalog, dir, PRODUCTS, 0, 0, 0);
    tiny_publish_model(catalog, dir, 1);
    if (n > 0) {
        sage_embed_report report;
        sage_error error = {0};
        const sage_embed_spec spec = {.model = 1};
        tiny_must(sage_embed_run(catalog, dir, &spec, NULL, NULL, &report, &error), &error, "embed");
        tiny_import(catalog, dir, n, gone_begin, gone_end, changed);
    }
    sage_catalog_close(catalog);
}

static void the_first_run(void **state) {
    (void)state;
    char shop[SAGE_PATH_MAX];
    new_shop(shop, "first", 0, 0, 0, 0);
    under_every_fault(shop, false);
}

static void new_changed_and_gone_products(void **state) {
    (void)state;
    char shop[SAGE_PATH_MAX];
    new_shop(shop, "incremental", PRODUCTS + 2, 10, 12, 20);
    under_every_fault(shop, false);
}

static void compaction(void **state) {
    (void)state;
    char shop[SAGE_PATH_MAX];
    new_shop(shop, "compaction", PRODUCTS, 5, 12, 4);
    under_every_fault(shop, false);
}

static void all_again(void **state) {
    (void)state;
    char shop[SAGE_PATH_MAX];
    new_shop(shop, "all", PRODUCTS, 3, 5, 0);
    under_every_fault(shop, true);
}

static int make_places(void **state) {
    (void)state;
    scratch_make(templates);
    snprintf(work, sizeof work, "%s", scratch_path(templates, "work"));
    return 0;
}

static int remove_places(void **state) {
    (void)state;
    scratch_remove(templates);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_run),
        cmocka_unit_test(new_changed_and_gone_products),
        cmocka_unit_test(compaction),
        cmocka_unit_test(all_again),
    };
    return cmocka_run_group_tests(tests, make_places, remove_places);
}
