#include <base/alloc.h>
#include <base/error.h>
#include <search/join.h>
#include <stdbool.h>
#include <stdlib.h>

static int by_pid(const void *a, const void *b) {
    const sage_candidate *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

sage_status sage_join_begin(sage_join *join, const sage_scored *vectors, size_t n_vectors, sage_error *error) {
    if (sage_grow((void **)&join->list, &join->list_capacity, n_vectors, sizeof *join->list) != 0 ||
        sage_grow((void **)&join->wanted, &join->wanted_capacity, n_vectors, sizeof *join->wanted) != 0 ||
        sage_grow((void **)&join->scores, &join->scores_capacity, n_vectors, sizeof *join->scores) != 0)
        return sage_fail_memory(error, n_vectors * sizeof *join->list);
    join->n_vectors = n_vectors;
    for (size_t i = 0; i < n_vectors; i++) join->list[i] = (sage_candidate){vectors[i].pid, vectors[i].score, 0};
    qsort(join->list, n_vectors, sizeof *join->list, by_pid);
    for (size_t i = 0; i < n_vectors; i++) join->wanted[i] = join->list[i].pid;
    return SAGE_OK;
}

static bool inner_product(const sage_index *index, const float *query, int64_t pid, float *score) {
    size_t row;
    if (!sage_index_find(index, pid, &row)) return false;
    *score = query != NULL ? sage_index_score(index, query, row) : 0;
    return true;
}

sage_status sage_join_end(sage_join *join, const sage_keyword_hit *hits, size_t n_hits, const sage_index *index,
                          const float *query, sage_candidates *candidates, sage_error *error) {
    size_t n = join->n_vectors;
    if (sage_grow((void **)&join->list, &join->list_capacity, n + n_hits, sizeof *join->list) != 0)
        return sage_fail_memory(error, (n + n_hits) * sizeof *join->list);
    for (size_t i = 0; i < n; i++) join->list[i].keyword = join->scores[i];
    for (size_t i = 0; i < n_hits; i++) {
        sage_candidate item = {hits[i].pid, 0, hits[i].score};
        bool known = join->n_vectors > 0 && bsearch(&item, join->list, join->n_vectors, sizeof item, by_pid) != NULL;
        if (!known && inner_product(index, query, item.pid, &item.vector)) join->list[n++] = item;
    }
    qsort(join->list, n, sizeof *join->list, by_pid);
    *candidates = (sage_candidates){join->list, n, n_hits > 0 ? hits[0].score : 0};
    return SAGE_OK;
}

void sage_join_free(sage_join *join) {
    sage_free(join->list);
    sage_free(join->wanted);
    sage_free(join->scores);
    *join = (sage_join){0};
}
