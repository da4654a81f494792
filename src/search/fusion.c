#include <search/fusion.h>
#include <stdlib.h>

const sage_candidate *sage_candidates_find(const sage_candidates *candidates, int64_t pid) {
    size_t low = 0, high = candidates->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (candidates->list[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < candidates->n && candidates->list[low].pid == pid ? &candidates->list[low] : NULL;
}

float sage_fused_vectors(double weight, const sage_candidate *candidate) {
    return (float)(weight * (double)candidate->vector);
}

float sage_fused_score(double weight, const sage_candidates *candidates, const sage_candidate *candidate) {
    double keyword = candidates->keyword_high > 0 ? (double)candidate->keyword / (double)candidates->keyword_high : 0;
    return (float)(weight * (double)candidate->vector + (1 - weight) * keyword);
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

bool sage_fused_surely(double weight, const sage_lists *lists, size_t depth, const sage_scored *fused, size_t k) {
    sage_candidate behind = {0}; /* by vectors 0 too where the model knows nothing of the text */
    if (lists->n_vectors > 0 && lists->n_vectors < depth) return true; /* these are all products */
    if (lists->n_vectors > 0) behind.vector = lists->vectors[depth - 1].score;
    if (lists->n_keywords == depth) behind.keyword = lists->keywords[depth - 1].score;
    return lists->candidates.n >= k && fused[k - 1].score > sage_fused_score(weight, &lists->candidates, &behind);
}
