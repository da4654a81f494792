#include <base/alloc.h>
#include <base/error.h>
#include <search/fusion.h>
#include <stdlib.h>

static int by_pid(const void *a, const void *b) {
    const sage_candidate *x = a, *y = b;
    if (x->pid != y->pid) return x->pid < y->pid ? -1 : 1;
    /* The vectors' entry first: it has the score that the other lacks. */
    return (x->keyword > y->keyword) - (x->keyword < y->keyword);
}

/* Two entries of a product become one; an entry of the keywords alone asks for its inner product. */
static void unite(sage_candidates *c, sage_vector_score_fn score_of, void *ctx) {
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        sage_candidate item = c->list[i];
        bool both = i + 1 < c->n && c->list[i + 1].pid == item.pid;
        if (both)
            item.keyword = c->list[++i].keyword;
        else if (item.keyword > 0 && c->has_vectors && !score_of(ctx, item.pid, &item.vector))
            continue;
        c->list[kept++] = item;
    }
    c->n = kept;
}

sage_status sage_candidates_join(sage_candidates *candidates, const sage_scored *vectors, size_t n_vectors,
                                 const sage_scored *keywords, size_t n_keywords, sage_vector_score_fn score_of,
                                 void *ctx, sage_error *error) {
    sage_candidates *c = candidates;
    size_t n = n_vectors + n_keywords;
    if (sage_grow((void **)&c->list, &c->capacity, n, sizeof *c->list) != 0)
        return sage_fail_memory(error, n * sizeof *c->list);
    c->n = n;
    c->has_vectors = n_vectors > 0;
    c->vector_high = n_vectors > 0 ? vectors[0].score : 0;
    c->vector_low = n_vectors > 0 ? vectors[n_vectors - 1].score : 0;
    c->keyword_high = n_keywords > 0 ? keywords[0].score : 0;
    for (size_t i = 0; i < n_vectors; i++) c->list[i] = (sage_candidate){vectors[i].pid, vectors[i].score, 0};
    for (size_t i = 0; i < n_keywords; i++)
        c->list[n_vectors + i] = (sage_candidate){keywords[i].pid, 0, keywords[i].score};
    qsort(c->list, c->n, sizeof *c->list, by_pid);
    unite(c, score_of, ctx);
    return SAGE_OK;
}

void sage_candidates_free(sage_candidates *candidates) {
    sage_free(candidates->list);
    *candidates = (sage_candidates){0};
}

/* Where all of the list score the same, what scores as much is at the top and the rest at the bottom. */
static double vector_share(const sage_candidates *c, float vector) {
    if (!c->has_vectors) return 0;
    double span = (double)c->vector_high - (double)c->vector_low;
    if (span > 0) return ((double)vector - (double)c->vector_low) / span;
    return vector >= c->vector_high ? 1 : 0;
}

float sage_fused_score(double weight, const sage_candidates *candidates, const sage_candidate *candidate) {
    double keyword = candidates->keyword_high > 0 ? (double)candidate->keyword / (double)candidates->keyword_high : 0;
    return (float)(weight * vector_share(candidates, candidate->vector) + (1 - weight) * keyword);
}

static int best_first(const void *a, const void *b) {
    const sage_scored *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

void sage_fuse(double weight, const sage_candidates *candidates, sage_scored *out) {
    for (size_t i = 0; i < candidates->n; i++) {
        const sage_candidate *candidate = &candidates->list[i];
        out[i] = (sage_scored){candidate->pid, sage_fused_score(weight, candidates, candidate)};
    }
    if (candidates->n > 0) qsort(out, candidates->n, sizeof *out, best_first);
}
