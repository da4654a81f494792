#include <base/alloc.h>
#include <base/error.h>
#include <eval/judge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOOTSTRAP_SEED = 1 }; /* fixed: the same judgements give the same intervals */

static bool same_text(sage_str a, sage_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static int by_pid_and_task(const void *a, const void *b) {
    const sage_judge_entry *x = a, *y = b;
    if (x->pid != y->pid) return x->pid < y->pid ? -1 : 1;
    return (x->task > y->task) - (x->task < y->task);
}

/* Sorts one query's entries and drops repeats; gives how many stay. Zeros are never the same product. */
static size_t settle(sage_judge_entry *entries, size_t n) {
    size_t kept = 0;
    qsort(entries, n, sizeof *entries, by_pid_and_task);
    for (size_t i = 0; i < n; i++) {
        bool same_product = kept > 0 && entries[i].pid != 0 && entries[kept - 1].pid == entries[i].pid;
        if (same_product && entries[kept - 1].task == entries[i].task) continue;
        entries[kept] = entries[i];
        entries[kept++].first = !same_product;
    }
    return kept;
}

sage_status sage_judge_read(sage_judge *judge, const sage_judgement *judgements, size_t n, sage_error *error) {
    judge->entries = sage_alloc_zero(n, sizeof *judge->entries);
    judge->texts = sage_alloc_zero(n, sizeof *judge->texts);
    judge->begin = sage_alloc_zero(n + 1, sizeof *judge->begin);
    if (judge->entries == NULL || judge->texts == NULL || judge->begin == NULL)
        return sage_fail_memory(error, n * sizeof *judge->entries);
    for (size_t i = 0; i < n;) {
        size_t begin = judge->n_entries, end = begin;
        sage_str text = judgements[i].query;
        for (; i < n && same_text(judgements[i].query, text); i++) {
            judge->entries[end++] = (sage_judge_entry){.pid = judgements[i].pid,
                                                       .task = judgements[i].task,
                                                       .rank = {SAGE_RANK_MISS, SAGE_RANK_MISS, SAGE_RANK_MISS}};
        }
        judge->n_entries += settle(judge->entries + begin, end - begin);
        judge->texts[judge->n_queries++] = text;
        judge->begin[judge->n_queries] = judge->n_entries;
    }
    return SAGE_OK;
}

void sage_judge_free(sage_judge *judge) {
    sage_free(judge->entries);
    sage_free(judge->texts);
    sage_free(judge->begin);
    *judge = (sage_judge){0};
}

void sage_judge_rank(sage_judge *judge, size_t query, sage_method method, const sage_scored *list, size_t n,
                     size_t depth) {
    for (size_t e = judge->begin[query]; e < judge->begin[query + 1]; e++) {
        sage_judge_entry *entry = &judge->entries[e];
        for (size_t rank = 0; rank < n && rank < depth; rank++) {
            if (list[rank].pid != entry->pid) continue;
            entry->rank[method] = (uint32_t)rank;
            break;
        }
    }
}

static int ascending(const void *a, const void *b) {
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool counts(const sage_judge_entry *entry, int task) {
    return task < 0 ? entry->first : entry->task == (unsigned)task;
}

sage_status sage_judge_row(const sage_judge *judge, sage_method method, int task, const size_t *k, size_t n_k,
                           sage_eval_row *row, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = 0, n_ranks = 0;
    uint32_t *ranks = sage_alloc_zero(judge->n_entries, sizeof *ranks);
    sage_judged *judged = sage_alloc_zero(judge->n_queries, sizeof *judged);
    if (ranks == NULL || judged == NULL) {
        st = sage_fail_memory(error, judge->n_entries * sizeof *ranks);
        goto out;
    }
    for (size_t q = 0; q < judge->n_queries; q++) {
        uint32_t *of_query = ranks + n_ranks;
        size_t found = 0;
        for (size_t e = judge->begin[q]; e < judge->begin[q + 1]; e++)
            if (counts(&judge->entries[e], task)) of_query[found++] = judge->entries[e].rank[method];
        if (found == 0) continue;
        qsort(of_query, found, sizeof *of_query, ascending);
        judged[n++] = (sage_judged){of_query, found};
        n_ranks += found;
    }
    SAGE_TRY(sage_metrics(judged, n, k, n_k, BOOTSTRAP_SEED, row, error));
    snprintf(row->method, sizeof row->method, "%s", sage_method_name(method));
    if (task < 0)
        snprintf(row->task, sizeof row->task, "all");
    else
        sage_task_name((unsigned)task, row->task);
out:
    sage_free(judged);
    sage_free(ranks);
    return st;
}
