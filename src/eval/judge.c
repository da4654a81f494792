#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <eval/judge.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOOTSTRAP_SEED = 1 }; /* fixed: the same judgements give the same intervals */

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
        if (same_product && entries[kept - 1].task == entries[i].task) {
            sage_exposure_join(&entries[kept - 1].shown, &entries[i].shown);
            continue;
        }
        entries[kept] = entries[i];
        entries[kept++].first = !same_product;
    }
    return kept;
}

sage_status sage_judge_add(sage_judge *judge, const sage_judge_entry *entries, size_t n, sage_error *error) {
    if (sage_grow((void **)&judge->entries, &judge->entries_capacity, judge->n_entries + n, sizeof *judge->entries) ||
        sage_grow((void **)&judge->begin, &judge->begin_capacity, judge->n_queries + 2, sizeof *judge->begin))
        return sage_fail_memory(error, (judge->n_entries + n) * sizeof *judge->entries);
    judge->begin[judge->n_queries] = judge->n_entries;
    if (n > 0) memcpy(judge->entries + judge->n_entries, entries, n * sizeof *entries);
    if (n > 0) judge->n_entries += settle(judge->entries + judge->n_entries, n);
    judge->begin[++judge->n_queries] = judge->n_entries;
    return SAGE_OK;
}

sage_status sage_judge_lists(sage_judge *judge, size_t n_lists, sage_error *error) {
    sage_free(judge->ranks);
    judge->ranks = sage_alloc_zero(judge->n_entries * n_lists, sizeof *judge->ranks);
    if (judge->ranks == NULL) return sage_fail_memory(error, judge->n_entries * n_lists * sizeof *judge->ranks);
    memset(judge->ranks, 0xff, judge->n_entries * n_lists * sizeof *judge->ranks); /* SAGE_RANK_MISS */
    judge->n_lists = n_lists;
    return SAGE_OK;
}

sage_status sage_judge_read(sage_judge *judge, const sage_judgement *judgements, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < n; i++)
        if (judgements[i].task >= SAGE_TASKS)
            return sage_fail(error, SAGE_E_ARGUMENT, "judgement %zu has no known task", i);
    sage_judge_entry *entries = sage_alloc_zero(n, sizeof *entries);
    judge->texts = sage_alloc_zero(n, sizeof *judge->texts);
    if (entries == NULL || judge->texts == NULL) {
        st = sage_fail_memory(error, n * sizeof *entries);
        goto out;
    }
    for (size_t i = 0; i < n;) {
        size_t of_query = 0;
        sage_str text = judgements[i].query;
        for (; i < n && sage_str_equal(judgements[i].query, text); i++)
            entries[of_query++] =
                (sage_judge_entry){.pid = judgements[i].pid, .task = judgements[i].task, .shown = judgements[i].shown};
        judge->texts[judge->n_queries] = text;
        SAGE_TRY(sage_judge_add(judge, entries, of_query, error));
    }
    SAGE_TRY(sage_judge_lists(judge, 1, error));
out:
    sage_free(entries);
    return st;
}

void sage_judge_free(sage_judge *judge) {
    sage_free(judge->entries);
    sage_free(judge->texts);
    sage_free(judge->begin);
    sage_free(judge->ranks);
    *judge = (sage_judge){0};
}

void sage_judge_rank(sage_judge *judge, size_t query, size_t list, const sage_scored *scored, size_t n, size_t depth) {
    uint32_t *ranks = judge->ranks + list * judge->n_entries;
    for (size_t e = judge->begin[query]; e < judge->begin[query + 1]; e++) {
        for (size_t rank = 0; rank < n && rank < depth; rank++) {
            if (scored[rank].pid != judge->entries[e].pid) continue;
            ranks[e] = (uint32_t)rank;
            break;
        }
    }
}

/* ---- rows ---- */

bool sage_judge_counts(const sage_judge *judge, size_t e, const sage_judge_which *which) {
    const sage_judge_entry *entry = &judge->entries[e];
    if (which->slice != SAGE_SLICE_NONE && judge->slices[e] != which->slice) return false;
    if (which->of != SAGE_JUDGE_ANY && entry->known != (which->of == SAGE_JUDGE_KNOWN)) return false;
    return which->task < 0 ? entry->first : entry->task == (unsigned)which->task;
}

static bool asks(const sage_judge *judge, size_t query, const sage_judge_which *which) {
    for (size_t e = judge->begin[query]; e < judge->begin[query + 1]; e++)
        if (sage_judge_counts(judge, e, which)) return true;
    return false;
}

bool sage_judge_occurs(const sage_judge *judge, const sage_judge_which *which) {
    for (size_t e = 0; e < judge->n_entries; e++)
        if (sage_judge_counts(judge, e, which)) return true;
    return false;
}

static const uint32_t *ranks_of(const sage_judge *judge, size_t list) {
    return judge->ranks + list * judge->n_entries;
}

sage_status sage_judge_choose(const sage_judge *judge, const uint32_t *ranks, const sage_judge_which *which,
                              sage_chosen *c, sage_error *error) {
    size_t n_ranks = 0;
    *c = (sage_chosen){.ranks = sage_alloc_zero(judge->n_entries, sizeof *c->ranks),
                       .queries = sage_alloc_zero(judge->n_queries, sizeof *c->queries)};
    if (c->ranks == NULL || c->queries == NULL) return sage_fail_memory(error, judge->n_entries * sizeof *c->ranks);
    for (size_t q = 0; q < judge->n_queries; q++) {
        uint32_t *of_query = c->ranks + n_ranks;
        size_t found = 0;
        for (size_t e = judge->begin[q]; e < judge->begin[q + 1]; e++)
            if (sage_judge_counts(judge, e, which)) of_query[found++] = ranks[e];
        if (found == 0) continue;
        qsort(of_query, found, sizeof *of_query, sage_order_u32);
        c->queries[c->n++] = (sage_judged){of_query, found};
        n_ranks += found;
    }
    return SAGE_OK;
}

void sage_chosen_free(sage_chosen *c) {
    sage_free(c->queries);
    sage_free(c->ranks);
}

sage_status sage_judge_row(const sage_judge *judge, size_t list, const char *method, const sage_judge_which *which,
                           const size_t *k, size_t n_k, sage_eval_row *row, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_chosen c;
    SAGE_TRY(sage_judge_choose(judge, ranks_of(judge, list), which, &c, error));
    SAGE_TRY(sage_eval_metrics(c.queries, c.n, k, n_k, BOOTSTRAP_SEED, row, error));
    SAGE_TRY(sage_judge_weighted(judge, list, which, k, n_k, BOOTSTRAP_SEED, &row->weighted, error));
    snprintf(row->method, sizeof row->method, "%s", method);
    if (which->name != NULL)
        snprintf(row->task, sizeof row->task, "%s", which->name);
    else
        sage_task_name((unsigned)which->task, row->task);
out:
    sage_chosen_free(&c);
    return st;
}

static size_t within(const sage_judged *query, size_t k) {
    size_t n = 0;
    while (n < query->n_relevant && query->ranks[n] < k) n++; /* they ascend, and a miss is beyond every k */
    return n;
}

sage_status sage_judge_hits(const sage_judge *judge, size_t list, const char *method, const sage_judge_which *which,
                            const size_t *k, size_t n_k, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    char task[32];
    sage_chosen c;
    SAGE_TRY(sage_judge_choose(judge, ranks_of(judge, list), which, &c, error));
    sage_task_name(which->task < 0 ? 0 : (unsigned)which->task, task);
    for (size_t q = 0, i = 0; q < judge->n_queries && i < c.n; q++) {
        if (!asks(judge, q, which)) continue;
        SAGE_TRY(sage_buf_printf(out, error, "%s\t%s\t%zu\t%zu", which->name != NULL ? which->name : task, method, q,
                                 c.queries[i].n_relevant));
        for (size_t j = 0; j < n_k; j++) SAGE_TRY(sage_buf_printf(out, error, "\t%zu", within(&c.queries[i], k[j])));
        SAGE_TRY(sage_buf_text(out, "\n", error));
        i++;
    }
out:
    sage_chosen_free(&c);
    return st;
}

sage_status sage_judge_difference(const sage_judge *judge, size_t a, size_t b, const sage_judge_which *which,
                                  const size_t *k, size_t n_k, sage_eval_difference *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_chosen of_a, of_b = {0};
    SAGE_TRY(sage_judge_choose(judge, ranks_of(judge, a), which, &of_a, error));
    SAGE_TRY(sage_judge_choose(judge, ranks_of(judge, b), which, &of_b, error));
    SAGE_TRY(sage_eval_metrics_difference(of_a.queries, of_b.queries, of_a.n, k, n_k, BOOTSTRAP_SEED, out->pair_recall,
                                          error));
    SAGE_TRY(sage_judge_weighted_difference(judge, a, b, which, k, n_k, BOOTSTRAP_SEED, &out->weighted_pairs,
                                            out->weighted_recall, error));
out:
    sage_chosen_free(&of_b);
    sage_chosen_free(&of_a);
    return st;
}
