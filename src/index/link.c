/* The graph of a version under construction. */
#include <base/error.h>
#include <index/graph_file.h>
#include <index/impl.h>
#include <io/fs.h>
#include <kernels/kernels.h>
#include <math.h>

/* Inner products order rows by distance where all have one length: to a thousandth is near enough. */
static const double SPREAD_MAX = 1e-3;
enum { SEED = 1 };

sage_status sage_index_check_lengths(const sage_index *index, sage_error *error) {
    const sage_ops *ops = sage_ops_best();
    double least = INFINITY, most = 0;
    for (size_t row = 0; row < index->n; row++) {
        const float *vector = index->vectors + row * index->dim;
        const double length = sqrt((double)ops->dot(index->dim, vector, vector));
        least = fmin(least, length);
        most = fmax(most, length);
    }
    if (isfinite(most) && most > 0 && most - least <= SPREAD_MAX * most) return SAGE_OK;
    return sage_fail(error, SAGE_E_STATE,
                     "the product vectors are %.4g to %.4g long; a graph needs vectors of one length", least, most);
}

static sage_status build(const sage_index *index, sage_pool *pool, const sage_index_links *links,
                         const sage_monitor *monitor, sage_hnsw **hnsw, sage_error *error) {
    const sage_hnsw_options options = {links->m, links->build, SEED, links->bytes, monitor};
    sage_status st = sage_index_check_lengths(index, error);
    *hnsw = NULL;
    return st == SAGE_OK ? sage_hnsw_build(pool, index->vectors, index->n, index->dim, &options, hnsw, error) : st;
}

sage_status sage_index_link(const char *dir, sage_pool *pool, const sage_index_links *links,
                            const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    sage_index *index = NULL;
    sage_hnsw *hnsw = NULL;
    SAGE_TRY(sage_path_join(path, dir, SAGE_INDEX_GRAPH_FILE, error));
    SAGE_TRY(sage_index_open_with(dir, false, false, &index, error));
    SAGE_TRY(build(index, pool, links, monitor, &hnsw, error));
    st = sage_hnsw_write(hnsw, path, sage_packed_sum(index->files[SAGE_INDEX_VECTORS], "vectors"), error);
out:
    sage_hnsw_free(hnsw);
    sage_index_close(index);
    return st;
}

sage_status sage_index_relink(sage_index *index, sage_pool *pool, const sage_index_links *links,
                              const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_hnsw *hnsw = NULL;
    sage_index_idle *idle = NULL;
    SAGE_TRY(build(index, pool, links, monitor, &hnsw, error));
    SAGE_TRY(sage_index_idle_new(&idle, error));
    sage_recall_watch_free(index->watch);
    index->watch = NULL;
    sage_index_idle_free(index->idle);
    sage_hnsw_free(index->hnsw);
    index->idle = idle;
    index->hnsw = hnsw;
    hnsw = NULL;
out:
    sage_hnsw_free(hnsw);
    return st;
}
