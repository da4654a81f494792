#include <base/error.h>
#include <keywords/impl.h>

/* The scores of products that are named; `fn` gets each of them. */
typedef void (*score_fn)(void *ctx, size_t i, int64_t pid, float score);

static void score_each(sage_keywords *k, const int64_t *pids, size_t n, const sage_words_changed *changed, score_fn fn,
                       void *ctx) {
    for (size_t i = 0, at = 0; i < n; i++) {
        const sage_words_change *change = sage_words_changed_find(changed, pids[i]);
        if (change != NULL) {
            fn(ctx, i, pids[i], (float)sage_changed_score(k, change));
            continue;
        }
        at = sage_keywords_seek(k, at, pids[i]);
        if (at < k->n && k->pids[at] == pids[i]) fn(ctx, i, pids[i], (float)sage_walk_score(k, (uint32_t)at));
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

/* All that changed, beside the file's products. */
static void offer_changed(const sage_keywords *k, const sage_keywords_query *query, sage_best *best) {
    size_t n;
    const sage_words_change *list = sage_words_changed_list(query->changed, &n);
    for (size_t i = 0; i < n && best->k > 0; i++) {
        const float score = (float)sage_changed_score(k, &list[i]);
        if (!(score > 0)) continue;
        if (query->accepts != NULL && !query->accepts(query->ctx, list[i].pid)) continue;
        sage_best_offer(best, (sage_keyword_hit){list[i].pid, score});
    }
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
    if (query->changed != NULL) SAGE_TRY(sage_changed_scores_begin(keywords, error));
    if (query->among != NULL) {
        score_each(keywords, query->among, query->n_among, query->changed, offer, &best);
    } else {
        sage_walk_run(keywords, query, &best);
        offer_changed(keywords, query, &best);
    }
    score_each(keywords, query->wanted, query->n_wanted, query->changed, keep_score, scores);
    if (keywords->damaged) {
        st = sage_fail(error, SAGE_E_FORMAT, "%s is damaged; run 'itemsage index' to build it again", keywords->path);
        goto out;
    }
    sage_best_sort(&best);
    *n = best.n;
out:
    return st;
}
