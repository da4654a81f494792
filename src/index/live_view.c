/* A live index as its readers' code knows an index: the questions of index.h, answered by a reader. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/live_impl.h>
#include <index/live_view.h>

sage_status sage_live_view(sage_live_reader *reader, sage_index **view, sage_error *error) {
    const sage_live *live = reader->live;
    *view = sage_alloc_zero(1, sizeof **view);
    if (*view == NULL) return sage_fail_memory(error, sizeof **view);
    (*view)->live = reader;
    (*view)->dim = sage_live_dim(live);
    (*view)->vectors = live->changing->hnsw.codes.vectors;
    return SAGE_OK;
}

void sage_live_view_free(sage_index *view) {
    sage_free(view);
}

size_t sage_view_count(const sage_index *view) {
    return sage_graph_rows(&view->live->live->changing->hnsw.graph);
}

int64_t sage_view_pid(const sage_index *view, size_t row) {
    return sage_live_pid(view->live, (uint32_t)row);
}

bool sage_view_find(const sage_index *view, int64_t pid, size_t *row) {
    uint32_t slot;
    const bool found = sage_live_find(view->live, pid, &slot);
    if (found) *row = slot;
    return found;
}

bool sage_view_find_id(const sage_index *view, const char *id, size_t *row) {
    uint32_t slot;
    const bool found = sage_live_find_id(view->live, id, &slot);
    if (found) *row = slot;
    return found;
}

const char *sage_view_shown(const sage_index *view, size_t row, size_t what) {
    return row < sage_view_count(view) ? sage_live_shown(view->live, (uint32_t)row, what) : "";
}

const sage_columns *sage_view_columns(const sage_index *view) {
    return sage_live_columns(view->live->live);
}

sage_status sage_view_near(const sage_index *view, const float *queries, size_t n_queries, size_t k,
                           const sage_way *way, sage_neighbour *out, size_t *found, sage_error *error) {
    return sage_live_near(view->live, queries, n_queries, k, way, out, found, error);
}

bool sage_index_of_version(const sage_index *index, size_t of, size_t *row) {
    if (index->live == NULL) {
        *row = of;
        return true;
    }
    return sage_view_find(index, index->live->live->base->rows[of].pid, row);
}

bool sage_index_in_version(const sage_index *index, size_t row, size_t *in) {
    if (index->live == NULL) {
        *in = row;
        return true;
    }
    return sage_index_find(index->live->live->base, sage_view_pid(index, row), in);
}

uint64_t sage_index_changes(const sage_index *index) {
    return index->live != NULL ? sage_live_changes(index->live->live) : 0;
}

uint64_t sage_index_replaced(const sage_index *index) {
    return index->live != NULL ? __atomic_load_n(&index->live->live->replaced, __ATOMIC_SEQ_CST) : 0;
}

size_t sage_index_bits(const sage_index *index, const sage_where *where, uint64_t *bits, size_t rows) {
    return index->live != NULL ? sage_live_bits(index->live, where, bits, rows) : sage_where_bits(where, bits);
}
