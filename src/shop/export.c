/* `itemsage export`: the published vectors and ids for other programs; the split is export_split.c's. */
#include <base/error.h>
#include <io/npy.h>
#include <io/safetensors.h>
#include <io/version.h>
#include <itemsage/train.h>
#include <shop/export_split.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLUSH_BYTES = 1 << 20 };

/* Appends what one row of the index is in a file. */
typedef sage_status (*row_fn)(const sage_index *index, size_t row, sage_buf *out, sage_error *error);

static sage_status id_line(const sage_index *index, size_t row, sage_buf *out, sage_error *error) {
    sage_status st = sage_buf_text(out, sage_index_shown(index, row, SAGE_SHOW_ID), error);
    return st == SAGE_OK ? sage_buf_byte(out, '\n', error) : st;
}

/* .fvecs: for each vector its dimension as i32, then the values. */
static sage_status fvecs_row(const sage_index *index, size_t row, sage_buf *out, sage_error *error) {
    size_t dim;
    const float *vectors = sage_index_compared(index, &dim);
    int32_t head = (int32_t)dim;
    sage_status st = sage_buf_add(out, &head, sizeof head, error);
    return st == SAGE_OK ? sage_buf_add(out, vectors + row * dim, dim * sizeof *vectors, error) : st;
}

static sage_status export_rows(const sage_index *index, const char *path, row_fn add, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf rows;
    int fd = -1;
    sage_buf_init(&rows, SIZE_MAX);
    SAGE_TRY(sage_fs_create(path, false, &fd, error));
    for (size_t row = 0; row < sage_index_count(index); row++) {
        SAGE_TRY(add(index, row, &rows, error));
        if (rows.len < FLUSH_BYTES && row + 1 < sage_index_count(index)) continue;
        SAGE_TRY(sage_fs_write(fd, path, rows.data, rows.len, error));
        sage_buf_clear(&rows);
    }
    SAGE_TRY(sage_fs_sync(fd, path, error));
out:
    if (fd >= 0) {
        sage_status closed = sage_fs_close(fd, path, st == SAGE_OK ? error : NULL);
        if (st == SAGE_OK) st = closed;
    }
    sage_buf_free(&rows);
    return st;
}

static sage_status export_npy(const sage_index *index, const char *path, sage_error *error) {
    sage_npy_writer writer;
    size_t dim;
    const float *vectors = sage_index_compared(index, &dim);
    sage_status st = sage_npy_create(path, sage_index_count(index), dim, &writer, error);
    if (st != SAGE_OK) return st;
    st = sage_npy_add(&writer, vectors, sage_index_count(index), error);
    sage_status finished = sage_npy_finish(&writer, st == SAGE_OK ? error : NULL);
    return st == SAGE_OK ? finished : st;
}

/* Vectors that sentences stand beside can be cut within the model's own numbers alone. */
static sage_status cut(const sage_shop *shop, const sage_release *release, size_t dims, sage_index *index,
                       sage_error *error) {
    sage_status st = SAGE_OK;
    sage_safetensors *file = NULL;
    char models[SAGE_PATH_MAX], dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    SAGE_TRY(sage_shop_path(shop, "models", models, error));
    SAGE_TRY(sage_version_path(dir, models, release->product_model, error));
    SAGE_TRY(sage_path_join(path, dir, "model.safetensors", error));
    SAGE_TRY(sage_safetensors_open(path, &file, error));
    const char *text = sage_safetensors_meta(file, "dim_out");
    size_t own = text != NULL ? strtoul(text, NULL, 10) : 0;
    if (dims > own)
        st = sage_fail(error, SAGE_E_ARGUMENT, "the published vectors can be cut to 1 to %zu numbers, not to %zu", own,
                       dims);
    if (st == SAGE_OK) st = sage_index_cut(index, dims, error);
out:
    sage_safetensors_close(file);
    return st;
}

/* Both files are whole before either takes its place: an older export stays where the disk is full. */
static sage_status put(const sage_index *index, bool npy, const char *path, const char *ids, sage_error *error) {
    sage_status st = SAGE_OK;
    char vectors_tmp[SAGE_PATH_MAX], ids_tmp[SAGE_PATH_MAX];
    SAGE_TRY(sage_fs_temporary(vectors_tmp, path, error));
    SAGE_TRY(sage_fs_temporary(ids_tmp, ids, error));
    st = npy ? export_npy(index, vectors_tmp, error) : export_rows(index, vectors_tmp, fvecs_row, error);
    if (st == SAGE_OK) st = export_rows(index, ids_tmp, id_line, error);
    if (st == SAGE_OK) st = sage_fs_commit(vectors_tmp, path, error);
    if (st == SAGE_OK) st = sage_fs_commit(ids_tmp, ids, error);
    if (st == SAGE_OK) goto out;
    sage_fs_unlink(vectors_tmp, NULL);
    sage_fs_unlink(ids_tmp, NULL);
out:
    return st;
}

sage_status sage_export(sage_shop *shop, const char *format, size_t dims, const char *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release release;
    sage_index *index = NULL;
    char indexes[SAGE_PATH_MAX], dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX], ids[SAGE_PATH_MAX];
    bool npy = strcmp(format, "npy") == 0;
    if (strcmp(format, "split") == 0) return sage_export_split(shop, out, error);
    if (!npy && strcmp(format, "fvecs") != 0)
        return sage_fail(error, SAGE_E_ARGUMENT, "unknown export format '%s'; use npy, fvecs or split", format);
    if ((size_t)snprintf(path, sizeof path, "%s.%s", out, format) >= sizeof path ||
        (size_t)snprintf(ids, sizeof ids, "%s.ids", out) >= sizeof ids)
        return sage_fail(error, SAGE_E_LIMIT, "the path %.80s... is too long", out);
    SAGE_TRY(sage_shop_check_output(shop, path, error));
    SAGE_TRY(sage_shop_check_output(shop, ids, error));
    SAGE_TRY(sage_release_read(shop, &release, error));
    SAGE_TRY(sage_shop_path(shop, "index", indexes, error));
    SAGE_TRY(sage_version_path(dir, indexes, release.index, error));
    st = sage_index_open(dir, true, &index, error);
    SAGE_TRY(sage_shop_advise(st, "run 'itemsage index' to publish a release anew", error));
    if (dims > 0) SAGE_TRY(cut(shop, &release, dims, index, error));
    SAGE_TRY(put(index, npy, path, ids, error));
out:
    sage_index_close(index);
    return st;
}
