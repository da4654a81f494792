#include <base/alloc.h>
#include <base/error.h>
#include <features/sentence_file.h>
#include <io/fs.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define MAGIC "SAGESENT"
enum { VERSION = 1, SECTIONS = 4 };

static sage_status path_of(char out[SAGE_PATH_MAX], const char *dir, uint64_t number, sage_error *error) {
    char name[32];
    snprintf(name, sizeof name, "%llu.bin", (unsigned long long)number);
    return sage_path_join(out, dir, name, error);
}

static uint64_t sum_of(const float *vector, size_t dim) {
    return XXH3_64bits(vector, dim * sizeof *vector);
}

/* ---- reading ---- */

static bool ascend(const sage_text_key *texts, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (memcmp(texts[i - 1].bytes, texts[i].bytes, sizeof texts[i].bytes) >= 0) return false;
    return true;
}

static sage_status read_sections(sage_sentence_file *f, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    const void *info, *texts, *sums, *vectors;
    size_t n_info, n_sums, n_values;
    SAGE_TRY(sage_packed_get(f->packed, "dim", sizeof(uint64_t), &info, &n_info, error));
    SAGE_TRY(sage_packed_get(f->packed, "texts", sizeof *f->texts, &texts, &f->rows, error));
    SAGE_TRY(sage_packed_get(f->packed, "sums", sizeof *f->sums, &sums, &n_sums, error));
    SAGE_TRY(sage_packed_get(f->packed, "vectors", sizeof *f->vectors, &vectors, &n_values, error));
    f->texts = texts;
    f->sums = sums;
    f->vectors = vectors;
    bool whole = n_info == 1 && *(const uint64_t *)info == f->dim && n_sums == f->rows &&
                 n_values / f->dim == f->rows && n_values % f->dim == 0 && ascend(f->texts, f->rows);
    if (!whole)
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                          "damaged vectors of texts; remove the file, they are "
                          "computed again");
out:
    return st;
}

sage_status sage_sentence_file_open(const char *dir, uint64_t number, size_t dim, sage_sentence_file **file,
                                    sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_sentence_file *f = sage_alloc_zero(1, sizeof *f);
    *file = NULL;
    if (f == NULL) return sage_fail_memory(error, sizeof *f);
    f->number = number;
    f->dim = dim;
    SAGE_TRY(path_of(path, dir, number, error));
    SAGE_TRY(sage_packed_open(path, MAGIC, VERSION, false, &f->packed, error));
    SAGE_TRY(read_sections(f, path, error));
    *file = f;
    f = NULL;
out:
    sage_sentence_file_close(f);
    return st;
}

void sage_sentence_file_close(sage_sentence_file *file) {
    if (file == NULL) return;
    sage_packed_close(file->packed);
    sage_free(file);
}

static bool find_text(const sage_sentence_file *f, const sage_text_key *text, size_t *found) {
    size_t low = 0, high = f->rows;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(f->texts[middle].bytes, text->bytes, sizeof text->bytes);
        if (order == 0) {
            *found = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool sage_sentence_file_row(const sage_sentence_file *file, size_t index, sage_sentence_row *row) {
    *row = (sage_sentence_row){&file->texts[index], file->vectors + index * file->dim};
    return sum_of(row->vector, file->dim) == file->sums[index];
}

bool sage_sentence_file_find(const sage_sentence_file *file, const sage_text_key *text, float *out) {
    size_t index;
    sage_sentence_row row;
    if (!find_text(file, text, &index) || !sage_sentence_file_row(file, index, &row)) return false;
    memcpy(out, row.vector, file->dim * sizeof *out);
    return true;
}

/* ---- writing ---- */

typedef struct rows_to_write {
    size_t dim, n;
    const sage_sentence_row *rows;
} rows_to_write;

static sage_status write_rows(sage_packed_writer *w, const void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    const rows_to_write *all = ctx;
    const size_t dim = all->dim, n = all->n;
    const sage_sentence_row *rows = all->rows;
    const uint64_t width = dim;
    SAGE_TRY(sage_packed_section(w, "dim", sizeof width, error));
    SAGE_TRY(sage_packed_add(w, &width, sizeof width, error));
    SAGE_TRY(sage_packed_section(w, "texts", sizeof *rows->text, error));
    for (size_t i = 0; i < n; i++) SAGE_TRY(sage_packed_add(w, rows[i].text, sizeof *rows[i].text, error));
    SAGE_TRY(sage_packed_section(w, "sums", sizeof(uint64_t), error));
    for (size_t i = 0; i < n; i++) {
        const uint64_t sum = sum_of(rows[i].vector, dim);
        SAGE_TRY(sage_packed_add(w, &sum, sizeof sum, error));
    }
    SAGE_TRY(sage_packed_section(w, "vectors", sizeof *rows->vector, error));
    for (size_t i = 0; i < n; i++) SAGE_TRY(sage_packed_add(w, rows[i].vector, dim * sizeof *rows[i].vector, error));
out:
    return st;
}

sage_status sage_sentence_file_write(const char *dir, uint64_t number, size_t dim, const sage_sentence_row *rows,
                                     size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    const rows_to_write all = {dim, n, rows};
    char path[SAGE_PATH_MAX];
    SAGE_TRY(path_of(path, dir, number, error));
    SAGE_TRY(sage_packed_replace(path, MAGIC, VERSION, SECTIONS, write_rows, &all, error));
out:
    return st;
}

sage_status sage_sentence_file_remove(const char *dir, uint64_t number, sage_error *error) {
    char path[SAGE_PATH_MAX];
    sage_status st = path_of(path, dir, number, error);
    return st == SAGE_OK ? sage_fs_unlink(path, error) : st;
}
