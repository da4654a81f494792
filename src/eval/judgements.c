#include <base/alloc.h>
#include <base/error.h>
#include <eval/eval.h>
#include <stdlib.h>

/* By query, so that pairs of one query come together; then the rest, so that the order is told by the content alone. */
typedef struct pair {
    uint32_t query, product, task;
} pair;

static int in_order(const void *a, const void *b) {
    const pair *x = a, *y = b;
    if (x->query != y->query) return x->query < y->query ? -1 : 1;
    if (x->product != y->product) return x->product < y->product ? -1 : 1;
    return (x->task > y->task) - (x->task < y->task);
}

static size_t gather(const sage_dataset *dataset, sage_part part, sage_surface surface, pair *pairs) {
    size_t n = 0;
    for (unsigned event = 0; event < SAGE_EVENT_KINDS; event++) {
        unsigned task = (unsigned)surface * SAGE_EVENT_KINDS + event;
        size_t n_of_task;
        const sage_pair *of_task = sage_dataset_pairs(dataset, part, task, &n_of_task);
        for (size_t i = 0; i < n_of_task; i++, n++)
            if (pairs != NULL) pairs[n] = (pair){of_task[i].query, of_task[i].product, task};
    }
    return n;
}

sage_status sage_judgements_of(const sage_dataset *dataset, sage_part part, sage_surface surface,
                               sage_judgement **judgements, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    *judgements = NULL;
    *n = 0;
    size_t n_pairs = gather(dataset, part, surface, NULL);
    pair *pairs = sage_alloc_zero(n_pairs, sizeof *pairs);
    sage_judgement *list = sage_alloc_zero(n_pairs, sizeof *list);
    if (pairs == NULL || list == NULL) {
        st = sage_fail_memory(error, n_pairs * sizeof *list);
        goto out;
    }
    gather(dataset, part, surface, pairs);
    qsort(pairs, n_pairs, sizeof *pairs, in_order);
    const int64_t *pids = sage_dataset_pids(dataset);
    for (size_t i = 0; i < n_pairs; i++) {
        sage_packed_query query;
        sage_dataset_query(dataset, pairs[i].query, &query);
        list[i] =
            (sage_judgement){query.text, pairs[i].task, pids[pairs[i].product], query.picture, {0}, pairs[i].query};
    }
    *judgements = list;
    *n = n_pairs;
    list = NULL;
out:
    sage_free(list);
    sage_free(pairs);
    return st;
}
