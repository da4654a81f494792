#include "feed.h"
#include <base/alloc.h>
#include <base/error.h>
#include <base/profile.h>
#include <parallel/task.h>

enum { NEAR = 16 }; /* stepping over so many products costs what looking for one does */

typedef struct half {
    sage_product_block *products;
    int64_t *pids;
    sage_fingerprint *fingerprints;
    size_t pids_capacity, fingerprints_capacity;
    sage_feed_block out;
    sage_status st;
    sage_error error;
} half;

struct sage_block_feed {
    sage_feed_source source;
    sage_product_cursor *cursor, *one; /* over all products from one on; of one alone */
    int64_t last;                      /* product that was looked for; 0: none yet */
    sage_task *task;
    half halves[2], *making; /* the other is the caller's */
    size_t at;               /* in the list: where the half in the making began, then where it ended */
};

/* ---- reading, in the background ---- */

/* Neighbours are reached by stepping. */
static sage_status step_to(sage_block_feed *feed, int64_t pid, const sage_product_row **row, sage_error *error) {
    sage_status st = SAGE_OK;
    if (feed->cursor == NULL)
        SAGE_TRY(sage_product_cursor_open(feed->source.catalog, pid - 1, 0, &feed->cursor, error));
    do SAGE_TRY(sage_product_cursor_next(feed->cursor, row, error));
    while (*row != NULL && (*row)->pid < pid);
    if (*row == NULL || (*row)->pid > pid) { /* past it: the next one needs a new cursor */
        *row = NULL;
        sage_product_cursor_close(feed->cursor);
        feed->cursor = NULL;
    }
out:
    return st;
}

/* The product's row, or NULL where it has gone since the plan was made. */
static sage_status seek(sage_block_feed *feed, int64_t pid, const sage_product_row **row, sage_error *error) {
    sage_status st = SAGE_OK;
    const bool near = feed->last > 0 && pid - feed->last <= NEAR;
    feed->last = pid;
    *row = NULL;
    if (near) return step_to(feed, pid, row, error);
    sage_product_cursor_close(feed->cursor);
    feed->cursor = NULL;
    if (feed->one == NULL) SAGE_TRY(sage_product_cursor_open_one(feed->source.catalog, &feed->one, error));
    SAGE_TRY(sage_product_cursor_seek(feed->one, pid, row, error));
out:
    return st;
}

/* Notes whose vector the next one is. */
static sage_status note(half *h, int64_t pid, const sage_fingerprint *fingerprint, sage_error *error) {
    if (sage_grow((void **)&h->pids, &h->pids_capacity, h->out.n + 1, sizeof *h->pids) != 0 ||
        sage_grow((void **)&h->fingerprints, &h->fingerprints_capacity, h->out.n + 1, sizeof *h->fingerprints) != 0)
        return sage_fail_memory(error, (h->out.n + 1) * sizeof *h->fingerprints);
    h->pids[h->out.n] = pid;
    h->fingerprints[h->out.n++] = *fingerprint;
    return SAGE_OK;
}

static sage_status add_packed(const sage_block_feed *feed, half *h, const sage_stale *stale, sage_error *error) {
    const sage_dataset *dataset = feed->source.dataset;
    size_t index = stale->packed - 1;
    sage_packed_product product;
    sage_dataset_product(dataset, index, &product);
    sage_status st = sage_product_block_add_packed(h->products, stale->pid, &product, error);
    return st == SAGE_OK ? note(h, stale->pid, &sage_dataset_fingerprints(dataset)[index], error) : st;
}

static sage_status add_row(sage_block_feed *feed, half *h, const sage_stale *stale, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_product_row *row;
    SAGE_TRY(seek(feed, stale->pid, &row, error));
    if (row == NULL) goto out;
    SAGE_TRY(sage_product_block_add(h->products, row, feed->source.images, error));
    st = note(h, row->pid, &row->fingerprint, error);
out:
    return st;
}

static sage_status fill(sage_block_feed *feed, half *h, sage_error *error) {
    static sage_stage reading = SAGE_STAGE("read products");
    sage_status st = SAGE_OK;
    uint64_t began = sage_stage_begin();
    sage_product_block_clear(h->products);
    h->out.n = 0;
    while (feed->at < feed->source.n && !sage_product_block_full(h->products)) {
        const sage_stale *stale = &feed->source.stale[feed->at++];
        SAGE_TRY(stale->packed > 0 ? add_packed(feed, h, stale, error) : add_row(feed, h, stale, error));
    }
    sage_stage_end(&reading, began, 0, 0);
    SAGE_TRY(sage_product_block_read(h->products, &h->out.batch, error));
    h->out.end = feed->at;
    h->out.pids = h->pids;
    h->out.fingerprints = h->fingerprints;
out:
    return st;
}

static void make(void *ctx) {
    sage_block_feed *feed = ctx;
    feed->making->st = fill(feed, feed->making, &feed->making->error);
}

/* ---- the caller's side ---- */

sage_status sage_block_feed_open(const sage_feed_source *source, sage_block_feed **feed, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_block_feed *made = sage_alloc_zero(1, sizeof *made);
    *feed = NULL;
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->source = *source;
    made->making = &made->halves[0];
    for (size_t i = 0; i < 2; i++)
        SAGE_TRY(sage_product_block_new(source->vocab, source->shape, source->sentences, source->token_pids,
                                        source->pool, &made->halves[i].products, error));
    SAGE_TRY(sage_task_new(&made->task, error));
    sage_task_begin(made->task, make, made);
    *feed = made;
    made = NULL;
out:
    sage_block_feed_close(made);
    return st;
}

void sage_block_feed_close(sage_block_feed *feed) {
    if (feed == NULL) return;
    sage_task_free(feed->task);
    sage_product_cursor_close(feed->cursor);
    sage_product_cursor_close(feed->one);
    for (size_t i = 0; i < 2; i++) {
        sage_product_block_free(feed->halves[i].products);
        sage_free(feed->halves[i].pids);
        sage_free(feed->halves[i].fingerprints);
    }
    sage_free(feed);
}

sage_status sage_block_feed_next(sage_block_feed *feed, const sage_feed_block **block, sage_error *error) {
    static sage_stage waiting = SAGE_STAGE("wait for products");
    uint64_t began = sage_stage_begin();
    sage_task_wait(feed->task);
    sage_stage_end(&waiting, began, 0, 0);
    half *made = feed->making;
    *block = NULL;
    if (made->st != SAGE_OK) {
        if (error) *error = made->error;
        return made->st;
    }
    if (made->out.n == 0 && feed->at == feed->source.n) return SAGE_OK;
    *block = &made->out;
    feed->making = made == &feed->halves[0] ? &feed->halves[1] : &feed->halves[0];
    sage_task_begin(feed->task, make, feed);
    return SAGE_OK;
}
