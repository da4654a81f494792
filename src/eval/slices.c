#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <eval/slices.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what was seen ---- */

static void count_queries(sage_seen *seen, const sage_dataset *dataset) {
    for (size_t q = 0; q < sage_dataset_queries(dataset); q++) {
        sage_packed_query query;
        sage_dataset_query(dataset, q, &query);
        for (size_t i = 0; query.part == SAGE_TRAIN && i < query.n_positives; i++) seen->pairs[query.positives[i]]++;
    }
}

static void note_times(sage_seen *seen, const sage_packed_user *user) {
    for (size_t i = 0; i < user->n; i++) {
        const sage_user_event *event = &user->events[i];
        if (event->part != SAGE_TRAIN || event->time_ms == INT64_MIN) continue;
        if (event->time_ms < seen->first_ms[event->product]) seen->first_ms[event->product] = event->time_ms;
        if (event->time_ms > seen->newest_ms) seen->newest_ms = event->time_ms;
    }
}

/* Each product once for a user. */
static sage_status count_user(sage_seen *seen, const sage_packed_user *user, uint32_t **products, size_t *capacity,
                              sage_error *error) {
    size_t n = 0;
    if (sage_grow((void **)products, capacity, user->n, sizeof **products) != 0)
        return sage_fail_memory(error, user->n * sizeof **products);
    for (size_t i = 0; i < user->n; i++)
        if (user->events[i].part == SAGE_TRAIN) (*products)[n++] = user->events[i].product;
    if (n > 0) qsort(*products, n, sizeof **products, sage_order_u32);
    for (size_t i = 0; i < n; i++) seen->pairs[(*products)[i]] += i == 0 || (*products)[i] != (*products)[i - 1];
    return SAGE_OK;
}

static sage_status read_users(sage_seen *seen, const sage_dataset *dataset, bool count, sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t *products = NULL;
    size_t capacity = 0;
    for (size_t u = 0; u < sage_dataset_users(dataset); u++) {
        sage_packed_user user;
        sage_dataset_user(dataset, u, &user);
        note_times(seen, &user);
        if (count) SAGE_TRY(count_user(seen, &user, &products, &capacity, error));
    }
out:
    sage_free(products);
    return st;
}

sage_status sage_seen_count(sage_seen *seen, const sage_dataset *dataset, bool users, sage_error *error) {
    size_t n = sage_dataset_products(dataset);
    *seen = (sage_seen){.pids = sage_dataset_pids(dataset),
                        .n = n,
                        .pairs = sage_alloc_zero(n, sizeof *seen->pairs),
                        .first_ms = sage_alloc_zero(n, sizeof *seen->first_ms),
                        .newest_ms = INT64_MIN};
    if (seen->pairs == NULL || seen->first_ms == NULL)
        return sage_fail_memory(error, n * (sizeof *seen->pairs + sizeof *seen->first_ms));
    for (size_t i = 0; i < n; i++) seen->first_ms[i] = INT64_MAX;
    if (!users) count_queries(seen, dataset);
    return read_users(seen, dataset, users, error);
}

void sage_seen_free(sage_seen *seen) {
    sage_free(seen->pairs);
    sage_free(seen->first_ms);
    *seen = (sage_seen){.n = 0};
}

static bool find(const sage_seen *seen, int64_t pid, size_t *at) {
    size_t low = 0, high = seen->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (seen->pids[middle] < pid)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return low < seen->n && seen->pids[low] == pid;
}

/* ---- labels ---- */

typedef struct label {
    double most; /* of what is counted: pairs, or days */
    const char *name;
} label;
static const label popularity[] = {
    {0, "never"}, {1, "once"}, {3, "2 to 3 times"}, {9, "4 to 9 times"}, {1e300, "10 times and more"}};
static const label newness[] = {{30, "in the last 30 days"},
                                {90, "31 to 90 days before"},
                                {365, "91 to 365 days before"},
                                {1e300, "more than a year before"}};
enum { POPULARITY = sizeof popularity / sizeof *popularity, NEWNESS = sizeof newness / sizeof *newness };
/* Behind them. */
static const char *const never = "never, or without a time", *const unpacked = "not in the dataset";

static uint8_t slice_of(const sage_seen *seen, int64_t pid, bool by_newness) {
    static const double day_ms = 86400e3;
    const label *labels = by_newness ? newness : popularity;
    size_t n = by_newness ? NEWNESS : POPULARITY, at, i = 0;
    if (!find(seen, pid, &at)) return (uint8_t)(n + 2);
    if (by_newness && seen->first_ms[at] == INT64_MAX) return (uint8_t)(n + 1);
    double value = by_newness ? ((double)seen->newest_ms - (double)seen->first_ms[at]) / day_ms : seen->pairs[at];
    while (value > labels[i].most) i++;
    return (uint8_t)(i + 1);
}

static const char *label_of(uint8_t slice, bool by_newness) {
    size_t n = by_newness ? NEWNESS : POPULARITY, i = slice - 1u;
    return i < n ? (by_newness ? newness : popularity)[i].name : i == n ? never : unpacked;
}

/* ---- rows ---- */

static int by_pid(const void *a, const void *b) {
    int64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* Unknown products, of pid 0, are each one of its own. */
static sage_status count_products(const sage_judge *judge, const sage_judge_which *which, uint64_t *products,
                                  sage_error *error) {
    size_t n = 0;
    int64_t *pids = sage_alloc_zero(judge->n_entries, sizeof *pids);
    if (pids == NULL) return sage_fail_memory(error, judge->n_entries * sizeof *pids);
    for (size_t e = 0; e < judge->n_entries; e++)
        if (sage_judge_counts(judge, e, which)) pids[n++] = judge->entries[e].pid;
    qsort(pids, n, sizeof *pids, by_pid);
    *products = 0;
    for (size_t i = 0; i < n; i++) *products += i == 0 || pids[i] == 0 || pids[i] != pids[i - 1];
    sage_free(pids);
    return SAGE_OK;
}

static sage_status fill(const sage_judge *judge, const size_t *lists, const sage_judge_which *which, size_t k,
                        const sage_sliced *sliced, sage_slice *slice, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_eval_row *row = sage_alloc_zero(1, sizeof *row);
    if (row == NULL) return sage_fail_memory(error, sizeof *row);
    for (size_t m = 0; m < sliced->n_methods; m++) {
        SAGE_TRY(sage_judge_row(judge, lists[m], sliced->methods[m], which, &k, 1, row, error));
        slice->recall[m] = row->pair_recall[0];
        slice->pairs = row->pairs;
        slice->queries = row->queries;
    }
    SAGE_TRY(count_products(judge, which, &slice->products, error));
out:
    sage_free(row);
    return st;
}

sage_status sage_slice_by(sage_judge *judge, const size_t *lists, const sage_judge_which *which, const sage_seen *seen,
                          bool by_newness, size_t k, sage_sliced *sliced, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_judge_which part = *which;
    size_t n = (by_newness ? NEWNESS : POPULARITY) + 2u;
    snprintf(sliced->by, sizeof sliced->by, "%s", by_newness ? "newness" : "popularity");
    sliced->n = 0;
    if (by_newness && seen->newest_ms == INT64_MIN) return SAGE_OK;
    judge->slices = sage_alloc_zero(judge->n_entries, sizeof *judge->slices);
    if (judge->slices == NULL) return sage_fail_memory(error, judge->n_entries);
    for (size_t e = 0; e < judge->n_entries; e++) judge->slices[e] = slice_of(seen, judge->entries[e].pid, by_newness);
    for (part.slice = 1; part.slice <= n; part.slice++) {
        if (!sage_judge_occurs(judge, &part)) continue;
        sage_slice *slice = &sliced->slices[sliced->n++];
        snprintf(slice->label, sizeof slice->label, "%s", label_of(part.slice, by_newness));
        SAGE_TRY(fill(judge, lists, &part, k, sliced, slice, error));
    }
out:
    sage_free(judge->slices);
    judge->slices = NULL;
    return st;
}
