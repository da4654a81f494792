#include <base/alloc.h>
#include <base/error.h>
#include <index/live_impl.h>
#include <inttypes.h>
#include <io/version.h>
#include <stdio.h>

static const float SPREAD = 4e-3F; /* of squares of lengths: a thousandth of the length to either side, and rounding */

/* ---- opening ---- */

sage_status sage_live_log_path(char out[SAGE_PATH_MAX], const char *parent, uint64_t version, sage_error *error) {
    char name[48];
    snprintf(name, sizeof name, "live-%" PRIu64 ".log", version);
    return sage_path_join(out, parent, name, error);
}

/* Links of a version that nobody verified are looked at, since changes go by them. */
static sage_status open_base(sage_live *live, sage_error *error) {
    sage_status st = SAGE_OK;
    char dir[SAGE_PATH_MAX];
    SAGE_TRY(sage_version_path(dir, live->parent, live->version, error));
    SAGE_TRY(sage_index_open(dir, false, &live->base, error));
    if (live->base->hnsw == NULL)
        return sage_fail(error, SAGE_E_STATE, "the index %s has no graph, by which it could be changed", dir);
    SAGE_TRY(sage_graph_verify(&live->base->hnsw->graph, error));
out:
    return st;
}

void sage_live_take_length(sage_live *live, const float *vector) {
    const float square = vector != NULL ? sage_ops_best()->dot(live->base->dim, vector, vector) : 1;
    live->least = square * (1 - SPREAD);
    live->longest = square * (1 + SPREAD);
}

static sage_status open_all(sage_live *live, sage_pool *pool, uint64_t *cut, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    SAGE_TRY(open_base(live, error));
    const sage_packed *vectors = live->base->files[SAGE_INDEX_VECTORS];
    SAGE_TRY(sage_changing_new(live->base->hnsw, vectors, pool, &live->changing, error));
    const size_t slots = live->changing->rooms[SAGE_ROOM_LEVELS].most, pointer = sizeof(sage_live_record *);
    SAGE_TRY(sage_room_new(&live->records, live->base->n * pointer, slots * pointer, error));
    if (live->base->columns != NULL) SAGE_TRY(sage_columns_live_new(live->base->columns, slots, &live->columns, error));
    sage_live_take_length(live, live->base->n > 0 ? live->base->vectors : NULL);
    SAGE_TRY(sage_live_log_path(path, live->parent, live->version, error));
    SAGE_TRY(sage_log_open(path, sage_packed_sum(vectors, "vectors"), sage_live_replay, live, &live->log, cut, error));
out:
    return st;
}

sage_status sage_live_open(const char *parent, sage_pool *pool, sage_live **live, uint64_t *cut, sage_error *error) {
    sage_status st = SAGE_OK;
    *live = NULL;
    *cut = 0;
    sage_live *opened = sage_alloc_zero(1, sizeof *opened);
    if (opened == NULL) return sage_fail_memory(error, sizeof *opened);
    pthread_mutex_init(&opened->sync_lock, NULL);
    pthread_mutex_init(&opened->lock, NULL);
    pthread_mutex_init(&opened->map_lock, NULL);
    if (snprintf(opened->parent, sizeof opened->parent, "%s", parent) >= (int)sizeof opened->parent) {
        st = sage_fail(error, SAGE_E_LIMIT, "the path %s is too long", parent);
        goto out;
    }
    SAGE_TRY(sage_version_newest(parent, &opened->version, error));
    if (opened->version == 0) {
        st = sage_fail(error, SAGE_E_STATE, "there is no index in %s yet; run 'itemsage index'", parent);
        goto out;
    }
    SAGE_TRY(open_all(opened, pool, cut, error));
    *live = opened;
    opened = NULL;
out:
    sage_live_close(opened);
    return st;
}

void sage_live_close(sage_live *live) {
    if (live == NULL) return;
    sage_recall_watch_free(live->watch); /* first: its thread reads the rest */
    for (size_t slot = 0; slot < live->records.bytes / sizeof(sage_live_record *); slot++)
        sage_free(*sage_live_record_at(live, (uint32_t)slot));
    sage_log_close(live->log);
    sage_live_map_free(&live->map);
    sage_live_map_free(&live->ids);
    sage_live_retired_free(live);
    sage_room_free(&live->records);
    sage_columns_live_free(live->columns);
    sage_changing_free(live->changing);
    sage_index_close(live->base);
    pthread_mutex_destroy(&live->sync_lock);
    pthread_mutex_destroy(&live->lock);
    pthread_mutex_destroy(&live->map_lock);
    sage_free(live);
}

/* ---- what there is ---- */

size_t sage_live_count(const sage_live *live) {
    const sage_graph *graph = &live->changing->hnsw.graph;
    const size_t n_dead = __atomic_load_n(&graph->n_dead, __ATOMIC_ACQUIRE), n = sage_graph_rows(graph);
    return n > n_dead ? n - n_dead : 0;
}

size_t sage_live_dim(const sage_live *live) {
    return live->base->dim;
}

const char *sage_live_text(const sage_live *live, uint32_t slot, size_t what) {
    const sage_live_record *record = __atomic_load_n(sage_live_record_at(live, slot), __ATOMIC_ACQUIRE);
    if (record == NULL) return sage_index_shown(live->base, slot, what);
    if (what >= SAGE_SHOWN) return "";
    return record->text + (what > 0 ? record->ends[what - 1] : 0);
}

/* ---- readers ---- */

sage_status sage_live_reader_new(sage_live *live, sage_live_reader **reader, sage_error *error) {
    *reader = NULL;
    sage_live_reader *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->live = live;
    sage_status st = sage_changing_reader_new(live->changing, &made->reading, error);
    if (st == SAGE_OK) *reader = made;
    if (st != SAGE_OK) sage_free(made);
    return st;
}

void sage_live_reader_free(sage_live_reader *reader) {
    if (reader == NULL) return;
    sage_changing_reader_free(&reader->reading);
    sage_free(reader->bits);
    sage_free(reader);
}

void sage_live_enter(sage_live_reader *reader) {
    sage_changing_enter(&reader->reading);
}

void sage_live_leave(sage_live_reader *reader) {
    sage_changing_leave(&reader->reading);
}

/* A product that is being replaced is there twice for a moment. Its older slot is dead by the time that it is looked at
 * here, or the search was before the newer one. */
static bool is_there_twice(const sage_live *live, const sage_neighbour *out, size_t found, size_t at) {
    if (sage_graph_gives(&live->changing->hnsw.graph, out[at].row)) return false;
    const int64_t pid = sage_live_pid_of(live, out[at].row);
    for (size_t i = 0; i < found; i++)
        if (i != at && sage_live_pid_of(live, out[i].row) == pid) return true;
    return false;
}

static sage_status search(const sage_live_reader *reader, const float *query, size_t k, size_t width,
                          const sage_filter *filter, sage_neighbour *out, size_t *found, sage_error *error) {
    enum { AGAIN = 4 };
    size_t n = 0;
    for (int i = 0; i < AGAIN; i++) {
        sage_status st = sage_changing_search(&reader->reading, query, k, width, filter, out, found, error);
        if (st != SAGE_OK) return st;
        n = 0;
        for (size_t at = 0; at < *found; at++) n += is_there_twice(reader->live, out, *found, at);
        if (n == 0) return SAGE_OK;
    }
    n = 0;
    for (size_t at = 0; at < *found; at++)
        if (sage_graph_gives(&reader->live->changing->hnsw.graph, out[at].row)) out[n++] = out[at];
    *found = n;
    return SAGE_OK;
}

sage_status sage_live_search(sage_live_reader *reader, const float *query, size_t k, size_t width,
                             const sage_filter *filter, sage_neighbour *out, size_t *found, sage_error *error) {
    sage_status st = search(reader, query, k, width, filter, out, found, error);
    if (st == SAGE_OK && reader->live->watch != NULL)
        sage_recall_watch_offer(reader->live->watch, query, k, filter, out, *found);
    return st;
}

/* ---- recall ---- */

sage_status sage_live_watch(sage_live *live, const sage_recall_watch_options *options, sage_error *error) {
    sage_recall_watch *watch = NULL;
    sage_changing *changing = live->changing;
    sage_status st =
        options != NULL ? sage_recall_watch_new(&changing->hnsw, &changing->epochs, options, &watch, error) : SAGE_OK;
    if (st != SAGE_OK) return st;
    sage_recall_watch_free(live->watch);
    live->watch = watch;
    return SAGE_OK;
}

bool sage_live_watched(const sage_live *live, sage_recall_watched *watched) {
    return sage_recall_watch_tell(live->watch, watched);
}

/* ---- what is found ---- */

bool sage_live_find(const sage_live_reader *reader, int64_t pid, uint32_t *row) {
    return sage_live_slot_of(reader->live, pid, row);
}

int64_t sage_live_pid(const sage_live_reader *reader, uint32_t row) {
    return sage_live_pid_of(reader->live, row);
}

const float *sage_live_vector(const sage_live_reader *reader, uint32_t row) {
    const sage_codes *codes = &reader->live->changing->hnsw.codes;
    return codes->vectors + (size_t)row * codes->dim;
}

const char *sage_live_shown(const sage_live_reader *reader, uint32_t row, size_t what) {
    return sage_live_text(reader->live, row, what);
}
