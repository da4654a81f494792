/* Bringing vectors/<model>/ up to date.
 *
 * A run goes on in segments: vectors of up to SEGMENT_ROWS products are computed, written and synced under a number
 * that the manifest has not given out yet, then named by a new manifest. Whenever the process ends, the manifest names
 * whole segments only, and the next run computes what is still stale. Segments end where a block of products does, so a
 * resumed run puts the same products into the same blocks. Vectors of products that are gone, and superseded ones, are
 * dropped at the end (tidy.c). */
#include "encoder.h"
#include "output.h"
#include "tidy.h"
#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <base/report.h>
#include <io/version.h>
#include <kernels/peak.h>
#include <stdio.h>
#include <string.h>

enum { SEGMENT_ROWS = 32 << 10, MANY_PRODUCTS = 10000 };

typedef struct embed_run {
    sage_catalog *catalog;
    const char *shop_dir;
    const sage_embed_spec *spec;
    const sage_monitor *monitor;
    sage_pool *pool;
    char dir[SAGE_PATH_MAX];
    sage_encoder *encoder;
    sage_image_store *images;
    sage_dataset *dataset; /* NULL: none that is of use */
    sage_vector_set set;
    sage_embed_plan plan;
    sage_ticker ticker;
} embed_run;

/* ---- computing ---- */

static void tick(embed_run *run, size_t done) {
    char detail[64];
    double took_s = sage_now_s() - run->ticker.began_s;
    snprintf(detail, sizeof detail, "%.0f products/s", took_s > 0 ? (double)done / took_s : 0);
    sage_ticker_tick(&run->ticker, done, detail);
}

static sage_status compute_block(embed_run *run, sage_output *output, const sage_feed_block *block,
                                 sage_embed_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    float *vectors;
    if (block->n == 0) goto out;
    SAGE_TRY(sage_output_place(output, block->n, &vectors, error));
    SAGE_TRY(sage_encoder_products(run->encoder, &block->batch, vectors, error));
    sage_output_add(output, block);
    report->embedded += block->n;
out:
    return st;
}

static sage_status compute_blocks(embed_run *run, sage_block_feed *feed, sage_output *output, sage_embed_report *report,
                                  sage_error *error) {
    sage_status st = SAGE_OK, cancelled = SAGE_OK;
    const sage_feed_block *block;
    sage_ticker_begin(&run->ticker, run->monitor, "embed", run->plan.n_stale);
    while (cancelled == SAGE_OK) {
        SAGE_TRY(sage_block_feed_next(feed, &block, error));
        if (block == NULL) break;
        SAGE_TRY(compute_block(run, output, block, report, error));
        tick(run, block->end);
        cancelled = sage_check_cancel(run->monitor, "embed", error);
    }
    SAGE_TRY(sage_output_finish(output, error));
    sage_ticker_end(&run->ticker, report->embedded);
    if (cancelled != SAGE_OK)
        st = sage_fail(error, cancelled, "embedding stopped on request; 'embed' goes on after %llu products",
                       (unsigned long long)report->embedded);
out:
    return st;
}

static sage_status embed_stale(embed_run *run, sage_embed_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_block_feed *feed = NULL;
    sage_output *output = NULL;
    const char *advice = run->plan.n_stale < MANY_PRODUCTS ? NULL : sage_gemm_advice(); /* which takes a moment */
    size_t room = run->plan.n_stale < SEGMENT_ROWS ? run->plan.n_stale : SEGMENT_ROWS;
    const sage_feed_source source = {.catalog = run->catalog,
                                     .images = run->images,
                                     .dataset = run->dataset,
                                     .vocab = sage_encoder_vocab(run->encoder),
                                     .shape = sage_encoder_shape(run->encoder),
                                     .token_pids = sage_encoder_tokens(run->encoder),
                                     .sentences = run->spec->sentences,
                                     .pool = run->pool,
                                     .stale = run->plan.stale,
                                     .n = run->plan.n_stale};
    if (advice != NULL) sage_warn(run->monitor, "%s", advice);
    SAGE_TRY(
        sage_output_open(run->dir, run->spec->model, &run->set.manifest, run->spec->precision, room, &output, error));
    SAGE_TRY(sage_block_feed_open(&source, &feed, error));
    st = compute_blocks(run, feed, output, report, error);
out:
    sage_block_feed_close(feed);
    sage_output_close(output);
    return st;
}

/* ---- beginning ---- */

static sage_status make_directory(embed_run *run, sage_error *error) {
    sage_status st = SAGE_OK;
    char parent[SAGE_PATH_MAX];
    SAGE_TRY(sage_path_join(parent, run->shop_dir, "vectors", error));
    SAGE_TRY(sage_version_path(run->dir, parent, run->spec->model, error));
    SAGE_TRY(sage_fs_mkdir(parent, error));
    SAGE_TRY(sage_fs_sync_dir(run->shop_dir, error));
    SAGE_TRY(sage_fs_mkdir(run->dir, error));
    SAGE_TRY(sage_fs_sync_dir(parent, error));
out:
    return st;
}

static sage_status open_set(embed_run *run, sage_error *error) {
    static sage_stage opening = SAGE_STAGE("open the vectors there are");
    uint64_t began = sage_stage_begin();
    bool all = run->spec->all;
    size_t dim = sage_encoder_dim(run->encoder);
    sage_status st = sage_vector_set_open(run->dir, all, &run->set, error); /* finished parts of `all` must be sound */
    if (st == SAGE_OK && run->set.manifest.dim != 0 && run->set.manifest.dim != dim)
        st = sage_vectors_damaged(run->dir, "the vectors have another width than their model", error);
    sage_stage_end(&opening, began, 0, 0);
    if (st != SAGE_E_FORMAT || !all) return st;
    /* Damaged, and to be computed anew in any case. */
    sage_warn(run->monitor, "%s is damaged; all of it is computed again", run->dir);
    sage_vector_set_close(&run->set);
    if ((st = sage_fs_remove_tree(run->dir, error)) != SAGE_OK) return st;
    if ((st = sage_fs_mkdir(run->dir, error)) != SAGE_OK) return st;
    return sage_vector_set_open(run->dir, false, &run->set, error);
}

/* Writes into the manifest that a run of `all` has begun, or that a stopped one is not to be gone on with. */
static sage_status mark_all(embed_run *run, sage_error *error) {
    sage_manifest *manifest = &run->set.manifest;
    size_t dim = sage_encoder_dim(run->encoder);
    bool as_it_is = run->spec->all ? manifest->all_from != 0 : manifest->all_from == 0;
    if (as_it_is && manifest->dim == dim) return SAGE_OK;
    manifest->dim = dim;
    manifest->all_from = run->spec->all ? manifest->next : 0;
    return sage_manifest_write(run->dir, run->spec->model, manifest, error);
}

/* The sentences of a dataset are of use where they are the same encoder's. */
static bool same_words(const embed_run *run, const sage_dataset *dataset) {
    sage_dataset_info info;
    size_t takes = sage_shape_dim(sage_encoder_shape(run->encoder), SAGE_GROUP_SENTENCES);
    sage_dataset_describe(dataset, &info);
    return takes == 0 || (sage_dataset_sentence_dim(dataset) == takes && run->spec->sentences != NULL &&
                          strcmp(info.text_encoder, sage_sentences_identity(run->spec->sentences)) == 0);
}

static bool of_use(const embed_run *run, const sage_dataset *dataset) {
    return same_words(run, dataset) && sage_dataset_fingerprints(dataset) != NULL &&
           sage_takes_pictures(sage_encoder_shape(run->encoder), sage_dataset_image_parts(dataset)) &&
           sage_vocab_hash(sage_dataset_vocab(dataset)) == sage_vocab_hash(sage_encoder_vocab(run->encoder));
}

/* Without a dataset embedding is slower, and nothing else. */
static sage_status open_dataset(embed_run *run, sage_error *error) {
    static sage_stage opening = SAGE_STAGE("open the dataset");
    if (run->spec->dataset == 0) return SAGE_OK;
    uint64_t began = sage_stage_begin();
    sage_status st = sage_dataset_open(run->shop_dir, run->spec->dataset, true, &run->dataset, error);
    sage_stage_end(&opening, began, 0, 0);
    if (st == SAGE_E_NOT_FOUND) return SAGE_OK;
    if (st == SAGE_E_FORMAT) {
        sage_warn(run->monitor, "dataset/%llu is damaged; all texts are read from the catalogue",
                  (unsigned long long)run->spec->dataset);
        return SAGE_OK;
    }
    if (st != SAGE_OK || of_use(run, run->dataset)) return st;
    sage_dataset_close(run->dataset);
    run->dataset = NULL;
    return SAGE_OK;
}

/* Opening a dataset reads all of it: that pays where much is to be embedded. */
static sage_status make_plan(embed_run *run, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_embed_wish wish = {.precision = run->spec->precision, .all_from = run->set.manifest.all_from};
    bool nothing_yet = run->spec->all || run->set.n == 0;
    if (!nothing_yet) {
        SAGE_TRY(sage_embed_plan_make(run->catalog, &run->set, &wish, run->monitor, &run->plan, error));
        if (run->plan.n_stale < run->plan.n_products / 4 + 1) goto out;
        sage_embed_plan_free(&run->plan);
    }
    SAGE_TRY(open_dataset(run, error));
    wish.dataset = run->dataset;
    SAGE_TRY(sage_embed_plan_make(run->catalog, &run->set, &wish, run->monitor, &run->plan, error));
out:
    return st;
}

/* Reading a table into memory takes as long as embedding some thousand products. */
static sage_status open_encoder(embed_run *run, const char *model_dir, sage_error *error) {
    const bool few = run->spec->expected > 0 && run->spec->expected < MANY_PRODUCTS;
    if (few && run->spec->precision == SAGE_PRECISION_F32)
        return sage_encoder_open_mapped(model_dir, run->pool, &run->encoder, error);
    return sage_encoder_open_in(model_dir, run->spec->precision, run->pool, &run->encoder, error);
}

static sage_status begin(embed_run *run, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX], model_dir[SAGE_PATH_MAX];
    SAGE_TRY(sage_path_join(path, run->shop_dir, "models", error));
    SAGE_TRY(sage_version_path(model_dir, path, run->spec->model, error));
    SAGE_TRY(open_encoder(run, model_dir, error));
    SAGE_TRY(sage_path_join(path, run->shop_dir, "pictures", error));
    SAGE_TRY(sage_image_store_open(run->catalog, path, &run->images, error));
    if (run->spec->pictures != NULL && sage_encoder_image_dim(run->encoder) > 0)
        SAGE_TRY(sage_image_store_expect(run->images, run->spec->pictures, error));
    SAGE_TRY(make_directory(run, error));
    SAGE_TRY(open_set(run, error));
    SAGE_TRY(sage_manifest_sweep(run->dir, &run->set.manifest, error));
    SAGE_TRY(mark_all(run, error));
    SAGE_TRY(make_plan(run, error));
out:
    return st;
}

static void release(embed_run *run) {
    sage_embed_plan_free(&run->plan);
    sage_dataset_close(run->dataset);
    sage_vector_set_close(&run->set);
    sage_image_store_close(run->images);
    sage_encoder_close(run->encoder);
    sage_free(run);
}

sage_status sage_embed_run(sage_catalog *catalog, const char *shop_dir, const sage_embed_spec *spec, sage_pool *pool,
                           const sage_monitor *monitor, sage_embed_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    double began_s = sage_now_s();
    memset(report, 0, sizeof *report);
    report->model = spec->model;
    embed_run *run = sage_alloc_zero(1, sizeof *run);
    if (run == NULL) return sage_fail_memory(error, sizeof *run);
    run->catalog = catalog;
    run->shop_dir = shop_dir;
    run->spec = spec;
    run->pool = pool;
    run->monitor = monitor;
    SAGE_TRY(begin(run, error));
    report->products = run->plan.n_products;
    report->reused = run->plan.n_products - run->plan.n_stale;
    report->dropped = run->plan.dropped;
    if (run->plan.n_stale > 0) SAGE_TRY(embed_stale(run, report, error));
    sage_vector_set_close(&run->set); /* tidying opens it anew, as it is now */
    if (spec->sentences != NULL) SAGE_TRY(sage_sentences_commit(spec->sentences, error));
    SAGE_TRY(sage_embed_tidy(run->dir, spec->model, &run->plan, &report->compacted, error));
out:
    if (st != SAGE_OK && spec->sentences != NULL)
        (void)sage_sentences_commit(spec->sentences, NULL); /* a stop keeps them */
    release(run);
    report->seconds = sage_now_s() - began_s;
    return st;
}
