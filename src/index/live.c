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

/* Links of a version that nobody verified are looked at, since changes go by them. A version without a graph gets the
 * least that there can be, to put changes into: its searches compare all rows. */
static sage_status begin_changing(sage_live *live, sage_pool *pool, sage_error *error) {
    static const sage_hnsw_options least = {.m = SAGE_GRAPH_M_MIN, .build = SAGE_GRAPH_M_MIN, .seed = 1, .bytes = true};
    sage_status st = SAGE_OK;
    sage_hnsw *built = NULL;
    const sage_index *base = live->base;
    live->scans = base->hnsw == NULL;
    if (live->scans) {
        SAGE_TRY(sage_index_check_lengths(base, error));
        SAGE_TRY(sage_hnsw_build(pool, base->vectors, base->n, base->dim, &least, &built, error));
    } else {
        SAGE_TRY(sage_graph_verify(&base->hnsw->graph, error));
    }
    SAGE_TRY(sage_changing_new(live->scans ? built : base->hnsw, base->files[SAGE_INDEX_VECTORS], pool, &live->changing,
                               error));
    const size_t slots = live->changing->rooms[SAGE_ROOM_LEVELS].most, pointer = sizeof(sage_live_record *);
    SAGE_TRY(sage_room_new(&live->records, base->n * pointer, slots * pointer, error));
    if (base->columns != NULL) SAGE_TRY(sage_columns_live_new(base->columns, slots, &live->columns, error));
    sage_live_take_length(live, base->n > 0 ? base->vectors : NULL);
out:
    sage_hnsw_free(built);
    return st;
}

void sage_live_take_length(sage_live *live, const float *vector) {
    const float square = vector != NULL ? sage_ops_best()->dot(live->base->dim, vector, vector) : 1;
    live->least = square * (1 - SPREAD);
    live->longest = square * (1 + SPREAD);
}

static sage_status open_version(sage_live *live, sage_error *error) {
    sage_status st = SAGE_OK;
    char dir[SAGE_PATH_MAX];
    SAGE_TRY(sage_version_newest(live->parent, &live->version, error));
    if (live->version == 0)
        return sage_fail(error, SAGE_E_STATE, "there is no index in %s yet; run 'itemsage index'", live->parent);
    SAGE_TRY(sage_version_path(dir, live->parent, live->version, error));
    SAGE_TRY(sage_index_open(dir, false, &live->own_base, error));
    live->base = live->own_base;
    if (live->base->hnsw == NULL)
        return sage_fail(error, SAGE_E_STATE, "the index %s has no graph, by which it could be changed", dir);
out:
    return st;
}

static sage_status open_log(sage_live *live, uint64_t *cut, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    const uint64_t sum = sage_packed_sum(live->base->files[SAGE_INDEX_VECTORS], "vectors");
    SAGE_TRY(sage_live_log_path(path, live->parent, live->version, error));
    SAGE_TRY(sage_log_open(path, sum, sage_live_replay, live, &live->log, cut, error));
out:
    return st;
}

static sage_live *new_live(sage_error *error) {
    sage_live *live = sage_alloc_zero(1, sizeof *live);
    if (live == NULL) {
        sage_fail_memory(error, sizeof *live);
        return NULL;
    }
    pthread_mutex_init(&live->sync_lock, NULL);
    pthread_mutex_init(&live->lock, NULL);
    pthread_mutex_init(&live->map_lock, NULL);
    return live;
}

sage_status sage_live_open(const char *parent, sage_pool *pool, sage_live **live, uint64_t *cut, sage_error *error) {
    sage_status st = SAGE_OK;
    *live = NULL;
    *cut = 0;
    sage_live *opened = new_live(error);
    if (opened == NULL) return SAGE_E_MEMORY;
    if (snprintf(opened->parent, sizeof opened->parent, "%s", parent) >= (int)sizeof opened->parent) {
        st = sage_fail(error, SAGE_E_LIMIT, "the path %s is too long", parent);
        goto out;
    }
    SAGE_TRY(open_version(opened, error));
    SAGE_TRY(begin_changing(opened, pool, error));
    SAGE_TRY(open_log(opened, cut, error));
    *live = opened;
    opened = NULL;
out:
    sage_live_close(opened);
    return st;
}

sage_status sage_live_begin(const sage_index *version, sage_pool *pool, sage_live **live, sage_error *error) {
    *live = NULL;
    sage_live *begun = new_live(error);
    if (begun == NULL) return SAGE_E_MEMORY;
    begun->base = version;
    sage_status st = begin_changing(begun, pool, error);
    if (st == SAGE_OK) *live = begun;
    if (st != SAGE_OK) sage_live_close(begun);
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
    sage_index_close(live->own_base);
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
