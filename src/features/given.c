#include <base/alloc.h>
#include <base/buf.h>
#include <base/error.h>
#include <features/given.h>
#include <io/npy.h>
#include <io/packed.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <text/normalise.h>
#include <xxhash.h>

#define MAGIC "SAGEGIVN"
enum { VERSION = 1, SECTIONS = 4, SHAPE = 3 }; /* shape: texts, dim, identity */

sage_status sage_given_path(char out[SAGE_PATH_MAX], const char *shop_dir, sage_error *error) {
    char dir[SAGE_PATH_MAX];
    sage_status st = sage_path_join(dir, shop_dir, "given", error);
    return st == SAGE_OK ? sage_path_join(out, dir, "search.bin", error) : st;
}

/* ---- reading ---- */

struct sage_given {
    sage_packed *packed;
    size_t n, dim;
    uint64_t identity;
    const char *text;
    const uint64_t *begin; /* [n + 1] */
    const float *vectors;  /* [n][dim] */
};

static sage_str text_of(const sage_given *g, size_t i) {
    return (sage_str){g->text + g->begin[i], g->begin[i + 1] - g->begin[i]};
}

static int order_of(sage_str a, sage_str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.data, b.data, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool is_sound(const sage_given *g, size_t text_bytes, size_t n_begins, size_t n_values) {
    if (g->dim == 0 || n_begins != g->n + 1 || n_values % g->dim != 0 || n_values / g->dim != g->n) return false;
    if (g->begin[0] != 0 || g->begin[g->n] != text_bytes) return false;
    for (size_t i = 0; i < g->n; i++)
        if (g->begin[i + 1] < g->begin[i] || g->begin[i + 1] > text_bytes) return false;
    for (size_t i = 1; i < g->n; i++)
        if (order_of(text_of(g, i - 1), text_of(g, i)) >= 0) return false;
    for (size_t i = 0; i < n_values; i++)
        if (!isfinite(g->vectors[i])) return false;
    return true;
}

static sage_status read_sections(sage_given *g, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    const void *shape, *text, *begin, *vectors;
    size_t n_shape, text_bytes, n_begins, n_values;
    SAGE_TRY(sage_packed_get(g->packed, "shape", sizeof(uint64_t), &shape, &n_shape, error));
    SAGE_TRY(sage_packed_get(g->packed, "text", 1, &text, &text_bytes, error));
    SAGE_TRY(sage_packed_get(g->packed, "text_begin", sizeof *g->begin, &begin, &n_begins, error));
    SAGE_TRY(sage_packed_get(g->packed, "vectors", sizeof *g->vectors, &vectors, &n_values, error));
    g->text = text;
    g->begin = begin;
    g->vectors = vectors;
    if (n_shape == SHAPE) {
        g->n = (size_t)((const uint64_t *)shape)[0];
        g->dim = (size_t)((const uint64_t *)shape)[1];
        g->identity = ((const uint64_t *)shape)[2];
    }
    if (!is_sound(g, text_bytes, n_begins, n_values))
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                          "damaged vectors of search texts; run 'itemsage import vectors' again");
out:
    return st;
}

sage_status sage_given_open(const char *path, bool verify, sage_given **given, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_given *g = NULL;
    *given = NULL;
    if (!sage_fs_exists(path)) return SAGE_OK;
    g = sage_alloc_zero(1, sizeof *g);
    if (g == NULL) return sage_fail_memory(error, sizeof *g);
    SAGE_TRY(sage_packed_open(path, MAGIC, VERSION, verify, &g->packed, error));
    SAGE_TRY(read_sections(g, path, error));
    *given = g;
    g = NULL;
out:
    sage_given_close(g);
    return st;
}

void sage_given_close(sage_given *given) {
    if (given == NULL) return;
    sage_packed_close(given->packed);
    sage_free(given);
}

size_t sage_given_count(const sage_given *given) {
    return given != NULL ? given->n : 0;
}

size_t sage_given_dim(const sage_given *given) {
    return given != NULL ? given->dim : 0;
}

uint64_t sage_given_identity(const sage_given *given) {
    return given != NULL ? given->identity : 0;
}

const float *sage_given_find(const sage_given *given, sage_str text) {
    size_t low = 0, high = given != NULL ? given->n : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = order_of(text_of(given, middle), text);
        if (order == 0) return given->vectors + middle * given->dim;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- writing ---- */

typedef struct entry {
    size_t begin; /* in the input's texts */
    sage_str text;
    size_t row;
} entry;

typedef struct input {
    sage_npy npy;
    sage_map map;
    sage_buf texts; /* normalised, one after another */
    entry *entries; /* [n] */
    size_t n;
    float *vector;
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

static sage_status add_text(input *in, sage_str line, sage_error *error) {
    size_t begin = in->texts.len;
    sage_status st = sage_normalise(line.data, line.len, &in->texts, error);
    if (st == SAGE_E_FORMAT)
        return sage_fail_at(error, st, in->ids_file, in->n + 1, 0, "the text is not UTF-8; give it in UTF-8");
    if (st != SAGE_OK) return st;
    if (in->texts.len == begin)
        return sage_fail_at(error, SAGE_E_FORMAT, in->ids_file, in->n + 1, 0, "there is no text; give one a line");
    in->entries[in->n] = (entry){begin, {NULL, in->texts.len - begin}, in->n};
    in->n++;
    return SAGE_OK;
}

static int by_text(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = order_of(x->text, y->text);
    return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

/* Ascending, each text once: with its last vector. */
static void sort_texts(input *in) {
    size_t kept = 0;
    for (size_t i = 0; i < in->n; i++) in->entries[i].text.data = in->texts.data + in->entries[i].begin;
    qsort(in->entries, in->n, sizeof *in->entries, by_text);
    for (size_t i = 0; i < in->n; i++)
        if (i + 1 == in->n || order_of(in->entries[i].text, in->entries[i + 1].text) != 0)
            in->entries[kept++] = in->entries[i];
    in->n = kept;
}

static sage_status read_texts(input *in, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t at = 0;
    while (at < in->map.size && in->n < in->npy.rows) SAGE_TRY(add_text(in, next_line(in, &at), error));
    if (in->n < in->npy.rows || at < in->map.size)
        SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, in->ids_file, 0, 0,
                              "it must have as many lines as %s has vectors, %zu", in->npy_file, in->npy.rows));
    sort_texts(in);
out:
    return st;
}

/* Row `row`, of length 1, into in->vector. */
static sage_status read_vector(const input *in, size_t row, sage_error *error) {
    double square = 0;
    sage_npy_row(&in->npy, row, in->vector);
    for (size_t i = 0; i < in->npy.cols; i++) square += (double)in->vector[i] * in->vector[i];
    if (!isfinite(square) || square <= 0)
        return sage_fail_at(error, SAGE_E_FORMAT, in->npy_file, 0, 0,
                            "vector %zu is %s; leave it and its text out, or make it anew", row + 1,
                            square <= 0 ? "zero" : "not finite");
    for (size_t i = 0; i < in->npy.cols; i++) in->vector[i] = (float)(in->vector[i] / sqrt(square));
    return SAGE_OK;
}

static sage_status open_input(input *in, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf_init(&in->texts, SIZE_MAX);
    SAGE_TRY(sage_npy_open(in->npy_file, &in->npy, error));
    SAGE_TRY(sage_map_open(in->ids_file, &in->map, error));
    if (in->npy.rows == 0) SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, in->npy_file, 0, 0, "there is no vector in it"));
    in->entries = sage_alloc_zero(in->npy.rows, sizeof *in->entries);
    in->vector = sage_alloc(in->npy.cols * sizeof *in->vector);
    if (in->entries == NULL || in->vector == NULL)
        SAGE_TRY(sage_fail_memory(error, in->npy.rows * sizeof *in->entries));
    SAGE_TRY(read_texts(in, error));
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

static sage_status write_sections(sage_packed_writer *w, const input *in, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t end = 0, shape[SHAPE] = {in->n, in->npy.cols, 0}, *identity = &shape[2];
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
        SAGE_TRY(sage_packed_add(w, in->vector, in->npy.cols * sizeof *in->vector, error));
        *identity = XXH3_64bits_withSeed(in->vector, in->npy.cols * sizeof *in->vector, *identity);
    }
    if (*identity == 0) *identity = 1;
    SAGE_TRY(sage_packed_section(w, "shape", sizeof *shape, error));
    SAGE_TRY(sage_packed_add(w, shape, sizeof shape, error));
out:
    return st;
}

sage_status sage_given_write(const char *path, const char *npy_file, const char *ids_file, sage_error *error) {
    sage_status st = SAGE_OK;
    char tmp[SAGE_PATH_MAX] = "";
    sage_packed_writer *w = NULL;
    input in = {.npy_file = npy_file, .ids_file = ids_file};
    SAGE_TRY(open_input(&in, error));
    SAGE_TRY(sage_fs_temporary(tmp, path, error));
    SAGE_TRY(sage_packed_create(tmp, MAGIC, VERSION, SECTIONS, &w, error));
    SAGE_TRY(write_sections(w, &in, error));
    st = sage_packed_finish(w, error);
    w = NULL;
    SAGE_TRY(st);
    SAGE_TRY(sage_fs_commit(tmp, path, error));
out:
    sage_packed_abandon(w);
    if (st != SAGE_OK && tmp[0] != '\0') sage_fs_unlink(tmp, NULL);
    close_input(&in);
    return st;
}
