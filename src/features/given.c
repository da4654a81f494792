#include <base/alloc.h>
#include <base/error.h>
#include <features/given_file.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

sage_status sage_given_path(char out[SAGE_PATH_MAX], const char *shop_dir, sage_surface surface, sage_error *error) {
    char dir[SAGE_PATH_MAX], name[32];
    sage_status st = sage_path_join(dir, shop_dir, "given", error);
    snprintf(name, sizeof name, "%s.bin", sage_surface_names[surface]);
    return st == SAGE_OK ? sage_path_join(out, dir, name, error) : st;
}

sage_status sage_given_copy_path(char out[SAGE_PATH_MAX], const char *dataset_dir, sage_surface surface,
                                 sage_error *error) {
    char name[32];
    snprintf(name, sizeof name, "%s-vectors.bin", sage_surface_names[surface]);
    return sage_path_join(out, dataset_dir, name, error);
}

/* ---- one file ---- */

void sage_given_member(char name[SAGE_GIVEN_MEMBER], sage_surface surface) {
    snprintf(name, SAGE_GIVEN_MEMBER, "%s_vectors", sage_surface_names[surface]);
}

struct sage_given {
    sage_packed *packed;
    size_t n, dim;
    uint64_t identity;
    const char *text;
    const uint64_t *begin; /* [n + 1] */
    const float *vectors;  /* [n][dim] */
};

sage_str sage_given_key(const sage_given *given, size_t place) {
    const uint64_t *begin = given->begin + place;
    return (sage_str){given->text + begin[0], begin[1] - begin[0]};
}

int sage_given_order(sage_str a, sage_str b) {
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
        if (sage_given_order(sage_given_key(g, i - 1), sage_given_key(g, i)) >= 0) return false;
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
    if (n_shape == SAGE_GIVEN_SHAPE) {
        g->n = (size_t)((const uint64_t *)shape)[0];
        g->dim = (size_t)((const uint64_t *)shape)[1];
        g->identity = ((const uint64_t *)shape)[2];
    }
    if (!is_sound(g, text_bytes, n_begins, n_values))
        st = sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                          "damaged query vectors; run 'itemsage import vectors' again");
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
    SAGE_TRY(sage_packed_open(path, SAGE_GIVEN_MAGIC, SAGE_GIVEN_VERSION, verify, &g->packed, error));
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

const float *sage_given_vector(const sage_given *given, size_t place) {
    return given->vectors + place * given->dim;
}

size_t sage_given_place(const sage_given *given, sage_str key) {
    size_t low = 0, high = given != NULL ? given->n : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = sage_given_order(sage_given_key(given, middle), key);
        if (order == 0) return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

const float *sage_given_find(const sage_given *given, sage_str key) {
    size_t place = sage_given_place(given, key);
    return place != SIZE_MAX ? sage_given_vector(given, place) : NULL;
}

/* ---- those of all surfaces ---- */

typedef sage_status (*path_fn)(char out[SAGE_PATH_MAX], const char *dir, sage_surface surface, sage_error *error);

static sage_status open_set(path_fn path_of, const char *dir, bool verify, sage_given_set *set, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    *set = (sage_given_set){{NULL}};
    for (int s = 0; s < SAGE_SURFACES; s++) {
        SAGE_TRY(path_of(path, dir, (sage_surface)s, error));
        SAGE_TRY(sage_given_open(path, verify, &set->of[s], error));
        if (set->of[s] != NULL && sage_given_dim(set->of[s]) != sage_given_set_dim(set))
            SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0,
                                  "vectors of %zu numbers, those beside it have %zu, and all lie in one space; remove "
                                  "one and run 'itemsage import vectors' again",
                                  sage_given_dim(set->of[s]), sage_given_set_dim(set)));
    }
out:
    if (st != SAGE_OK) sage_given_set_close(set);
    return st;
}

sage_status sage_given_open_shop(const char *shop_dir, bool verify, sage_given_set *set, sage_error *error) {
    return open_set(sage_given_path, shop_dir, verify, set, error);
}

sage_status sage_given_open_copies(const char *dataset_dir, bool verify, sage_given_set *set, sage_error *error) {
    return open_set(sage_given_copy_path, dataset_dir, verify, set, error);
}

void sage_given_set_close(sage_given_set *set) {
    for (int s = 0; s < SAGE_SURFACES; s++) sage_given_close(set->of[s]);
    *set = (sage_given_set){{NULL}};
}

size_t sage_given_set_dim(const sage_given_set *set) {
    for (int s = 0; s < SAGE_SURFACES; s++)
        if (set->of[s] != NULL) return sage_given_dim(set->of[s]);
    return 0;
}
