/* The fusion's weight by what it would have done on validation queries. Each query's candidates are made once and
 * ranked under every weight of the grid. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <eval/judge.h>

enum { STEPS = 20, WEIGHTS = STEPS + 1, QUERIES_MAX = 2000, NEAR = 10, FAR = 100 };

typedef struct choice {
    sage_judge judge;
    size_t stride; /* every stride-th query is looked at */
    sage_str *texts;
    size_t n_texts;
    float *scores;
    size_t capacity;
    uint64_t pairs, near[WEIGHTS], far[WEIGHTS];
    const sage_monitor *monitor;
    sage_ticker ticker;
} choice;

/* As sage_fuse orders: by score, then pid; candidates lie by pid, so earlier equals come first. */
static size_t rank_of(const float *scores, size_t n, size_t at) {
    size_t rank = 0;
    for (size_t i = 0; i < n; i++) rank += scores[i] > scores[at] || (scores[i] == scores[at] && i < at);
    return rank;
}

static sage_status try_weights(void *ctx, size_t text, const sage_lists *lists, sage_error *error) {
    choice *c = ctx;
    const sage_candidates *candidates = &lists->candidates;
    size_t query = text * c->stride, n = candidates->n;
    if (sage_grow((void **)&c->scores, &c->capacity, n, sizeof *c->scores) != 0)
        return sage_fail_memory(error, n * sizeof *c->scores);
    for (size_t w = 0; w < WEIGHTS; w++) {
        for (size_t i = 0; i < n; i++)
            c->scores[i] = sage_fused_score((double)w / STEPS, candidates, &candidates->list[i]);
        for (size_t e = c->judge.begin[query]; e < c->judge.begin[query + 1]; e++) {
            const sage_candidate *candidate = sage_candidates_find(candidates, c->judge.entries[e].pid);
            if (!c->judge.entries[e].first || candidate == NULL) continue;
            size_t rank = rank_of(c->scores, n, (size_t)(candidate - candidates->list));
            c->near[w] += rank < NEAR;
            c->far[w] += rank < FAR;
        }
    }
    for (size_t e = c->judge.begin[query]; e < c->judge.begin[query + 1]; e++) c->pairs += c->judge.entries[e].first;
    sage_ticker_tick(&c->ticker, text + 1, NULL);
    return sage_check_cancel(c->monitor, "fusion", error);
}

static sage_status spread(choice *c, sage_error *error) {
    c->stride = (c->judge.n_queries + QUERIES_MAX - 1) / QUERIES_MAX;
    c->texts = sage_alloc_zero(QUERIES_MAX, sizeof *c->texts);
    if (c->texts == NULL) return sage_fail_memory(error, QUERIES_MAX * sizeof *c->texts);
    for (size_t q = 0; q < c->judge.n_queries; q += c->stride) c->texts[c->n_texts++] = c->judge.texts[q];
    return SAGE_OK;
}

static size_t best_weight(const choice *c) {
    size_t best = STEPS / 2;
    for (size_t away = 1; away <= STEPS / 2; away++) {
        const size_t sides[] = {STEPS / 2 - away, STEPS / 2 + away};
        for (size_t i = 0; i < 2; i++)
            if (c->near[sides[i]] + c->far[sides[i]] > c->near[best] + c->far[best]) best = sides[i];
    }
    return best;
}

sage_status sage_eval_choose_fusion(sage_engine *engine, const sage_judgement *judgements, size_t n,
                                    const sage_monitor *monitor, sage_fusion *fusion, sage_error *error) {
    sage_status st = SAGE_OK;
    choice c = {.monitor = monitor};
    fusion->weight = 0.5;
    if (n == 0) return SAGE_OK;
    SAGE_TRY(sage_judge_read(&c.judge, judgements, n, error));
    SAGE_TRY(spread(&c, error));
    sage_ticker_begin(&c.ticker, monitor, "fusion", c.n_texts);
    SAGE_TRY(sage_engine_each(engine, c.texts, c.n_texts, fusion->depth, try_weights, &c, error));
    sage_ticker_end(&c.ticker, c.n_texts);
    size_t best = best_weight(&c);
    fusion->weight = (double)best / STEPS;
    sage_note(monitor, "hybrid: %.2f of vectors, pair recall@%d %.3f and @%d %.3f on %zu validation queries",
              fusion->weight, NEAR, (double)c.near[best] / (double)c.pairs, FAR, (double)c.far[best] / (double)c.pairs,
              c.n_texts);
out:
    sage_free(c.scores);
    sage_free(c.texts);
    sage_judge_free(&c.judge);
    return st;
}
