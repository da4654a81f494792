/* A live index as a new version. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/graph_file.h>
#include <index/live_impl.h>
#include <io/version.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
    int64_t pid;
    uint32_t slot;
} row;

static int by_pid(const void *a, const void *b) {
    const int64_t x = ((const row *)a)->pid, y = ((const row *)b)->pid;
    return (x > y) - (x < y);
}

/* All that are alive, [*n], in the order of pids; free with sage_free. */
static sage_status rows_of(const sage_live *live, row **rows, size_t *n, sage_error *error) {
    const sage_graph *graph = &live->changing->hnsw.graph;
    *n = 0;
    *rows = sage_alloc((sage_live_count(live) + 1) * sizeof **rows);
    if (*rows == NULL) return sage_fail_memory(error, sage_live_count(live) * sizeof **rows);
    for (uint32_t slot = 0; slot < graph->n; slot++)
        if (sage_graph_gives(graph, slot)) (*rows)[(*n)++] = (row){sage_live_pid_of(live, slot), slot};
    qsort(*rows, *n, sizeof **rows, by_pid);
    return SAGE_OK;
}

static sage_status write_rows(const sage_live *live, const char *dir, const row *rows, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_index_writer *writer = NULL;
    const sage_codes *codes = &live->changing->hnsw.codes;
    SAGE_TRY(sage_index_create(dir, n, codes->dim, &writer, error));
    for (size_t i = 0; i < n; i++) {
        sage_str shown[SAGE_SHOWN];
        for (size_t what = 0; what < SAGE_SHOWN; what++) {
            const char *text = sage_live_text(live, rows[i].slot, what);
            shown[what] = (sage_str){text, strlen(text)};
        }
        SAGE_TRY(sage_index_add(writer, rows[i].pid, codes->vectors + (size_t)rows[i].slot * codes->dim, shown, error));
    }
    st = sage_index_finish(writer, error);
    writer = NULL;
out:
    sage_index_abandon(writer);
    return st;
}

/* *sum: by which the log knows the version. */
static sage_status write_graph(const sage_live *live, const char *dir, const uint32_t *slots, size_t n, uint64_t *sum,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_index *written = NULL;
    sage_hnsw *hnsw = NULL;
    SAGE_TRY(sage_path_join(path, dir, SAGE_INDEX_GRAPH_FILE, error));
    SAGE_TRY(sage_index_open_with(dir, false, false, &written, error));
    SAGE_TRY(sage_changing_compact(live->changing, slots, n, written->vectors, &hnsw, error));
    *sum = sage_packed_sum(written->files[SAGE_INDEX_VECTORS], "vectors");
    SAGE_TRY(sage_hnsw_write(hnsw, path, *sum, error));
out:
    sage_hnsw_free(hnsw);
    sage_index_close(written);
    return st;
}

static sage_status write_all(const sage_live *live, const char *dir, const row *rows, size_t n, uint64_t *sum,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t *slots = sage_alloc((n + 1) * sizeof *slots);
    if (slots == NULL) return sage_fail_memory(error, n * sizeof *slots);
    for (size_t i = 0; i < n; i++) slots[i] = rows[i].slot;
    SAGE_TRY(write_rows(live, dir, rows, n, error));
    SAGE_TRY(write_graph(live, dir, slots, n, sum, error));
    if (live->columns != NULL) SAGE_TRY(sage_columns_live_write(live->columns, dir, slots, n, error));
out:
    sage_free(slots);
    return st;
}

static sage_status nothing_to_apply(void *ctx, const sage_log_change *change, sage_error *error) {
    (void)ctx;
    (void)change;
    return sage_fail(error, SAGE_E_FORMAT, "the log of a version that was just written has changes already");
}

/* From the rename on the new version is the state, with or without a log; so an end anywhere loses nothing. */
static sage_status go_on_from(sage_live *live, uint64_t version, uint64_t sum, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX], old[SAGE_PATH_MAX];
    sage_log *log;
    uint64_t cut;
    SAGE_TRY(sage_live_log_path(old, live->parent, live->version, error));
    SAGE_TRY(sage_live_log_path(path, live->parent, version, error));
    SAGE_TRY(sage_fs_unlink(path, error)); /* of a version of that number that was taken back */
    SAGE_TRY(sage_log_open(path, sum, nothing_to_apply, NULL, &log, &cut, error));
    sage_log_close(live->log);
    live->log = log;
    live->version = version;
    SAGE_TRY(sage_fs_unlink(old, error));
out:
    return st;
}

static sage_status compact(sage_live *live, sage_live_finish_fn finish, void *ctx, uint64_t *version,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    char tmp[SAGE_PATH_MAX];
    row *rows = NULL;
    size_t n;
    uint64_t sum = 0;
    SAGE_TRY(sage_log_seal(live->log, error));
    SAGE_TRY(sage_log_write(live->log, error));
    SAGE_TRY(sage_changing_settle(live->changing, error));
    SAGE_TRY(rows_of(live, &rows, &n, error));
    SAGE_TRY(sage_version_begin(live->parent, "live", tmp, error));
    SAGE_TRY(write_all(live, tmp, rows, n, &sum, error));
    if (finish != NULL) SAGE_TRY(finish(ctx, tmp, error));
    st = sage_version_publish(live->parent, tmp, version, error);
    if (st == SAGE_OK) st = go_on_from(live, *version, sum, error);
    const sage_codes *codes = &live->changing->hnsw.codes;
    if (st == SAGE_OK) sage_live_take_length(live, n > 0 ? codes->vectors + rows->slot * codes->dim : NULL);
    if (st != SAGE_OK) sage_log_give_up(live->log);
out:
    sage_free(rows);
    return st;
}

sage_status sage_live_compact(sage_live *live, sage_live_finish_fn finish, void *ctx, uint64_t *version,
                              sage_error *error) {
    if (!sage_live_has_log(live)) return sage_live_no_log(error);
    pthread_mutex_lock(&live->sync_lock);
    pthread_mutex_lock(&live->lock);
    sage_status st = compact(live, finish, ctx, version, error);
    pthread_mutex_unlock(&live->lock);
    pthread_mutex_unlock(&live->sync_lock);
    return st;
}
