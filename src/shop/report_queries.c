/* Which queries a report shows one by one: those that miss most, and those that changed most since the release before.
 */
#include <base/alloc.h>
#include <base/error.h>
#include <shop/report_parts.h>
#include <stdlib.h>

typedef struct scored {
    size_t query;
    uint64_t pairs, found, before;
    int64_t weight; /* the most first */
} scored;

static int by_weight(const void *a, const void *b) {
    const scored *x = a, *y = b;
    if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
    if (x->pairs != y->pairs) return x->pairs < y->pairs ? -1 : 1; /* of one kind: a larger share */
    return (x->query > y->query) - (x->query < y->query);
}

static uint32_t place_of(const sage_judge *judge, size_t list, size_t entry) {
    uint32_t rank = judge->ranks[list * judge->n_entries + entry];
    return rank == SAGE_RANK_MISS ? 0 : rank + 1;
}

static void count(const sage_judge *judge, size_t query, size_t k, size_t previous, scored *s) {
    *s = (scored){.query = query};
    for (size_t e = judge->begin[query]; e < judge->begin[query + 1]; e++) {
        if (!judge->entries[e].first) continue;
        s->pairs++;
        s->found += judge->ranks[SAGE_HYBRID * judge->n_entries + e] < k;
        if (previous != SIZE_MAX) s->before += judge->ranks[previous * judge->n_entries + e] < k;
    }
}

/* What is missed first, so that it is seen of queries that want much. */
static void fill(const sage_judge *judge, const scored *s, size_t k, size_t previous, sage_chosen_query *out) {
    *out = (sage_chosen_query){
        .text = judge->texts[s->query], .pairs = s->pairs, .found = s->found, .found_before = s->before};
    for (int missed = 1; missed >= 0; missed--)
        for (size_t e = judge->begin[s->query]; e < judge->begin[s->query + 1]; e++) {
            bool misses = judge->ranks[SAGE_HYBRID * judge->n_entries + e] >= k;
            if (!judge->entries[e].first || misses != missed || out->n_wanted == SAGE_SHOWN_PRODUCTS) continue;
            out->wanted[out->n_wanted] = judge->entries[e].pid;
            out->place[out->n_wanted] = place_of(judge, SAGE_HYBRID, e);
            out->before[out->n_wanted++] = previous != SIZE_MAX ? place_of(judge, previous, e) : 0;
        }
}

static void take(const sage_judge *judge, scored *list, size_t most, size_t k, size_t previous,
                 sage_chosen_queries *out) {
    qsort(list, judge->n_queries, sizeof *list, by_weight);
    out->n = 0;
    for (size_t i = 0; i < judge->n_queries && i < most && list[i].weight > 0; i++)
        fill(judge, &list[i], k, previous, &out->list[out->n++]);
}

sage_status sage_report_choose(const sage_text_trial *trial, size_t k, size_t previous, sage_chosen_queries *worst,
                               sage_chosen_queries *gained, sage_chosen_queries *lost, sage_error *error) {
    const sage_judge *judge = &trial->judge;
    size_t n = judge->n_queries;
    scored *list = sage_alloc_zero(n, sizeof *list);
    if (list == NULL) return sage_fail_memory(error, n * sizeof *list);
    for (size_t q = 0; q < n; q++) count(judge, q, k, previous, &list[q]);
    for (size_t q = 0; q < n; q++) list[q].weight = (int64_t)(list[q].pairs - list[q].found);
    take(judge, list, SAGE_QUERIES_SHOWN, k, previous, worst);
    gained->n = lost->n = 0;
    for (int more = 1; more >= 0 && previous != SIZE_MAX; more--) {
        for (size_t i = 0; i < n; i++) {
            int64_t change = (int64_t)list[i].found - (int64_t)list[i].before;
            list[i].weight = more ? change : -change;
        }
        take(judge, list, SAGE_CHANGES_SHOWN, k, previous, more ? gained : lost);
    }
    sage_free(list);
    return SAGE_OK;
}

/* ---- as they are shown ---- */

typedef struct shower {
    sage_engine *engine;
    sage_thumbnails *thumbnails;
} shower;

static sage_status describe(const shower *s, int64_t pid, sage_shown_product *out, sage_error *error) {
    const sage_index *index = sage_engine_index(s->engine);
    size_t row;
    if (!sage_index_find(index, pid, &row)) return SAGE_OK;
    out->title = sage_index_shown(index, row, SAGE_SHOW_TITLE);
    out->id = sage_index_shown(index, row, SAGE_SHOW_ID);
    return sage_thumbnail_of(s->thumbnails, sage_index_shown(index, row, SAGE_SHOW_IMAGE), &out->thumbnail, error);
}

static bool wants(const sage_chosen_query *query, int64_t pid) {
    for (size_t i = 0; i < query->n_wanted; i++)
        if (query->wanted[i] == pid) return true;
    return false;
}

static sage_status show(const shower *s, const sage_chosen_query *query, sage_shown_query *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_scored found[SAGE_SHOWN_PRODUCTS];
    *out = (sage_shown_query){.text = query->text,
                              .pairs = query->pairs,
                              .found = query->found,
                              .found_before = query->found_before,
                              .n_wanted = query->n_wanted};
    for (size_t i = 0; i < query->n_wanted; i++) {
        out->wanted[i] = (sage_shown_product){.place = query->place[i], .before = query->before[i], .wanted = true};
        SAGE_TRY(describe(s, query->wanted[i], &out->wanted[i], error));
    }
    SAGE_TRY(sage_engine_text(s->engine, SAGE_HYBRID, query->text.data, query->text.len, SAGE_SHOWN_PRODUCTS, found,
                              &out->n_results, error));
    for (size_t i = 0; i < out->n_results; i++) {
        out->results[i] = (sage_shown_product){.place = (uint32_t)i + 1, .wanted = wants(query, found[i].pid)};
        SAGE_TRY(describe(s, found[i].pid, &out->results[i], error));
    }
out:
    return st;
}

sage_status sage_report_show(sage_engine *engine, sage_thumbnails *thumbnails, const sage_chosen_queries *chosen,
                             sage_arena *arena, sage_shown_queries *out, sage_error *error) {
    sage_status st = SAGE_OK;
    const shower s = {engine, thumbnails};
    out->n = chosen->n;
    out->list = sage_arena_get(arena, (chosen->n + 1) * sizeof *out->list);
    if (out->list == NULL) return sage_fail_memory(error, (chosen->n + 1) * sizeof *out->list);
    for (size_t i = 0; i < chosen->n; i++) SAGE_TRY(show(&s, &chosen->list[i], &out->list[i], error));
out:
    return st;
}
