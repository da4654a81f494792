#include <base/error.h>
#include <inttypes.h>
#include <io/fs.h>
#include <shop/ablate_frame.h>
#include <stdio.h>
#include <string.h>

/* `row` NULL: the catalogue has lost it. */
static sage_status add(sage_index_writer *writer, int64_t pid, const sage_product_row *row, sage_error *error) {
    static const float nothing[1] = {0};
    char number[32];
    sage_str shown[SAGE_SHOWN] = {{"", 0}};
    for (size_t i = 0; i < SAGE_SHOWN; i++) shown[i] = SAGE_STR("");
    snprintf(number, sizeof number, "#%" PRId64, pid);
    shown[SAGE_SHOW_ID] = row != NULL ? row->id : (sage_str){number, strlen(number)};
    if (row != NULL) shown[SAGE_SHOW_GROUP] = row->item_group_id;
    return sage_index_add(writer, pid, nothing, shown, error);
}

/* Products of catalogue and dataset both ascend by pid. */
static sage_status fill(sage_catalog *catalog, const sage_dataset *dataset, sage_index_writer *writer,
                        sage_error *error) {
    sage_status st = SAGE_OK;
    sage_product_cursor *cursor = NULL;
    const sage_product_row *row = NULL;
    const int64_t *pids = sage_dataset_pids(dataset);
    SAGE_TRY(sage_product_cursor_open(catalog, 0, 0, &cursor, error));
    SAGE_TRY(sage_product_cursor_next(cursor, &row, error));
    for (size_t i = 0; i < sage_dataset_products(dataset); i++) {
        while (row != NULL && row->pid < pids[i]) SAGE_TRY(sage_product_cursor_next(cursor, &row, error));
        SAGE_TRY(add(writer, pids[i], row != NULL && row->pid == pids[i] ? row : NULL, error));
    }
out:
    sage_product_cursor_close(cursor);
    return st;
}

static sage_status make(sage_catalog *catalog, const sage_dataset *dataset, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    char tmp[SAGE_PATH_MAX];
    sage_index_writer *writer = NULL;
    SAGE_TRY(sage_fs_temporary(tmp, path, error));
    SAGE_TRY(sage_fs_remove_tree(tmp, error));
    SAGE_TRY(sage_fs_remove_tree(path, error));
    SAGE_TRY(sage_fs_mkdir(tmp, error));
    SAGE_TRY(sage_index_create(tmp, sage_dataset_products(dataset), 1, &writer, error));
    SAGE_TRY(fill(catalog, dataset, writer, error));
    st = sage_index_finish(writer, error);
    writer = NULL;
    SAGE_TRY(st);
    SAGE_TRY(sage_fs_sync_dir(tmp, error));
    SAGE_TRY(sage_fs_commit(tmp, path, error));
out:
    sage_index_abandon(writer);
    return st;
}

sage_status sage_frame_open(sage_catalog *catalog, const sage_dataset *dataset, const char *dataset_dir,
                            sage_index **frame, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    *frame = NULL;
    SAGE_TRY(sage_path_join(path, dataset_dir, SAGE_FRAME_DIR, error));
    if (sage_fs_exists(path) && sage_index_open(path, true, frame, NULL) == SAGE_OK) return SAGE_OK;
    SAGE_TRY(make(catalog, dataset, path, error));
    SAGE_TRY(sage_index_open(path, true, frame, error));
out:
    return st;
}
