/* Query vectors that come in, and one that goes. */
#include <base/alloc.h>
#include <base/buf.h>
#include <base/error.h>
#include <features/given_file.h>
#include <io/npy.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <text/normalise.h>
#include <xxhash.h>

typedef struct entry {
    size_t begin; /* in the input's texts */
    sage_str text;
    size_t row;
} entry;

typedef struct input {
    sage_npy npy;
    sage_map map;
    sage_buf texts; /* keys, one after another */
    entry *entries; /* [n] */
    size_t n;
    float *vector;
    size_t dim;
    const sage_given *from; /* rows are its places; NULL: of the .npy */
    sage_surface surface;
    const char *npy_file, *ids_file;
} input;

static sage_str next_line(const input *in, size_t *at) {
    const char *data = (const char *)in->map.data + *at;
    size_t left = in->map.size - *at;
    const char *end = memchr(data, '\n', left);
    size_t len = end != NULL ? (size_t)(end - data) : left;
    *at += len + (end != NULL);
    if (len > 0 && data[len - 1] == '\r') len--;
    return (sage_str){data, len};
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static sage_str trimmed(sage_str line) {
    while (line.len > 0 && is_blank(line.data[0])) line = (sage_str){line.data + 1, line.len - 1};
    while (line.len > 0 && is_blank(line.data[line.len - 1])) line.len--;
    return line;
}

/* Search texts as searches normalise them, ids and links as imports trim them. */
static sage_status add_key(input *in, sage_str line, sage_error *error) {
    size_t begin = in->texts.len;
    bool text = in->surface == SAGE_ON_SEARCH;
    sage_str id = trimmed(line);
    sage_status st = text                                      ? sage_normalise(line.data, line.len, &in->texts, error)
                     : !sage_utf8_valid(id.data, id.len, NULL) ? SAGE_E_FORMAT
                                                               : sage_buf_add(&in->texts, id.data, id.len, error);
    if (st == SAGE_E_FORMAT)
        return sage_fail_at(error, st, in->ids_file, in->n + 1, 0, "the %s is not UTF-8; give it in UTF-8",
                            text ? "text" : "id");
    if (st != SAGE_OK) return st;
    if (in->texts.len == begin)
        return sage_fail_at(error, SAGE_E_FORMAT, in->ids_file, in->n + 1, 0, "there is no %s; give one a line",
                            text ? "text" : "id");
    in->entries[in->n] = (entry){begin, {NULL, in->texts.len - begin}, in->n};
    in->n++;
    return SAGE_OK;
}

static int by_text(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = sage_given_order(x->text, y->text);
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

/* Ascending, each key once: with its last vector. */
static void sort_keys(input *in) {
    size_t kept = 0;
    for (size_t i = 0; i < in->n; i++) in->entries[i].text.data = in->texts.data + in->entries[i].begin;
    qsort(in->entries, in->n, sizeof *in->entries, by_text);
    for (size_t i = 0; i < in->n; i++)
        if (i + 1 == in->n || sage_given_order(in->entries[i].text, in->entries[i + 1].text) != 0)
            in->entries[kept++] = in->entries[i];
    in->n = kept;
}

static sage_status read_keys(input *in, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t at = 0;
    while (at < in->map.size && in->n < in->npy.rows) SAGE_TRY(add_key(in, next_line(in, &at), error));
    if (in->n < in->npy.rows || at < in->map.size)
        SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, in->ids_file, 0, 0,
                              "it must have as many lines as %s has vectors, %zu", in->npy_file, in->npy.rows));
    sort_keys(in);
out:
    return st;
}

/* Row `row`, of length 1, into in->vector. */
static sage_status read_vector(const input *in, size_t row, sage_error *error) {
    double square = 0;
    if (in->from != NULL) {
        memcpy(in->vector, sage_given_vector(in->from, row), in->dim * sizeof *in->vector);
        return SAGE_OK;
    }
    sage_npy_row(&in->npy, row, in->vector);
    for (size_t i = 0; i < in->dim; i++) square += (double)in->vector[i] * in->vector[i];
    if (!isfinite(square) || square <= 0)
        return sage_fail_at(error, SAGE_E_FORMAT, in->npy_file, 0, 0,
                            "vector %zu is %s; leave it and its line out, or make it anew", row + 1,
                            square <= 0 ? "zero" : "not finite");
    for (size_t i = 0; i < in->dim; i++) in->vector[i] = (float)(in->vector[i] / sqrt(square));
    return SAGE_OK;
}

static sage_status open_input(input *in, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf_init(&in->texts, SIZE_MAX);
    SAGE_TRY(sage_npy_open(in->npy_file, &in->npy, error));
    SAGE_TRY(sage_map_open(in->ids_file, &in->map, error));
    if (in->npy.rows == 0) SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, in->npy_file, 0, 0, "there is no vector in it"));
    in->dim = in->npy.cols;
    in->entries = sage_alloc_zero(in->npy.rows, sizeof *in->entries);
    in->vector = sage_alloc(in->dim * sizeof *in->vector);
    if (in->entries == NULL || in->vector == NULL)
        SAGE_TRY(sage_fail_memory(error, in->npy.rows * sizeof *in->entries));
    SAGE_TRY(read_keys(in, error));
out:
    return st;
}

static void close_input(input *in) {
    sage_free(in->entries);
    sage_free(in->vector);
    sage_buf_free(&in->texts);
    sage_map_close(&in->map);
    sage_npy_close(&in->npy);
}

static sage_status write_sections(sage_packed_writer *w, const void *ctx, sage_error *error) {
    sage_status st = SAGE_OK;
    const input *in = ctx;
    uint64_t end = 0, shape[SAGE_GIVEN_SHAPE] = {in->n, in->dim, 0}, *identity = &shape[2];
    SAGE_TRY(sage_packed_section(w, "text", 1, error));
    for (size_t i = 0; i < in->n; i++) {
        const sage_str *text = &in->entries[i].text;
        SAGE_TRY(sage_packed_add(w, text->data, text->len, error));
        *identity = XXH3_64bits_withSeed(text->data, text->len, *identity);
    }
    SAGE_TRY(sage_packed_section(w, "text_begin", sizeof end, error));
    for (size_t i = 0; i <= in->n; end += i < in->n ? in->entries[i].text.len : 0, i++)
        SAGE_TRY(sage_packed_add(w, &end, sizeof end, error));
    SAGE_TRY(sage_packed_section(w, "vectors", sizeof *in->vector, error));
    for (size_t i = 0; i < in->n; i++) {
        SAGE_TRY(read_vector(in, in->entries[i].row, error));
        SAGE_TRY(sage_packed_add(w, in->vector, in->dim * sizeof *in->vector, error));
        *identity = XXH3_64bits_withSeed(in->vector, in->dim * sizeof *in->vector, *identity);
    }
    if (*identity == 0) *identity = 1;
    SAGE_TRY(sage_packed_section(w, "shape", sizeof *shape, error));
    SAGE_TRY(sage_packed_add(w, shape, sizeof shape, error));
out:
    return st;
}

static sage_status replace(const char *path, const input *in, sage_error *error) {
    return sage_packed_replace(path, SAGE_GIVEN_MAGIC, SAGE_GIVEN_VERSION, SAGE_GIVEN_SECTIONS, write_sections, in,
                               error);
}

sage_status sage_given_write(const char *path, sage_surface surface, const char *npy_file, const char *ids_file,
                             sage_error *error) {
    sage_status st = SAGE_OK;
    input in = {.surface = surface, .npy_file = npy_file, .ids_file = ids_file};
    SAGE_TRY(open_input(&in, error));
    SAGE_TRY(replace(path, &in, error));
out:
    close_input(&in);
    return st;
}

sage_status sage_given_remove(const char *path, sage_str key, bool *found, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_given *given = NULL;
    input in = {.from = NULL};
    *found = false;
    SAGE_TRY(sage_given_open(path, true, &given, error));
    size_t n = sage_given_count(given), gone = sage_given_place(given, key);
    if (gone == SIZE_MAX) goto out;
    *found = true;
    if (n == 1) {
        st = sage_fs_unlink(path, error);
        goto out;
    }
    in.from = given;
    in.dim = sage_given_dim(given);
    in.entries = sage_alloc(n * sizeof *in.entries);
    in.vector = sage_alloc(in.dim * sizeof *in.vector);
    if (in.entries == NULL || in.vector == NULL) SAGE_TRY(sage_fail_memory(error, n * sizeof *in.entries));
    for (size_t i = 0; i < n; i++)
        if (i != gone) in.entries[in.n++] = (entry){0, sage_given_key(given, i), i};
    SAGE_TRY(replace(path, &in, error));
out:
    sage_free(in.entries);
    sage_free(in.vector);
    sage_given_close(given);
    return st;
}
