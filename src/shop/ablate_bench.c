#include <base/alloc.h>
#include <base/error.h>
#include <inttypes.h>
#include <shop/ablate_bench.h>
#include <shop/eval_people.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

sage_judge *sage_bench_judge(sage_bench *bench, sage_surface surface) {
    if (surface == SAGE_ON_SEARCH || surface == SAGE_ON_IMAGE) return &bench->searches[surface == SAGE_ON_IMAGE];
    return &bench->people[surface == SAGE_ON_USER].judge;
}

size_t sage_bench_ranks(sage_bench *bench, sage_surface surface) {
    size_t lists = surface == SAGE_ON_SEARCH || surface == SAGE_ON_IMAGE ? 1 : 2;
    return lists * sage_bench_judge(bench, surface)->n_entries;
}

/* ---- searches ---- */

/* A picture that nobody has a vector of is not asked. */
static bool can_be_asked(const sage_dataset *dataset, uint32_t number) {
    sage_packed_query query;
    sage_dataset_query(dataset, number, &query);
    return query.surface != SAGE_ON_IMAGE || query.picture != NULL || query.given != NULL;
}

static sage_status add_search(sage_bench *bench, size_t pictures, const sage_judgement *rows, size_t n,
                              sage_judge_entry *entries, sage_error *error) {
    sage_judge *judge = &bench->searches[pictures];
    if (!can_be_asked(bench->data->dataset, rows[0].number)) return SAGE_OK;
    if (sage_grow((void **)&bench->numbers[pictures], &bench->numbers_capacity[pictures], judge->n_queries + 1,
                  sizeof *bench->numbers[pictures]) != 0)
        return sage_fail_memory(error, judge->n_queries * sizeof *bench->numbers[pictures]);
    for (size_t i = 0; i < n; i++) entries[i] = (sage_judge_entry){.pid = rows[i].pid, .task = rows[i].task};
    bench->numbers[pictures][judge->n_queries] = rows[0].number;
    return sage_judge_add(judge, entries, n, error);
}

static sage_status add_searches(sage_bench *bench, sage_part part, sage_surface surface, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_judgement *rows = NULL;
    sage_judge_entry *entries = NULL;
    size_t n = 0;
    SAGE_TRY(sage_judgements_of(bench->data->dataset, part, surface, &rows, &n, error));
    if ((entries = sage_alloc_zero(n, sizeof *entries)) == NULL) SAGE_TRY(sage_fail_memory(error, n * sizeof *entries));
    for (size_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && rows[end].number == rows[begin].number;) end++;
        SAGE_TRY(add_search(bench, surface == SAGE_ON_IMAGE, rows + begin, end - begin, entries, error));
    }
out:
    sage_free(entries);
    sage_free(rows);
    return st;
}

/* ---- people ---- */

/* A trial has its users in the order of the dataset. */
static sage_status number_users(sage_bench *bench, sage_error *error) {
    const sage_trial *trial = &bench->people[1];
    const sage_dataset *dataset = bench->data->dataset;
    size_t n = trial->judge.n_queries, u = 0;
    sage_packed_user user;
    bench->users = sage_alloc_zero(n, sizeof *bench->users);
    if (bench->users == NULL) return sage_fail_memory(error, n * sizeof *bench->users);
    for (size_t q = 0; q < n; q++, u++) {
        for (; u < sage_dataset_users(dataset); u++) {
            sage_dataset_user(dataset, u, &user);
            if (user.id.data == trial->pasts[q].id.data) break;
        }
        bench->users[q] = (uint32_t)u;
    }
    return SAGE_OK;
}

static sage_status add_people(sage_shop *shop, sage_bench *bench, sage_part part, sage_surface surface,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    sage_trial *trial = &bench->people[surface == SAGE_ON_USER];
    SAGE_TRY(sage_trial_begin(trial, bench->data->frame, surface, error));
    SAGE_TRY(sage_trial_of_dataset(trial, bench->data->dataset, part, error));
    if (surface == SAGE_ON_PRODUCT) SAGE_TRY(sage_eval_looked_at(shop, bench->data->dataset, part, NULL, trial, error));
out:
    return st;
}

/* ---- all ---- */

static void print_of(sage_bench *bench, XXH3_state_t *state) {
    XXH3_128bits_reset(state);
    for (int s = 0; s < SAGE_SURFACES; s++) {
        const sage_judge *judge = sage_bench_judge(bench, (sage_surface)s);
        uint64_t counts[2] = {judge->n_queries, judge->n_entries};
        XXH3_128bits_update(state, counts, sizeof counts);
        if (judge->n_queries > 0)
            XXH3_128bits_update(state, judge->begin, (judge->n_queries + 1) * sizeof *judge->begin);
        for (size_t e = 0; e < judge->n_entries; e++) {
            const sage_judge_entry *entry = &judge->entries[e];
            int64_t numbers[3] = {entry->pid, (int64_t)entry->task, entry->known};
            XXH3_128bits_update(state, numbers, sizeof numbers);
        }
    }
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    snprintf(bench->print, sizeof bench->print, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
             (uint64_t)hash.low64);
}

sage_status sage_bench_make(sage_shop *shop, const sage_ablate_data *data, sage_part part, sage_bench *bench,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    XXH3_state_t *state = XXH3_createState();
    *bench = (sage_bench){.data = data};
    if (state == NULL) return sage_fail_memory(error, 1 << 10);
    SAGE_TRY(add_searches(bench, part, SAGE_ON_SEARCH, error));
    SAGE_TRY(add_searches(bench, part, SAGE_ON_IMAGE, error));
    SAGE_TRY(add_people(shop, bench, part, SAGE_ON_PRODUCT, error));
    SAGE_TRY(add_people(shop, bench, part, SAGE_ON_USER, error));
    SAGE_TRY(number_users(bench, error));
    print_of(bench, state);
out:
    XXH3_freeState(state);
    return st;
}

void sage_bench_free(sage_bench *bench) {
    for (size_t i = 0; i < 2; i++) {
        sage_judge_free(&bench->searches[i]);
        sage_free(bench->numbers[i]);
        sage_trial_free(&bench->people[i]);
    }
    sage_free(bench->users);
    *bench = (sage_bench){.data = NULL};
}

size_t sage_bench_rows(sage_bench *bench, sage_surface surface, sage_trial_row rows[SAGE_TRIAL_ROWS_MAX]) {
    const sage_judge *judge = sage_bench_judge(bench, surface);
    size_t n = 0;
    if (judge->n_queries == 0) return 0;
    if (surface == SAGE_ON_PRODUCT || surface == SAGE_ON_USER)
        return sage_trial_rows(&bench->people[surface == SAGE_ON_USER], rows);
    for (int kind = -1; kind < SAGE_EVENT_KINDS; kind++) {
        int task = kind < 0 ? -1 : (int)surface * SAGE_EVENT_KINDS + kind;
        rows[n] = (sage_trial_row){.which = {.task = task}};
        if (kind >= 0)
            sage_task_name((unsigned)task, rows[n].name);
        else
            snprintf(rows[n].name, sizeof rows[n].name, "%s", surface == SAGE_ON_SEARCH ? "all" : "image");
        if (sage_judge_occurs(judge, &rows[n].which)) n++;
    }
    for (size_t i = 0; i < n; i++) rows[i].which.name = rows[i].name;
    return n;
}

void sage_bench_found_free(sage_bench_found *found) {
    for (size_t s = 0; s < SAGE_SURFACES; s++) sage_free(found->ranks[s]);
    *found = (sage_bench_found){.n = {0}};
}
