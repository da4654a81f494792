/* Queries and evaluation on the published release. */
#include <base/alloc.h>
#include <base/error.h>
#include <eval/eval.h>
#include <io/version.h>
#include <itemsage/search.h>
#include <shop/shop.h>
#include <stdio.h>
#include <string.h>

enum { RESULTS_MAX = 10000 };

/* What a searcher or an evaluation holds of a release, so that pruning leaves it alone. */
typedef struct hold {
    int fd[3];
} hold;

static void release_hold(hold *h) {
    for (size_t i = 0; i < 3; i++) sage_fs_unlock(h->fd[i]);
}

static sage_status hold_release(const sage_shop *shop, const sage_release *release, hold *h, sage_error *error) {
    static const char *const rooms[] = {"models", "index", "keywords"};
    const uint64_t versions[] = {release->query_model, release->index, release->keywords};
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    for (size_t i = 0; i < 3; i++) h->fd[i] = -1;
    for (size_t i = 0; i < 3; i++) {
        SAGE_TRY(sage_shop_path(shop, rooms[i], path, error));
        SAGE_TRY(sage_version_hold(path, versions[i], &h->fd[i], error));
    }
out:
    return st;
}

struct sage_searcher {
    sage_engine *engine;
    hold held;
    sage_scored *scored;
    sage_hit *hits;
};

sage_status sage_searcher_open(sage_shop *shop, sage_searcher **searcher, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release release;
    sage_pool *pool = NULL;
    *searcher = NULL;
    sage_searcher *s = sage_alloc_zero(1, sizeof *s);
    if (!s) return sage_fail_memory(error, sizeof *s);
    for (size_t i = 0; i < 3; i++) s->held.fd[i] = -1;
    SAGE_TRY(sage_release_read(shop, &release, error));
    SAGE_TRY(hold_release(shop, &release, &s->held, error));
    SAGE_TRY(sage_shop_pool(shop, &pool, error));
    SAGE_TRY(sage_engine_open(shop->dir, &release, pool, &s->engine, error));
    s->scored = sage_alloc_zero(RESULTS_MAX, sizeof *s->scored);
    s->hits = sage_alloc_zero(RESULTS_MAX, sizeof *s->hits);
    if (!s->scored || !s->hits) {
        st = sage_fail_memory(error, RESULTS_MAX * sizeof *s->hits);
        goto out;
    }
    *searcher = s;
    s = NULL;
out:
    sage_searcher_close(s);
    return st;
}

void sage_searcher_close(sage_searcher *searcher) {
    if (!searcher) return;
    sage_engine_close(searcher->engine);
    release_hold(&searcher->held);
    sage_free(searcher->scored);
    sage_free(searcher->hits);
    sage_free(searcher);
}

static sage_status check_query(const sage_query *query, sage_error *error) {
    if (!query->text == !query->product_id)
        return sage_fail(error, SAGE_E_ARGUMENT, "a query is either a text or a product");
    if (query->n < 1 || query->n > RESULTS_MAX)
        return sage_fail(error, SAGE_E_ARGUMENT, "the number of results must be 1 to %d, not %zu", RESULTS_MAX,
                         query->n);
    if (query->product_id && query->method != SAGE_VECTORS)
        return sage_fail(error, SAGE_E_ARGUMENT, "similar products are found by vectors only, not by %s",
                         sage_method_name(query->method));
    return SAGE_OK;
}

static sage_status run(sage_searcher *s, const sage_query *query, size_t *n, sage_error *error) {
    if (query->text)
        return sage_engine_text(s->engine, query->method, query->text, strlen(query->text), query->n, s->scored, n,
                                error);
    size_t row;
    const sage_index *index = sage_engine_index(s->engine);
    if (!sage_index_find_id(index, query->product_id, &row))
        return sage_fail(error, SAGE_E_NOT_FOUND, "no product '%s' in the published index", query->product_id);
    return sage_engine_similar(s->engine, sage_index_pid(index, row), query->n, s->scored, n, error);
}

static sage_hit hit_of(const sage_index *index, size_t row, sage_scored scored) {
    return (sage_hit){.score = scored.score,
                      .pid = scored.pid,
                      .id = sage_index_shown(index, row, SAGE_SHOW_ID),
                      .title = sage_index_shown(index, row, SAGE_SHOW_TITLE),
                      .brand = sage_index_shown(index, row, SAGE_SHOW_BRAND),
                      .category = sage_index_shown(index, row, SAGE_SHOW_CATEGORY),
                      .link = sage_index_shown(index, row, SAGE_SHOW_LINK),
                      .image_link = sage_index_shown(index, row, SAGE_SHOW_IMAGE),
                      .availability = sage_index_shown(index, row, SAGE_SHOW_AVAILABILITY),
                      .price = sage_index_shown(index, row, SAGE_SHOW_PRICE)};
}

sage_status sage_search(sage_searcher *searcher, const sage_query *query, const sage_hit **hits, size_t *n_hits,
                        sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_index *index = sage_engine_index(searcher->engine);
    size_t n = 0, row;
    *hits = searcher->hits;
    *n_hits = 0;
    SAGE_TRY(check_query(query, error));
    SAGE_TRY(run(searcher, query, &n, error));
    for (size_t i = 0; i < n; i++)
        if (sage_index_find(index, searcher->scored[i].pid, &row))
            searcher->hits[(*n_hits)++] = hit_of(index, row, searcher->scored[i]);
out:
    return st;
}
