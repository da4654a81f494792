/* Bringing vectors/<model>/ up to date.
 *
 * A run goes on in segments: vectors of up to SEGMENT_ROWS products are computed, written and synced under a number
 * that the manifest has not given out yet, then named by a new manifest. Whenever the process ends, the manifest names
 * whole segments only, and the next run computes what is still stale. Every segment but the last is a whole number of
 * batches, so a resumed run puts the same products into the same batches. Vectors of products that are gone, and
 * superseded ones, are dropped at the end (tidy.c). */
#include "plan.h"
#include "tidy.h"
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <embed/embed.h>
#include <io/version.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 512, SEGMENT_ROWS = 64 * BATCH, SKIP_MAX = 64 };

typedef struct embed_run {
    sage_catalog *catalog;
    uint64_t model;
    const sage_monitor *monitor;
    char dir[SAGE_PATH_MAX];
    sage_encoder *encoder;
    sage_image_store *images;
    sage_vector_set set;
    sage_embed_plan plan;
    sage_product_cursor *cursor;
    /* the segment in the making */
    float *vectors;
    int64_t *pids;
    sage_fingerprint *fingerprints;
    size_t n, room, dim;
    sage_ticker ticker;
} embed_run;

/* ---- one segment ---- */

/* The product's row, or NULL where it has gone since the plan was made. Neighbours are reached by stepping, others by a
 * new cursor. */
static sage_status seek(embed_run *run, int64_t pid, const sage_product_row **row, sage_error *error) {
    sage_status st = SAGE_OK;
    *row = NULL;
    for (size_t skipped = 0;; skipped++) {
        if (run->cursor == NULL || skipped > SKIP_MAX) {
            sage_product_cursor_close(run->cursor);
            run->cursor = NULL;
            SAGE_TRY(sage_product_cursor_open(run->catalog, pid - 1, 0, &run->cursor, error));
            skipped = 0;
        }
        SAGE_TRY(sage_product_cursor_next(run->cursor, row, error));
        if (*row == NULL || (*row)->pid >= pid) break;
    }
    if (*row == NULL || (*row)->pid > pid) { /* past it: the next one needs a new cursor */
        *row = NULL;
        sage_product_cursor_close(run->cursor);
        run->cursor = NULL;
    }
out:
    return st;
}

static sage_status compute_batch(embed_run *run, const int64_t *pids, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t added = run->n, computed;
    for (size_t i = 0; i < n; i++) {
        const sage_product_row *row;
        SAGE_TRY(seek(run, pids[i], &row, error));
        if (row == NULL) continue;
        SAGE_TRY(sage_encoder_add_product(run->encoder, row, run->images, error));
        run->pids[added] = row->pid;
        run->fingerprints[added++] = row->fingerprint;
    }
    SAGE_TRY(sage_encoder_flush(run->encoder, run->vectors + run->n * run->dim, &computed, error));
    run->n += computed;
out:
    return st;
}

static void row_at(void *ctx, size_t index, sage_vector_row *row) {
    const embed_run *run = ctx;
    *row = (sage_vector_row){run->pids[index], run->fingerprints[index], run->vectors + index * run->dim};
}

static sage_status write_segment(embed_run *run, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_manifest *manifest = &run->set.manifest;
    uint64_t number = manifest->next;
    if (run->n == 0) return SAGE_OK;
    SAGE_TRY(sage_segment_write(run->dir, number, run->n, run->dim, row_at, run, error));
    SAGE_TRY(sage_manifest_add(manifest, number, run->n, error));
    manifest->next = number + 1;
    SAGE_TRY(sage_manifest_write(run->dir, run->model, manifest, error));
    run->n = 0;
out:
    return st;
}

/* ---- all of them ---- */

static sage_status take_memory(embed_run *run, sage_error *error) {
    size_t room = run->plan.n_stale < SEGMENT_ROWS ? run->plan.n_stale : SEGMENT_ROWS;
    run->room = room;
    run->vectors = sage_alloc_aligned(room * run->dim * sizeof *run->vectors);
    run->pids = sage_alloc(room * sizeof *run->pids);
    run->fingerprints = sage_alloc(room * sizeof *run->fingerprints);
    if (run->vectors && run->pids && run->fingerprints) return SAGE_OK;
    return sage_fail_memory(error, room * run->dim * sizeof *run->vectors);
}

static void tick(embed_run *run, size_t done) {
    char detail[64];
    double took_s = sage_now_s() - run->ticker.began_s;
    snprintf(detail, sizeof detail, "%.0f products/s", took_s > 0 ? (double)done / took_s : 0);
    sage_ticker_tick(&run->ticker, done, detail);
}

static sage_status embed_stale(embed_run *run, sage_embed_report *report, sage_error *error) {
    sage_status st = SAGE_OK, cancelled = SAGE_OK;
    const sage_embed_plan *plan = &run->plan;
    SAGE_TRY(take_memory(run, error));
    sage_ticker_begin(&run->ticker, run->monitor, "embed", plan->n_stale);
    for (size_t at = 0; at < plan->n_stale && cancelled == SAGE_OK;) {
        size_t n = plan->n_stale - at < BATCH ? plan->n_stale - at : BATCH;
        size_t before = run->n;
        SAGE_TRY(compute_batch(run, plan->stale + at, n, error));
        at += n;
        report->embedded += run->n - before;
        tick(run, at);
        cancelled = sage_check_cancel(run->monitor, "embed", error);
        if (cancelled != SAGE_OK || at == plan->n_stale || run->n + BATCH > run->room)
            SAGE_TRY(write_segment(run, error));
    }
    sage_ticker_end(&run->ticker, report->embedded);
    if (cancelled != SAGE_OK)
        st = sage_fail(error, cancelled, "embedding stopped on request; 'embed' goes on after %llu products",
                       (unsigned long long)report->embedded);
out:
    return st;
}

/* ---- beginning ---- */

static sage_status make_directory(embed_run *run, const char *shop_dir, sage_error *error) {
    sage_status st = SAGE_OK;
    char parent[SAGE_PATH_MAX];
    SAGE_TRY(sage_path_join(parent, shop_dir, "vectors", error));
    SAGE_TRY(sage_version_path(run->dir, parent, run->model, error));
    SAGE_TRY(sage_fs_mkdir(parent, error));
    SAGE_TRY(sage_fs_sync_dir(shop_dir, error));
    SAGE_TRY(sage_fs_mkdir(run->dir, error));
    SAGE_TRY(sage_fs_sync_dir(parent, error));
out:
    return st;
}

static sage_status open_set(embed_run *run, bool all, sage_error *error) {
    sage_status st = sage_vector_set_open(run->dir, all, &run->set, error); /* finished parts of `all` must be sound */
    if (st == SAGE_OK && run->set.manifest.dim != 0 && run->set.manifest.dim != run->dim)
        st = sage_vectors_damaged(run->dir, "the vectors have another width than their model", error);
    if (st != SAGE_E_FORMAT || !all) return st;
    /* Damaged, and to be computed anew in any case. */
    sage_warn(run->monitor, "%s is damaged; all of it is computed again", run->dir);
    sage_vector_set_close(&run->set);
    if ((st = sage_fs_remove_tree(run->dir, error)) != SAGE_OK) return st;
    if ((st = sage_fs_mkdir(run->dir, error)) != SAGE_OK) return st;
    return sage_vector_set_open(run->dir, false, &run->set, error);
}

/* Writes into the manifest that a run of `all` has begun, or that a stopped one is not to be gone on with. */
static sage_status mark_all(embed_run *run, bool all, sage_error *error) {
    sage_manifest *manifest = &run->set.manifest;
    bool as_it_is = all ? manifest->all_from != 0 : manifest->all_from == 0;
    if (as_it_is && manifest->dim == run->dim) return SAGE_OK;
    manifest->dim = run->dim;
    manifest->all_from = all ? manifest->next : 0;
    return sage_manifest_write(run->dir, run->model, manifest, error);
}

static sage_status begin(embed_run *run, const char *shop_dir, bool all, sage_pool *pool, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX], model_dir[SAGE_PATH_MAX];
    SAGE_TRY(sage_path_join(path, shop_dir, "models", error));
    SAGE_TRY(sage_version_path(model_dir, path, run->model, error));
    SAGE_TRY(sage_encoder_open(model_dir, pool, &run->encoder, error));
    run->dim = sage_encoder_dim(run->encoder);
    SAGE_TRY(sage_path_join(path, shop_dir, "pictures", error));
    SAGE_TRY(sage_image_store_open(path, &run->images, error));
    SAGE_TRY(make_directory(run, shop_dir, error));
    SAGE_TRY(open_set(run, all, error));
    SAGE_TRY(sage_manifest_sweep(run->dir, &run->set.manifest, error));
    SAGE_TRY(mark_all(run, all, error));
    SAGE_TRY(
        sage_embed_plan_make(run->catalog, &run->set, run->set.manifest.all_from, run->monitor, &run->plan, error));
out:
    return st;
}

static void release(embed_run *run) {
    sage_product_cursor_close(run->cursor);
    sage_embed_plan_free(&run->plan);
    sage_vector_set_close(&run->set);
    sage_image_store_close(run->images);
    sage_encoder_close(run->encoder);
    sage_free(run->vectors);
    sage_free(run->pids);
    sage_free(run->fingerprints);
    sage_free(run);
}

sage_status sage_embed_run(sage_catalog *catalog, const char *shop_dir, uint64_t model, bool all, sage_pool *pool,
                           const sage_monitor *monitor, sage_embed_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    double began_s = sage_now_s();
    memset(report, 0, sizeof *report);
    report->model = model;
    embed_run *run = sage_alloc_zero(1, sizeof *run);
    if (run == NULL) return sage_fail_memory(error, sizeof *run);
    run->catalog = catalog;
    run->model = model;
    run->monitor = monitor;
    SAGE_TRY(begin(run, shop_dir, all, pool, error));
    report->products = run->plan.n_products;
    report->reused = run->plan.n_products - run->plan.n_stale;
    report->dropped = run->plan.dropped;
    if (run->plan.n_stale > 0) SAGE_TRY(embed_stale(run, report, error));
    SAGE_TRY(sage_embed_tidy(run->dir, model, &run->plan, &report->compacted, error));
out:
    release(run);
    report->seconds = sage_now_s() - began_s;
    return st;
}
