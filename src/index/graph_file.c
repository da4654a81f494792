#include <base/alloc.h>
#include <base/error.h>
#include <index/files.h>
#include <index/graph_file.h>
#include <io/packed.h>
#include <math.h>

enum { VERSION = 1, SECTIONS = 9 };

typedef struct shape {
    uint64_t rows, dim, m, build, seed, entry, vectors_sum;
    float scale, head_scale, slack; /* of the bytes, of the heads; 0 where there are none */
    uint32_t coded;                 /* bytes of a row; 0: vectors are compared as they are */
} shape;

/* ---- writing ---- */

static sage_status put(sage_packed_writer *file, const char *name, const void *data, size_t element_bytes, size_t n,
                       sage_error *error) {
    sage_status st = sage_packed_section(file, name, element_bytes, error);
    return st == SAGE_OK && n > 0 ? sage_packed_add(file, data, n * element_bytes, error) : st;
}

static shape shape_of(const sage_hnsw *hnsw, uint64_t vectors_sum) {
    const sage_codes *codes = &hnsw->codes;
    const bool bytes = codes->bytes != NULL, heads = codes->heads.bytes != NULL;
    return (shape){.rows = hnsw->graph.n,
                   .dim = codes->dim,
                   .m = hnsw->graph.m,
                   .build = hnsw->build,
                   .seed = hnsw->seed,
                   .entry = hnsw->graph.entry,
                   .vectors_sum = vectors_sum,
                   .scale = bytes ? codes->scale : 0,
                   .head_scale = heads ? codes->heads.scale : 0,
                   .slack = heads ? codes->heads.slack : 0,
                   .coded = bytes ? (uint32_t)codes->ld : 0};
}

sage_status sage_hnsw_write(const sage_hnsw *hnsw, const char *path, uint64_t vectors_sum, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_packed_writer *file = NULL;
    const sage_graph *graph = &hnsw->graph;
    const sage_codes *codes = &hnsw->codes;
    const shape s = shape_of(hnsw, vectors_sum);
    const size_t n = graph->n, headed = codes->heads.bytes != NULL ? n : 0;
    SAGE_TRY(sage_packed_create(path, SAGE_INDEX_GRAPH_MAGIC, VERSION, SECTIONS, &file, error));
    SAGE_TRY(put(file, "shape", &s, sizeof s, 1, error));
    SAGE_TRY(put(file, "levels", graph->levels, 1, n, error));
    SAGE_TRY(put(file, "above", graph->above, sizeof *graph->above, n, error));
    SAGE_TRY(put(file, "copies", graph->copies, sizeof *graph->copies, n, error));
    SAGE_TRY(put(file, "ground", graph->ground, sizeof *graph->ground, n * 2 * graph->m, error));
    SAGE_TRY(put(file, "upper", graph->upper, sizeof *graph->upper, graph->n_upper * graph->m, error));
    SAGE_TRY(put(file, "bytes", codes->bytes, 1, n * s.coded, error));
    SAGE_TRY(put(file, "heads", codes->heads.bytes, 1, headed * SAGE_HEAD, error));
    SAGE_TRY(put(file, "basis", codes->heads.basis, sizeof(float), headed > 0 ? SAGE_HEAD * codes->dim : 0, error));
    st = sage_packed_finish(file, error);
    file = NULL;
out:
    sage_packed_abandon(file);
    return st;
}

/* ---- reading ---- */

static sage_status misfit(sage_error *error) {
    return sage_fail(error, SAGE_E_FORMAT, "the sizes of its graph do not fit each other");
}

/* Nobody writes through it: the map is read-only, and so is what a search does to the graph. */
static void *in_map(const void *data) {
    return (void *)(uintptr_t)data;
}

static sage_status get(const sage_hnsw *hnsw, const char *name, size_t element_bytes, void *array, size_t wanted,
                       sage_error *error) {
    const void *data;
    size_t n;
    sage_status st = sage_packed_get(hnsw->file, name, element_bytes, &data, &n, error);
    if (st != SAGE_OK) return st;
    if (n != wanted) return misfit(error);
    void *at = wanted > 0 ? in_map(data) : NULL;
    memcpy(array, &at, sizeof at);
    return SAGE_OK;
}

static bool is_scale(float number) {
    return isfinite(number) && number >= 0;
}

static bool shape_is_sound(const shape *s, size_t n, size_t dim) {
    const size_t ld = sage_codes_ld(dim);
    return s->rows == n && s->dim == dim && n < SAGE_NO_ROW / 2 && s->m >= SAGE_GRAPH_M_MIN &&
           s->m <= SAGE_GRAPH_M_MAX && s->build >= s->m && s->build <= SAGE_GRAPH_BUILD_MAX &&
           (n > 0 ? s->entry < n : s->entry == SAGE_NO_ROW) && (s->coded == 0 || s->coded == ld) &&
           is_scale(s->scale) && is_scale(s->head_scale) && is_scale(s->slack);
}

static sage_status take_codes(sage_hnsw *hnsw, const shape *s, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_codes *codes = &hnsw->codes;
    const bool heads = s->head_scale > 0;
    if (heads && s->coded == 0) return misfit(error);
    codes->scale = s->scale;
    SAGE_TRY(get(hnsw, "bytes", 1, &codes->bytes, codes->n * s->coded, error));
    SAGE_TRY(get(hnsw, "heads", 1, &codes->heads.bytes, heads ? codes->n * SAGE_HEAD : 0, error));
    SAGE_TRY(get(hnsw, "basis", sizeof(float), &codes->heads.basis, heads ? SAGE_HEAD * codes->dim : 0, error));
    codes->heads.dim = codes->dim;
    codes->heads.scale = s->head_scale;
    codes->heads.slack = s->slack;
    for (size_t i = 0; heads && i < SAGE_HEAD * codes->dim; i++)
        if (!isfinite(codes->heads.basis[i])) return misfit(error);
out:
    return st;
}

/* Every block of upper links that a row may have lies within them. */
static bool levels_are_sound(const sage_graph *graph) {
    for (size_t row = 0; row < graph->n; row++) {
        const size_t level = graph->levels[row];
        if (level > SAGE_GRAPH_LEVELS || (level > 0 && graph->above[row] + level > graph->n_upper)) return false;
    }
    return true;
}

static sage_status take_graph(sage_hnsw *hnsw, const shape *s, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_graph *graph = &hnsw->graph;
    const void *upper;
    size_t n_links;
    *graph = (sage_graph){.n = (size_t)s->rows, .m = (size_t)s->m, .entry = (uint32_t)s->entry};
    SAGE_TRY(sage_packed_get(hnsw->file, "upper", sizeof *graph->upper, &upper, &n_links, error));
    graph->n_upper = n_links / graph->m;
    SAGE_TRY(get(hnsw, "levels", 1, &graph->levels, graph->n, error));
    SAGE_TRY(get(hnsw, "above", sizeof *graph->above, &graph->above, graph->n, error));
    SAGE_TRY(get(hnsw, "copies", sizeof *graph->copies, &graph->copies, graph->n, error));
    SAGE_TRY(get(hnsw, "ground", sizeof *graph->ground, &graph->ground, graph->n * 2 * graph->m, error));
    SAGE_TRY(get(hnsw, "upper", sizeof *graph->upper, &graph->upper, graph->n_upper * graph->m, error));
    if (!levels_are_sound(graph)) return misfit(error);
    SAGE_TRY(sage_graph_note_copies(graph, error));
out:
    return st;
}

static sage_status read_all(sage_hnsw *hnsw, uint64_t vectors_sum, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_codes *codes = &hnsw->codes;
    const void *data;
    size_t n_shapes;
    shape s;
    SAGE_TRY(sage_packed_get(hnsw->file, "shape", sizeof s, &data, &n_shapes, error));
    if (n_shapes != 1) return misfit(error);
    memcpy(&s, data, sizeof s);
    if (!shape_is_sound(&s, codes->n, codes->dim)) return misfit(error);
    if (s.vectors_sum != vectors_sum)
        return sage_fail(error, SAGE_E_FORMAT, "its graph was built over other vectors than it holds");
    hnsw->build = (size_t)s.build;
    hnsw->seed = s.seed;
    SAGE_TRY(take_codes(hnsw, &s, error));
    SAGE_TRY(take_graph(hnsw, &s, error));
out:
    return st;
}

sage_status sage_hnsw_open(const char *path, const float *vectors, size_t n, size_t dim, uint64_t vectors_sum,
                           bool verify, sage_hnsw **hnsw, sage_error *error) {
    sage_status st = SAGE_OK;
    *hnsw = NULL;
    sage_hnsw *opened = sage_alloc_zero(1, sizeof *opened);
    if (opened == NULL) return sage_fail_memory(error, sizeof *opened);
    sage_codes_begin(&opened->codes, vectors, n, dim);
    SAGE_TRY(sage_packed_open(path, SAGE_INDEX_GRAPH_MAGIC, VERSION, verify, &opened->file, error));
    SAGE_TRY(read_all(opened, vectors_sum, error));
    if (verify) SAGE_TRY(sage_graph_verify(&opened->graph, error));
    *hnsw = opened;
    opened = NULL;
out:
    sage_hnsw_free(opened);
    return st;
}
