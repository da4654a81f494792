#include <base/alloc.h>
#include <base/error.h>
#include <eval/item_knn.h>
#include <eval/together.h>
#include <eval/trial.h>
#include <io/fs.h>
#include <io/packed.h>
#include <search/together.h>

enum { BLOCK = 1 << 16 }; /* products whose lists are in memory at once */

typedef struct job {
    sage_touched touched;
    sage_packed_writer *file;
    uint64_t *begin; /* [n_products + 1] */
    bool *asked;     /* [n_products] */
} job;

/* Their lists go to the file as they are made. */
static sage_status write_block(job *j, size_t first, size_t end, sage_pool *pool, sage_error *error) {
    static const sage_item_knn_options rules = {.shrink = SAGE_ITEM_KNN_SHRINK};
    sage_status st = SAGE_OK;
    sage_item_knn *knn = NULL;
    for (size_t p = first; p < end; p++) j->asked[p] = sage_touched_users_of(&j->touched, p) > 0;
    SAGE_TRY(sage_item_knn_new(&j->touched, j->asked, &rules, pool, &knn, error));
    for (size_t p = first; p < end; p++) {
        size_t n;
        const sage_neighbour *near = sage_item_knn_of(knn, p, &n);
        j->begin[p + 1] = j->begin[p] + n;
        if (n > 0) SAGE_TRY(sage_packed_add(j->file, near, n * sizeof *near, error));
        j->asked[p] = false;
    }
out:
    sage_item_knn_free(knn);
    return st;
}

static sage_status write_lists(job *j, const char *dir, sage_pool *pool, const sage_monitor *monitor,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    size_t n = j->touched.n_products;
    j->begin = sage_alloc_zero(n + 1, sizeof *j->begin);
    j->asked = sage_alloc_zero(n + 1, sizeof *j->asked);
    if (j->begin == NULL || j->asked == NULL) return sage_fail_memory(error, n * sizeof *j->begin);
    SAGE_TRY(sage_path_join(path, dir, SAGE_TOGETHER_FILE, error));
    SAGE_TRY(sage_packed_create(path, SAGE_TOGETHER_MAGIC, SAGE_TOGETHER_VERSION, 2, &j->file, error));
    SAGE_TRY(sage_packed_section(j->file, "near", sizeof(sage_neighbour), error));
    for (size_t first = 0; first < n; first += BLOCK) {
        SAGE_TRY(write_block(j, first, n - first < BLOCK ? n : first + BLOCK, pool, error));
        SAGE_TRY(sage_check_cancel(monitor, "index", error));
    }
    SAGE_TRY(sage_packed_section(j->file, "begin", sizeof *j->begin, error));
    SAGE_TRY(sage_packed_add(j->file, j->begin, (n + 1) * sizeof *j->begin, error));
    st = sage_packed_finish(j->file, error);
    j->file = NULL;
out:
    return st;
}

sage_status sage_together_build(const char *dir, const sage_dataset *dataset, sage_pool *pool,
                                const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_index *index = NULL;
    job j = {.file = NULL};
    if (sage_dataset_trained_events(dataset) == 0) return SAGE_OK;
    SAGE_TRY(sage_index_open(dir, false, &index, error));
    SAGE_TRY(sage_touched_in(&j.touched, dataset, index, error));
    if (j.touched.n_pairs > 0) SAGE_TRY(write_lists(&j, dir, pool, monitor, error));
out:
    sage_packed_abandon(j.file);
    sage_touched_free(&j.touched);
    sage_index_close(index);
    sage_free(j.begin);
    sage_free(j.asked);
    return st;
}
