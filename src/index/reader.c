#include <base/alloc.h>
#include <base/error.h>
#include <errno.h>
#include <index/graph_file.h>
#include <index/impl.h>
#include <index/live_view.h>
#include <index/record.h>
#include <io/fs.h>
#include <string.h>

enum {
    FILES = SAGE_INDEX_FILES,
    VECTORS = SAGE_INDEX_VECTORS,
    ROWS = SAGE_INDEX_ROWS,
    TEXT = SAGE_INDEX_TEXT,
    IDS = SAGE_INDEX_IDS
};

static sage_status open_files(sage_index *index, const char *dir, bool verify, sage_error *error) {
    static const char *const names[FILES] = {SAGE_INDEX_VECTORS_FILE, SAGE_INDEX_ROWS_FILE, SAGE_INDEX_TEXT_FILE,
                                             SAGE_INDEX_IDS_FILE};
    static const char *const magics[FILES] = {SAGE_INDEX_VECTORS_MAGIC, SAGE_INDEX_ROWS_MAGIC, SAGE_INDEX_TEXT_MAGIC,
                                              SAGE_INDEX_IDS_MAGIC};
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    for (size_t i = 0; i < FILES; i++) {
        SAGE_TRY(sage_path_join(path, dir, names[i], error));
        SAGE_TRY(sage_packed_open(path, magics[i], SAGE_INDEX_VERSION, verify, &index->files[i], error));
    }
out:
    return st;
}

static sage_status section(const sage_index *index, size_t file, const char *name, size_t element_bytes,
                           const void **data, size_t *count, sage_error *error) {
    return sage_packed_get(index->files[file], name, element_bytes, data, count, error);
}

static sage_status read_sections(sage_index *index, sage_error *error) {
    sage_status st = SAGE_OK;
    const void *shape, *data;
    size_t n_shapes, n_floats, n_rows;
    SAGE_TRY(section(index, VECTORS, "shape", sizeof(sage_index_shape), &shape, &n_shapes, error));
    SAGE_TRY(section(index, VECTORS, "vectors", sizeof(float), &data, &n_floats, error));
    index->vectors = data;
    SAGE_TRY(section(index, ROWS, "rows", sizeof(sage_index_row), &data, &n_rows, error));
    index->rows = data;
    SAGE_TRY(section(index, TEXT, "text", 1, &data, &index->text_bytes, error));
    index->text = data;
    SAGE_TRY(section(index, IDS, "slots", sizeof(uint32_t), &data, &index->n_slots, error));
    index->slots = data;
    if (n_shapes == 1) {
        index->n = (size_t)((const sage_index_shape *)shape)->rows;
        index->dim = (size_t)((const sage_index_shape *)shape)->dim;
    }
    bool fits = index->dim > 0 && n_floats % index->dim == 0 && n_floats / index->dim == index->n &&
                n_rows == index->n && index->n < SAGE_NO_ROW / 2 && index->n_slots == sage_index_slots(index->n);
    if (!fits) st = sage_fail(error, SAGE_E_FORMAT, "the sizes of its files do not fit each other");
out:
    return st;
}

static bool text_is_sound(const sage_index *index, size_t row) {
    size_t begin = (size_t)index->rows[row].begin;
    uint32_t ends[SAGE_SHOWN];
    if (begin > index->text_bytes || index->text_bytes - begin < SAGE_RECORD_HEAD) return false;
    memcpy(ends, index->text + begin, sizeof ends);
    begin += SAGE_RECORD_HEAD;
    return sage_record_is_sound(ends, index->text + begin, index->text_bytes - begin);
}

static sage_status verify_references(const sage_index *index, sage_error *error) {
    for (size_t row = 0; row < index->n; row++) {
        if (row > 0 && index->rows[row].pid <= index->rows[row - 1].pid)
            return sage_fail(error, SAGE_E_FORMAT, "row %zu is out of order", row);
        if (!text_is_sound(index, row)) return sage_fail(error, SAGE_E_FORMAT, "row %zu has no sound text", row);
    }
    size_t used = 0;
    for (size_t slot = 0; slot < index->n_slots; slot++) {
        if (index->slots[slot] == SAGE_NO_ROW) continue;
        if (index->slots[slot] >= index->n) return sage_fail(error, SAGE_E_FORMAT, "slot %zu names no row", slot);
        used++;
    }
    if (used != index->n) return sage_fail(error, SAGE_E_FORMAT, "%zu of %zu ids are there", used, index->n);
    return SAGE_OK;
}

/* Where there is one. */
static sage_status open_graph(sage_index *index, const char *dir, bool verify, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    SAGE_TRY(sage_path_join(path, dir, SAGE_INDEX_GRAPH_FILE, error));
    if (!sage_fs_exists(path)) return SAGE_OK;
    SAGE_TRY(sage_hnsw_open(path, index->vectors, index->n, index->dim,
                            sage_packed_sum(index->files[VECTORS], "vectors"), verify, &index->hnsw, error));
    SAGE_TRY(sage_index_idle_new(&index->idle, error));
out:
    return st;
}

/* Where there are some. */
static sage_status open_columns(sage_index *index, const char *dir, bool verify, sage_error *error) {
    char path[SAGE_PATH_MAX];
    sage_status st = sage_path_join(path, dir, SAGE_COLUMNS_FILE, error);
    if (st != SAGE_OK || !sage_fs_exists(path)) return st;
    return sage_columns_open(path, index->n, verify, &index->columns, error);
}

sage_status sage_index_open(const char *dir, bool verify, sage_index **index, sage_error *error) {
    return sage_index_open_with(dir, verify, true, index, error);
}

sage_status sage_index_open_with(const char *dir, bool verify, bool graph, sage_index **index, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_error inner = {0};
    *index = NULL;
    sage_index *opened = sage_alloc_zero(1, sizeof *opened);
    if (opened == NULL) return sage_fail_memory(error, sizeof *opened);
    SAGE_TRY(open_files(opened, dir, verify, error));
    st = read_sections(opened, &inner);
    if (st == SAGE_OK && verify) st = verify_references(opened, &inner);
    if (st == SAGE_OK && graph) st = open_graph(opened, dir, verify, &inner);
    if (st == SAGE_E_FORMAT)
        sage_fail(error, st, "the index %s is damaged: %s; run 'itemsage index' to build it again", dir, inner.text);
    else if (st != SAGE_OK && error != NULL)
        *error = inner; /* a file that cannot be read may be whole */
    SAGE_TRY(st);
    SAGE_TRY(open_columns(opened, dir, verify, error));
    *index = opened;
    opened = NULL;
out:
    sage_index_close(opened);
    return st;
}

sage_status sage_index_expect(const sage_index *index, const char *dir, bool graph, bool columns, sage_error *error) {
    const char *gone = graph && index->hnsw == NULL        ? SAGE_INDEX_GRAPH_FILE
                       : columns && index->columns == NULL ? SAGE_COLUMNS_FILE
                                                           : NULL;
    char path[SAGE_PATH_MAX];
    if (gone == NULL) return SAGE_OK;
    sage_status st = sage_path_join(path, dir, gone, error);
    if (st != SAGE_OK) return st;
    errno = ENOENT;
    return sage_fail_errno(error, "open", path);
}

sage_status sage_index_verify(const sage_index *index, const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < FILES; i++) SAGE_TRY(sage_packed_verify(index->files[i], monitor, error));
    SAGE_TRY(verify_references(index, error));
    if (index->hnsw != NULL && index->hnsw->file != NULL) {
        SAGE_TRY(sage_packed_verify(index->hnsw->file, monitor, error));
        SAGE_TRY(sage_graph_verify(&index->hnsw->graph, error));
    }
    if (index->columns != NULL) SAGE_TRY(sage_columns_verify(index->columns, monitor, error));
out:
    return st;
}

void sage_index_close(sage_index *index) {
    if (index == NULL) return;
    sage_recall_watch_free(index->watch); /* first: its thread reads the rest */
    for (size_t i = 0; i < FILES; i++) sage_packed_close(index->files[i]);
    sage_columns_close(index->columns);
    sage_index_idle_free(index->idle);
    sage_hnsw_free(index->hnsw);
    sage_free(index->cut);
    sage_free(index);
}

size_t sage_index_count(const sage_index *index) {
    return index->live != NULL ? sage_view_count(index) : index->n;
}

size_t sage_index_dim(const sage_index *index) {
    return index->dim;
}

int64_t sage_index_pid(const sage_index *index, size_t row) {
    return index->live != NULL ? sage_view_pid(index, row) : index->rows[row].pid;
}

const sage_columns *sage_index_columns(const sage_index *index) {
    return index->live != NULL ? sage_view_columns(index) : index->columns;
}

const float *sage_index_vectors(const sage_index *index) {
    return index->vectors;
}

bool sage_index_find(const sage_index *index, int64_t pid, size_t *row) {
    if (index->live != NULL) return sage_view_find(index, pid, row);
    /* Pids ascend by one or more: from either end a product is as many rows away as there are numbers between, at the
     * most. Of a catalogue from which few went that leaves few rows. */
    const size_t last = index->n - 1;
    if (index->n == 0 || pid < index->rows[0].pid || pid > index->rows[last].pid) return false;
    const uint64_t behind = (uint64_t)pid - (uint64_t)index->rows[0].pid,
                   before = (uint64_t)index->rows[last].pid - (uint64_t)pid;
    size_t low = before < last ? last - (size_t)before : 0, high = behind < last ? (size_t)behind : last;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->rows[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    if (index->rows[low].pid != pid) return false;
    *row = low;
    return true;
}

bool sage_index_find_id(const sage_index *index, const char *id, size_t *row) {
    if (index->live != NULL) return sage_view_find_id(index, id, row);
    size_t slot = sage_index_home(id, strlen(id), index->n_slots);
    /* At most n steps: a damaged table that nobody verified may have no free slot. */
    for (size_t steps = 0; steps <= index->n && index->slots[slot] < index->n; steps++) {
        if (strcmp(sage_index_shown(index, index->slots[slot], SAGE_SHOW_ID), id) == 0) {
            *row = index->slots[slot];
            return true;
        }
        slot = (slot + 1) & (index->n_slots - 1);
    }
    return false;
}

const char *sage_index_record(const sage_index *index, size_t row, size_t *bytes) {
    uint32_t ends[SAGE_SHOWN];
    if (row >= index->n || !text_is_sound(index, row)) return NULL;
    const char *record = index->text + index->rows[row].begin;
    memcpy(ends, record, sizeof ends);
    *bytes = SAGE_RECORD_HEAD + ends[SAGE_SHOWN - 1];
    return record;
}

const char *sage_index_shown(const sage_index *index, size_t row, size_t what) {
    if (index->live != NULL) return sage_view_shown(index, row, what);
    if (row >= index->n || what >= SAGE_SHOWN || !text_is_sound(index, row)) return "";
    const char *text = index->text + index->rows[row].begin;
    uint32_t begin = 0;
    if (what > 0) memcpy(&begin, text + (what - 1) * sizeof begin, sizeof begin);
    return text + SAGE_RECORD_HEAD + begin;
}
