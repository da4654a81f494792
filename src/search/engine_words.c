/* Keyword searches under the engine's filter. */
#include <base/alloc.h>
#include <base/error.h>
#include <search/engine_impl.h>

static size_t keep_accepted(sage_engine *e, size_t n, size_t k) {
    size_t kept = 0, row;
    for (size_t i = 0; i < n && kept < k; i++)
        if (sage_index_find(e->index, e->hits[i].pid, &row) && sage_filter_accepts(e->way.filter, (uint32_t)row))
            e->hits[kept++] = e->hits[i];
    return kept;
}

/* Longer lists are asked for until enough of them are accepted. */
sage_status sage_engine_words(sage_engine *e, const sage_keywords_query *query, size_t *n, float *scores,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    sage_keywords_query deep = *query;
    size_t found, all = sage_index_count(e->index);
    if (e->way.filter == NULL) return sage_keywords_search(e->keywords, query, e->hits, n, scores, error);
    for (deep.k = 4 * query->k + 32;; deep.k *= 4) {
        if (sage_grow((void **)&e->hits, &e->hits_capacity, deep.k, sizeof *e->hits) != 0)
            return sage_fail_memory(error, deep.k * sizeof *e->hits);
        SAGE_TRY(sage_keywords_search(e->keywords, &deep, e->hits, &found, scores, error));
        *n = keep_accepted(e, found, query->k);
        if (*n == query->k || found < deep.k || deep.k >= all) break;
    }
out:
    return st;
}
