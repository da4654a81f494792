#include <base/alloc.h>
#include <base/error.h>
#include <index/impl.h>
#include <index/record.h>
#include <inttypes.h>
#include <io/fs.h>
#include <io/packed.h>
#include <kernels/kernels.h>
#include <math.h>
#include <string.h>

enum { FILES = 3, VECTORS = 0, ROWS, TEXT };

struct sage_index_writer {
    char ids_path[SAGE_PATH_MAX];
    sage_packed_writer *files[FILES];
    size_t n_rows, dim, added;
    int64_t last_pid;
    uint64_t text_bytes;
    uint32_t *slots; /* [n_slots] */
    size_t n_slots;
    uint32_t *homes; /* [n_rows]: where each row's id is looked for first */
};

static sage_status open_file(sage_index_writer *w, const char *dir, size_t which, size_t n_sections,
                             sage_error *error) {
    static const char *const names[FILES] = {SAGE_INDEX_VECTORS_FILE, SAGE_INDEX_ROWS_FILE, SAGE_INDEX_TEXT_FILE};
    static const char *const magics[FILES] = {SAGE_INDEX_VECTORS_MAGIC, SAGE_INDEX_ROWS_MAGIC, SAGE_INDEX_TEXT_MAGIC};
    char path[SAGE_PATH_MAX];
    sage_status st = sage_path_join(path, dir, names[which], error);
    if (st != SAGE_OK) return st;
    return sage_packed_create(path, magics[which], SAGE_INDEX_VERSION, n_sections, &w->files[which], error);
}

sage_status sage_index_create(const char *dir, size_t n_rows, size_t dim, sage_index_writer **writer,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    *writer = NULL;
    if (n_rows >= SAGE_NO_ROW / 2)
        return sage_fail(error, SAGE_E_LIMIT, "%zu products; one index holds up to 2 billion", n_rows);
    if (dim == 0) return sage_fail(error, SAGE_E_ARGUMENT, "an index needs vectors of one dimension or more");
    sage_index_writer *w = sage_alloc_zero(1, sizeof *w);
    if (w == NULL) return sage_fail_memory(error, sizeof *w);
    w->n_rows = n_rows;
    w->dim = dim;
    const sage_index_shape shape = {n_rows, dim};
    w->n_slots = sage_index_slots(n_rows);
    w->homes = sage_alloc_zero(n_rows, sizeof *w->homes);
    if (w->homes == NULL) {
        st = sage_fail_memory(error, n_rows * sizeof *w->homes);
        goto out;
    }
    SAGE_TRY(sage_path_join(w->ids_path, dir, SAGE_INDEX_IDS_FILE, error));
    SAGE_TRY(open_file(w, dir, VECTORS, 2, error));
    SAGE_TRY(sage_packed_section(w->files[VECTORS], "shape", sizeof shape, error));
    SAGE_TRY(sage_packed_add(w->files[VECTORS], &shape, sizeof shape, error));
    SAGE_TRY(sage_packed_section(w->files[VECTORS], "vectors", sizeof(float), error));
    SAGE_TRY(open_file(w, dir, ROWS, 1, error));
    SAGE_TRY(sage_packed_section(w->files[ROWS], "rows", sizeof(sage_index_row), error));
    SAGE_TRY(open_file(w, dir, TEXT, 1, error));
    SAGE_TRY(sage_packed_section(w->files[TEXT], "text", 1, error));
    *writer = w;
    w = NULL;
out:
    sage_index_abandon(w);
    return st;
}

/* What their squares' sum tells for nearly all, many numbers at a time; it may be too large where they are not. */
static bool all_finite(const float *vector, size_t n) {
    if (isfinite(sage_ops_best()->dot(n, vector, vector))) return true;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(vector[i])) return false;
    return true;
}

static sage_status check_row(const sage_index_writer *w, int64_t pid, const float *vector, sage_error *error) {
    if (w->added == w->n_rows)
        return sage_fail(error, SAGE_E_ARGUMENT, "more than the announced %zu products came to the index", w->n_rows);
    if (w->added > 0 && pid <= w->last_pid)
        return sage_fail(error, SAGE_E_ARGUMENT, "product %" PRId64 " came to the index after %" PRId64, pid,
                         w->last_pid);
    if (!all_finite(vector, w->dim))
        return sage_fail(error, SAGE_E_ARGUMENT, "the vector of product %" PRId64 " has a member that is no number",
                         pid);
    return SAGE_OK;
}

static sage_status add_text(sage_index_writer *w, const sage_str shown[SAGE_SHOWN], sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t ends[SAGE_SHOWN];
    SAGE_TRY(sage_record_ends(shown, ends, error));
    SAGE_TRY(sage_packed_add(w->files[TEXT], ends, sizeof ends, error));
    for (size_t i = 0; i < SAGE_SHOWN; i++) {
        if (shown[i].len > 0) SAGE_TRY(sage_packed_add(w->files[TEXT], shown[i].data, shown[i].len, error));
        SAGE_TRY(sage_packed_add(w->files[TEXT], "", 1, error));
    }
    w->text_bytes += sizeof ends + ends[SAGE_SHOWN - 1];
out:
    return st;
}

static sage_status add_row(sage_index_writer *w, int64_t pid, const float *vector, sage_str id, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_index_row row = {pid, w->text_bytes};
    SAGE_TRY(check_row(w, pid, vector, error));
    SAGE_TRY(sage_packed_add(w->files[VECTORS], vector, w->dim * sizeof *vector, error));
    SAGE_TRY(sage_packed_add(w->files[ROWS], &row, sizeof row, error));
    w->homes[w->added++] = (uint32_t)sage_index_home(id.len > 0 ? id.data : "", id.len, w->n_slots);
    w->last_pid = pid;
out:
    return st;
}

sage_status sage_index_add(sage_index_writer *writer, int64_t pid, const float *vector,
                           const sage_str shown[SAGE_SHOWN], sage_error *error) {
    sage_status st = add_row(writer, pid, vector, shown[SAGE_SHOW_ID], error);
    return st == SAGE_OK ? add_text(writer, shown, error) : st;
}

sage_status sage_index_carry(sage_index_writer *writer, const sage_index *before, size_t row, const float *vector,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    size_t bytes;
    const char *record = sage_index_record(before, row, &bytes), *id = sage_index_shown(before, row, SAGE_SHOW_ID);
    if (record == NULL) return sage_fail(error, SAGE_E_FORMAT, "row %zu of the index before has no sound text", row);
    SAGE_TRY(add_row(writer, before->rows[row].pid, vector, (sage_str){id, strlen(id)}, error));
    SAGE_TRY(sage_packed_add(writer->files[TEXT], record, bytes, error));
    writer->text_bytes += bytes;
out:
    return st;
}

static sage_status write_ids(sage_index_writer *w, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_writer *file = NULL;
    w->slots = sage_alloc(w->n_slots * sizeof *w->slots);
    if (w->slots == NULL) return sage_fail_memory(error, w->n_slots * sizeof *w->slots);
    memset(w->slots, 0xff, w->n_slots * sizeof *w->slots);
    for (size_t row = 0; row < w->n_rows; row++) {
        size_t slot = w->homes[row];
        while (w->slots[slot] != SAGE_NO_ROW) slot = (slot + 1) & (w->n_slots - 1);
        w->slots[slot] = (uint32_t)row;
    }
    SAGE_TRY(sage_packed_create(w->ids_path, SAGE_INDEX_IDS_MAGIC, SAGE_INDEX_VERSION, 1, &file, error));
    SAGE_TRY(sage_packed_section(file, "slots", sizeof *w->slots, error));
    SAGE_TRY(sage_packed_add(file, w->slots, w->n_slots * sizeof *w->slots, error));
    st = sage_packed_finish(file, error);
    file = NULL;
out:
    sage_packed_abandon(file);
    return st;
}

sage_status sage_index_finish(sage_index_writer *writer, sage_error *error) {
    sage_status st = SAGE_OK;
    if (writer->added != writer->n_rows) {
        st = sage_fail(error, SAGE_E_ARGUMENT, "%zu of the announced %zu products came to the index", writer->added,
                       writer->n_rows);
        goto out;
    }
    for (size_t i = 0; i < FILES; i++) {
        sage_packed_writer *file = writer->files[i];
        writer->files[i] = NULL;
        SAGE_TRY(sage_packed_finish(file, error));
    }
    SAGE_TRY(write_ids(writer, error));
out:
    sage_index_abandon(writer);
    return st;
}

void sage_index_abandon(sage_index_writer *writer) {
    if (writer == NULL) return;
    for (size_t i = 0; i < FILES; i++) sage_packed_abandon(writer->files[i]);
    sage_free(writer->slots);
    sage_free(writer->homes);
    sage_free(writer);
}
