#include <base/error.h>
#include <catalog/fingerprint.h>
#include <catalog/import_common.h>
#include <catalog/vector_file.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- what is given ---- */

static size_t count_ids(sage_vector_input *input) {
    sage_str id;
    size_t n = 0;
    while (sage_vector_input_next_id(input, &id)) n++;
    input->at = 0;
    return n;
}

sage_status sage_vector_input_open(sage_vector_input *input, const char *npy_file, const char *ids_file,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    *input = (sage_vector_input){.npy_name = npy_file};
    SAGE_TRY(sage_npy_open(npy_file, &input->npy, error));
    SAGE_TRY(sage_map_open(ids_file, &input->ids, error));
    if (input->npy.rows == 0 || input->npy.cols < 1 || input->npy.cols > SAGE_VECTOR_DIM_MAX) {
        st = sage_fail_at(error, SAGE_E_FORMAT, npy_file, 0, 0,
                          "it holds %zu vectors of width %zu; 1 or more of width 1 to %d are needed", input->npy.rows,
                          input->npy.cols, SAGE_VECTOR_DIM_MAX);
        goto out;
    }
    size_t ids = count_ids(input);
    if (ids != input->npy.rows) {
        st = sage_fail_at(error, SAGE_E_FORMAT, ids_file, 0, 0,
                          "%zu ids for the %zu vectors of %s; there must be one a line for each", ids, input->npy.rows,
                          npy_file);
    }
out:
    return st;
}

void sage_vector_input_close(sage_vector_input *input) {
    sage_npy_close(&input->npy);
    sage_map_close(&input->ids);
    *input = (sage_vector_input){0};
}

bool sage_vector_input_next_id(sage_vector_input *input, sage_str *id) {
    static const char bom[] = "\xEF\xBB\xBF";
    const char *data = (const char *)input->ids.data;
    if (input->at == 0 && input->ids.size >= 3 && memcmp(data, bom, 3) == 0) input->at = 3;
    if (input->at >= input->ids.size) return false;
    const char *begin = data + input->at;
    const char *end = memchr(begin, '\n', input->ids.size - input->at);
    size_t len = end != NULL ? (size_t)(end - begin) : input->ids.size - input->at;
    input->at += len + (end != NULL);
    *id = sage_trim((sage_str){begin, len});
    return true;
}

sage_status sage_vector_input_read(const sage_vector_input *input, size_t row, float *out, bool *zero,
                                   sage_error *error) {
    *zero = true;
    sage_npy_row(&input->npy, row, out);
    for (size_t i = 0; i < input->npy.cols; i++) {
        if (!isfinite(out[i])) {
            return sage_fail_at(error, SAGE_E_FORMAT, input->npy_name, row + 1, i + 1,
                                "the vector in row %zu has a value that is not a finite number", row + 1);
        }
        if (out[i] != 0.0f) *zero = false;
    }
    return SAGE_OK;
}

/* ---- what the shop keeps ---- */

static const char part_name[] = ".tmp-vectors.npy";

static sage_status pictures_dir(char dir[SAGE_PATH_MAX], const char *shop_dir, sage_error *error) {
    return sage_path_join(dir, shop_dir, "pictures", error);
}

sage_status sage_vector_output_open(sage_vector_output *output, const char *shop_dir, size_t rows, size_t cols,
                                    sage_error *error) {
    sage_status st = SAGE_OK;
    *output = (sage_vector_output){.cols = cols};
    SAGE_TRY(pictures_dir(output->dir, shop_dir, error));
    SAGE_TRY(sage_path_join(output->part, output->dir, part_name, error));
    SAGE_TRY(sage_fs_mkdir(output->dir, error));
    SAGE_TRY(sage_fs_sync_dir(shop_dir, error));
    SAGE_TRY(sage_npy_create(output->part, rows, cols, &output->writer, error));
    output->open = true;
    for (size_t i = 0; i < 8; i++) output->chain[i] = (unsigned char)((uint64_t)cols >> (8 * i));
out:
    return st;
}

sage_status sage_vector_output_add(sage_vector_output *output, const float *row, sage_error *error) {
    sage_hash_bytes(row, output->cols * sizeof *row, output->chain + 16);
    sage_hash_bytes(output->chain, sizeof output->chain, output->chain);
    return sage_npy_add(&output->writer, row, 1, error);
}

sage_status sage_vector_output_publish(sage_vector_output *output, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    for (size_t i = 0; i < 16; i++)
        snprintf(output->name + 2 * i, sizeof output->name - 2 * i, "%02x", output->chain[i]);
    strcat(output->name, ".npy");
    SAGE_TRY(sage_path_join(path, output->dir, output->name, error));
    output->open = false;
    SAGE_TRY(sage_npy_finish(&output->writer, error));
    SAGE_TRY(sage_fs_rename(output->part, path, error));
    SAGE_TRY(sage_fs_sync_dir(output->dir, error));
out:
    return st;
}

void sage_vector_output_close(sage_vector_output *output) {
    if (!output->open) return;
    (void)sage_npy_finish(&output->writer, NULL);
    (void)sage_fs_unlink(output->part, NULL);
    output->open = false;
}

typedef struct pruning {
    const char *dir;
    sqlite3_stmt *find;
} pruning;

static sage_status prune_one(void *ctx, const char *name, sage_error *error) {
    const pruning *p = ctx;
    char path[SAGE_PATH_MAX];
    bool known = false;
    size_t len = strlen(name);
    bool ours = strcmp(name, part_name) == 0 ||
                (len == 36 && strspn(name, "0123456789abcdef") == 32 && strcmp(name + 32, ".npy") == 0);
    if (!ours) return SAGE_OK;
    sqlite3_bind_text(p->find, 1, name, -1, SQLITE_STATIC);
    sage_status st = sage_db_step(p->find, &known, error);
    sqlite3_reset(p->find);
    if (st == SAGE_OK && !known) st = sage_path_join(path, p->dir, name, error);
    return st == SAGE_OK && !known ? sage_fs_unlink(path, error) : st;
}

void sage_vector_files_prune(sqlite3 *db, const char *shop_dir) {
    char dir[SAGE_PATH_MAX];
    pruning p = {.dir = dir};
    if (pictures_dir(dir, shop_dir, NULL) != SAGE_OK) return;
    if (sage_db_prepare(db, "SELECT 1 FROM vector_files WHERE name = ?1", &p.find, NULL) == SAGE_OK) {
        (void)sage_fs_list(dir, prune_one, &p, NULL);
    }
    sqlite3_finalize(p.find);
}
