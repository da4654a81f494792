#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <shop/searcher.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 9, FEW = 64 };

static void texts_of(sage_hit *hit, const char **texts[TEXTS]) {
    const char **all[TEXTS] = {&hit->id,         &hit->title,        &hit->brand, &hit->category,   &hit->link,
                               &hit->image_link, &hit->availability, &hit->price, &hit->interest_id};
    memcpy(texts, all, sizeof all);
}

/* Places are told when all texts are there: the memory moves while it grows. */
static sage_status keep_texts(sage_searcher *s, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    const char **texts[TEXTS];
    sage_buf_clear(&s->texts);
    for (size_t i = 0; i < n; i++) {
        texts_of(&s->hits[i], texts);
        for (size_t t = 0; t < TEXTS; t++) SAGE_TRY(sage_buf_add(&s->texts, *texts[t], strlen(*texts[t]) + 1, error));
    }
    const char *at = s->texts.data;
    for (size_t i = 0; i < n; i++) {
        texts_of(&s->hits[i], texts);
        for (size_t t = 0; t < TEXTS; t++, at += strlen(at) + 1) *texts[t] = at;
    }
out:
    return st;
}

static bool is_before(const sage_hit *hits, size_t n, int64_t pid) {
    for (size_t i = 0; i < n; i++)
        if (hits[i].pid == pid) return true;
    return false;
}

static size_t keep_first(sage_hit *hits, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!is_before(hits, kept, hits[i].pid)) hits[kept++] = hits[i];
    return kept;
}

/* Of many: whether there is any twice, which is rare. */
static sage_status is_any_twice(const sage_hit *hits, size_t n, bool *twice, sage_error *error) {
    int64_t *pids = sage_alloc(n * sizeof *pids);
    if (pids == NULL) return sage_fail_memory(error, n * sizeof *pids);
    for (size_t i = 0; i < n; i++) pids[i] = hits[i].pid;
    qsort(pids, n, sizeof *pids, sage_order_i64);
    *twice = false;
    for (size_t i = 1; i < n; i++) *twice |= pids[i] == pids[i - 1];
    sage_free(pids);
    return SAGE_OK;
}

sage_status sage_searcher_keep_hits(sage_searcher *searcher, size_t *n_hits, sage_error *error) {
    sage_status st = SAGE_OK;
    bool twice = true;
    if (*n_hits > FEW) SAGE_TRY(is_any_twice(searcher->hits, *n_hits, &twice, error));
    if (twice) *n_hits = keep_first(searcher->hits, *n_hits);
    st = keep_texts(searcher, *n_hits, error);
out:
    return st;
}
