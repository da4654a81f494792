/* The graph of a version under construction from that of the version before: what is as it was keeps its links. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <index/changing.h>
#include <index/graph_file.h>
#include <index/impl.h>
#include <io/fs.h>

/* A change costs about twice what the build takes for a row on one thread, and the build has all of them. */
enum { COST = 2 };

typedef struct pair {
    sage_index *index, *before; /* the version under construction, and the older one */
    uint32_t *slots;            /* [index->n]: rows of `before`; SAGE_NO_ROW: to be linked */
    bool *stays;                /* [before->n] */
    sage_changing *changing;
} pair;

/* ---- what changed ---- */

static bool same_vector(const pair *p, size_t row, size_t old) {
    const size_t dim = p->index->dim;
    return memcmp(p->index->vectors + row * dim, p->before->vectors + old * dim, dim * sizeof(float)) == 0;
}

/* Both are in the order of pids. */
static void compare(pair *p, sage_index_change *change) {
    size_t old = 0;
    for (size_t row = 0; row < p->index->n; row++) {
        const int64_t pid = p->index->rows[row].pid;
        while (old < p->before->n && p->before->rows[old].pid < pid) old++;
        const bool there = old < p->before->n && p->before->rows[old].pid == pid,
                   same = there && same_vector(p, row, old);
        p->slots[row] = same ? (uint32_t)old : SAGE_NO_ROW;
        if (same) p->stays[old] = true;
        change->kept += same;
        change->changed += there && !same;
        change->added += !there;
    }
    change->removed = p->before->n - change->kept - change->changed;
}

static bool pays(const pair *p, const sage_index_change *change, sage_pool *pool) {
    const size_t inserts = change->added + change->changed, deletes = change->changed + change->removed;
    return (inserts + deletes) * COST * sage_pool_threads(pool) <= p->index->n;
}

static bool fits(const pair *p, const sage_index_links *links) {
    const sage_hnsw *hnsw = p->before->hnsw;
    return hnsw != NULL && p->before->dim == p->index->dim && hnsw->graph.m == links->m &&
           hnsw->build == links->build && (hnsw->codes.bytes != NULL) == links->bytes;
}

/* ---- the graph ---- */

static sage_status apply(pair *p, const sage_index_change *change, const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t dim = p->index->dim;
    sage_ticker ticker;
    uint64_t done = 0;
    sage_ticker_begin(&ticker, monitor, "graph", change->added + change->changed);
    for (uint32_t old = 0; old < p->before->n; old++)
        if (!p->stays[old]) sage_changing_delete(p->changing, old);
    for (size_t row = 0; row < p->index->n; row++) {
        if (p->slots[row] != SAGE_NO_ROW) continue;
        SAGE_TRY(sage_changing_insert(p->changing, p->index->vectors + row * dim, &p->slots[row], error));
        sage_ticker_tick(&ticker, ++done, NULL);
        if (done % 64 == 0) SAGE_TRY(sage_check_cancel(monitor, "graph", error));
    }
    SAGE_TRY(sage_changing_settle(p->changing, error));
    sage_ticker_end(&ticker, done);
out:
    return st;
}

static sage_status write_graph(const pair *p, const char *dir, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_hnsw *hnsw = NULL;
    SAGE_TRY(sage_path_join(path, dir, SAGE_INDEX_GRAPH_FILE, error));
    SAGE_TRY(sage_changing_compact(p->changing, p->slots, p->index->n, p->index->vectors, &hnsw, error));
    SAGE_TRY(sage_hnsw_write(hnsw, path, sage_packed_sum(p->index->files[SAGE_INDEX_VECTORS], "vectors"), error));
out:
    sage_hnsw_free(hnsw);
    return st;
}

/* Over the same rows the same graph. */
static sage_status copy_graph(const char *dir, const char *before, sage_error *error) {
    sage_status st = SAGE_OK;
    char from[SAGE_PATH_MAX], to[SAGE_PATH_MAX];
    SAGE_TRY(sage_path_join(from, before, SAGE_INDEX_GRAPH_FILE, error));
    SAGE_TRY(sage_path_join(to, dir, SAGE_INDEX_GRAPH_FILE, error));
    SAGE_TRY(sage_fs_unlink(to, error));
    SAGE_TRY(sage_fs_copy(from, to, error));
out:
    return st;
}

static sage_status make_graph(pair *p, const char *dir, const sage_index_change *change, sage_pool *pool,
                              const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_changing_new(p->before->hnsw, p->before->files[SAGE_INDEX_VECTORS], pool, &p->changing, error));
    SAGE_TRY(apply(p, change, monitor, error));
    SAGE_TRY(write_graph(p, dir, error));
out:
    return st;
}

static sage_status open_both(pair *p, const char *dir, const char *before, bool verify, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_index_open_with(dir, false, false, &p->index, error));
    SAGE_TRY(sage_index_check_lengths(p->index, error));
    SAGE_TRY(sage_index_open(before, verify, &p->before, error));
    p->slots = sage_alloc(p->index->n * sizeof *p->slots);
    p->stays = sage_alloc_zero(p->before->n, sizeof *p->stays);
    if (p->slots == NULL || p->stays == NULL)
        st = sage_fail_memory(error, p->index->n * sizeof *p->slots + p->before->n);
out:
    return st;
}

sage_status sage_index_link_on(const char *dir, const char *before, bool verify, sage_pool *pool,
                               const sage_index_links *links, const sage_monitor *monitor, sage_index_change *change,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    pair p = {.index = NULL};
    *change = (sage_index_change){.done = false};
    SAGE_TRY(open_both(&p, dir, before, verify, error));
    if (!fits(&p, links)) goto out;
    compare(&p, change);
    if (!pays(&p, change, pool)) goto out;
    SAGE_TRY(sage_index_change_is_none(change) ? copy_graph(dir, before, error)
                                               : make_graph(&p, dir, change, pool, monitor, error));
    change->done = true;
out:
    sage_changing_free(p.changing);
    sage_free(p.slots);
    sage_free(p.stays);
    sage_index_close(p.before);
    sage_index_close(p.index);
    return st;
}
