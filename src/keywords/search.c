#include <base/error.h>
#include <keywords/impl.h>

/* The scores of products that are named; `fn` gets each of them. */
typedef void (*score_fn)(void *ctx, size_t i, int64_t pid, float score);

static void score_each(sage_keywords *k, const int64_t *pids, size_t n, score_fn fn, void *ctx) {
    for (size_t i = 0, at = 0; i < n; i++) {
        at = sage_keywords_seek(k, at, pids[i]);
        if (at == k->n) break;
        if (k->pids[at] == pids[i]) fn(ctx, i, pids[i], (float)sage_walk_score(k, (uint32_t)at));
    }
}

static void keep_score(void *ctx, size_t i, int64_t pid, float score) {
    (void)pid;
    ((float *)ctx)[i] = score;
}

static void offer(void *ctx, size_t i, int64_t pid, float score) {
    (void)i;
    if (score > 0) sage_best_offer(ctx, (sage_keyword_hit){pid, score});
}

sage_status sage_keywords_search(sage_keywords *keywords, const sage_keywords_query *query, sage_keyword_hit *hits,
                                 size_t *n, float *scores, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_best best = {.heap = hits, .k = query->k};
    *n = 0;
    for (size_t i = 0; i < query->n_wanted; i++) scores[i] = 0;
    if (query->k == 0 && query->n_wanted == 0) return SAGE_OK;
    keywords->damaged = false;
    SAGE_TRY(sage_asked_read(&keywords->asked, keywords->cutter, query->text, query->len, error));
    SAGE_TRY(sage_lists_ask(keywords, error));
    if (query->among != NULL)
        score_each(keywords, query->among, query->n_among, offer, &best);
    else
        sage_walk_run(keywords, query, &best);
    score_each(keywords, query->wanted, query->n_wanted, keep_score, scores);
    if (keywords->damaged) {
        st = sage_fail(error, SAGE_E_FORMAT, "%s is damaged; run 'itemsage index' to build it again", keywords->path);
        goto out;
    }
    sage_best_sort(&best);
    *n = best.n;
out:
    return st;
}
