/* Each method's list of a query is read once and gives two ranks: where a wanted product stands, and where it would
 * stand without the products that were known. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <eval/trial_run.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK = 128 };

typedef struct run {
    sage_trial *trial;
    const sage_lister *listers;
    size_t n_listers, n_leading, k_max, rows;
    uint32_t *entry_row; /* [entries] SAGE_NO_ROW: a miss */
    uint32_t *places[2]; /* [rows] 1-based rank in the list of the running query, as it is and without known ones; 0:
                            not in it */
    sage_neighbour *found;
    size_t found_capacity;
} run;

static size_t list_number(size_t lister, bool without_known) {
    return 2 * lister + without_known;
}

static sage_status prepare(run *r, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_judge *judge = &r->trial->judge;
    r->rows = sage_index_count(r->trial->index);
    r->entry_row = sage_alloc_zero(judge->n_entries, sizeof *r->entry_row);
    for (size_t i = 0; i < 2; i++) r->places[i] = sage_alloc_zero(r->rows, sizeof *r->places[i]);
    if (r->entry_row == NULL || r->places[0] == NULL || r->places[1] == NULL)
        return sage_fail_memory(error, r->rows * sizeof *r->places[0]);
    for (size_t e = 0; e < judge->n_entries; e++) {
        size_t row;
        bool there = sage_index_find(r->trial->index, judge->entries[e].pid, &row);
        r->entry_row[e] = there ? (uint32_t)row : SAGE_NO_ROW;
    }
    SAGE_TRY(sage_judge_lists(&r->trial->judge, 2 * r->n_listers, error));
out:
    return st;
}

static void release(run *r) {
    sage_free(r->entry_row);
    sage_free(r->places[0]);
    sage_free(r->places[1]);
    sage_free(r->found);
}

static void note_ranks(run *r, size_t query, size_t lister, const sage_neighbour *list, size_t n) {
    sage_judge *judge = &r->trial->judge;
    uint32_t without = 0;
    sage_trial_mark(r->trial, query, 1);
    for (size_t i = 0; i < n; i++) {
        uint32_t row = list[i].row;
        r->places[0][row] = (uint32_t)i + 1;
        r->places[1][row] = r->trial->marks[row] ? 0 : ++without;
    }
    sage_trial_mark(r->trial, query, 0);
    for (size_t e = judge->begin[query]; e < judge->begin[query + 1]; e++) {
        uint32_t row = r->entry_row[e];
        for (size_t i = 0; row != SAGE_NO_ROW && i < 2; i++)
            if (r->places[i][row] > 0)
                judge->ranks[list_number(lister, i) * judge->n_entries + e] = r->places[i][row] - 1;
    }
    for (size_t i = 0; i < n; i++) r->places[0][list[i].row] = r->places[1][list[i].row] = 0;
}

/* Deep enough that k stay when what is known is taken out. */
static size_t depth_of(run *r, size_t begin, size_t end) {
    size_t most = 0;
    for (size_t q = begin; q < end; q++) {
        size_t hidden = sage_trial_mark(r->trial, q, 1);
        sage_trial_mark(r->trial, q, 0);
        if (hidden > most) most = hidden;
    }
    return r->k_max + most < r->rows ? r->k_max + most : r->rows;
}

static sage_status ask_block(run *r, size_t begin, size_t end, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_past pasts[BLOCK];
    size_t found[BLOCK], depth = depth_of(r, begin, end);
    for (size_t q = begin; q < end; q++) pasts[q - begin] = sage_trial_past_of(r->trial, q);
    if (sage_grow((void **)&r->found, &r->found_capacity, BLOCK * depth, sizeof *r->found) != 0)
        return sage_fail_memory(error, BLOCK * depth * sizeof *r->found);
    for (size_t m = 0; m < r->n_listers; m++) {
        const sage_lister *lister = &r->listers[m];
        SAGE_TRY(lister->list(lister->ctx, pasts, end - begin, depth, r->found, found, error));
        for (size_t q = begin; q < end; q++) note_ranks(r, q, m, r->found + (q - begin) * depth, found[q - begin]);
    }
out:
    return st;
}

static sage_status ask_all(run *r, const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_ticker ticker;
    size_t n = r->trial->judge.n_queries;
    bool users = r->trial->surface == SAGE_ON_USER;
    sage_ticker_begin(&ticker, monitor, users ? "eval: users" : "eval: products", n);
    for (size_t begin = 0; begin < n; begin += BLOCK) {
        size_t end = begin + BLOCK < n ? begin + BLOCK : n;
        SAGE_TRY(ask_block(r, begin, end, error));
        sage_ticker_tick(&ticker, end, NULL);
        SAGE_TRY(sage_check_cancel(monitor, "eval", error));
    }
    sage_ticker_end(&ticker, n);
out:
    return st;
}

/* ---- rows ---- */

size_t sage_trial_rows(const sage_trial *trial, sage_trial_row all[SAGE_TRIAL_ROWS_MAX]) {
    const char *surface = sage_surface_names[trial->surface];
    bool repeats = trial->n_known > 0;
    size_t n = 0;
    for (int kind = -1; kind < SAGE_EVENT_KINDS; kind++) {
        int task = kind < 0 ? -1 : (int)trial->surface * SAGE_EVENT_KINDS + kind;
        all[n] = (sage_trial_row){.which = {.task = task}, .without_known = !repeats};
        if (kind < 0)
            snprintf(all[n].name, sizeof all[n].name, "%s", surface);
        else
            sage_task_name((unsigned)task, all[n].name);
        if (sage_judge_occurs(&trial->judge, &all[n].which)) n++;
    }
    for (int known = 1; repeats && known >= 0; known--) {
        all[n].which = (sage_judge_which){.task = -1, .of = known ? SAGE_JUDGE_KNOWN : SAGE_JUDGE_NEW};
        all[n].without_known = !known;
        snprintf(all[n].name, sizeof all[n].name, "%s %s", surface, known ? "repeats" : "new");
        if (sage_judge_occurs(&trial->judge, &all[n].which)) n++;
    }
    for (size_t i = 0; i < n; i++) all[i].which.name = all[i].name;
    return n;
}

/* Resampling is most of the time: each row by whoever is free. */
typedef struct figures {
    const run *run;
    const sage_eval_report *report;
    const sage_trial_row *which;
    size_t n_which;
    sage_eval_row *rows;               /* [listers][which] */
    sage_eval_difference *differences; /* [n_pairs][which]: of the first leading one, then of the second, .. */
    sage_status st[SAGE_LISTERS_MAX * SAGE_TRIAL_ROWS_MAX];
    sage_error error[SAGE_LISTERS_MAX * SAGE_TRIAL_ROWS_MAX];
} figures;

static sage_status fill_one(const figures *f, size_t lister, const sage_trial_row *of, sage_eval_row *row,
                            sage_error *error) {
    const sage_lister *listers = f->run->listers;
    return sage_judge_row(&f->run->trial->judge, list_number(lister, of->without_known), listers[lister].name,
                          &of->which, f->report->k, f->report->n_k, row, error);
}

/* Pairs of the leading methods before that one. */
static size_t pairs_before(const run *r, size_t leading) {
    size_t pairs = 0;
    for (size_t i = 0; i < leading; i++) pairs += r->n_listers - i - 1;
    return pairs;
}

static sage_status compare_two(const figures *f, size_t leading, size_t lister, const sage_trial_row *of,
                               sage_error *error) {
    size_t pair = pairs_before(f->run, leading) + lister - leading - 1;
    sage_eval_difference *difference = &f->differences[pair * f->n_which + (size_t)(of - f->which)];
    const sage_lister *listers = f->run->listers;
    snprintf(difference->method, sizeof difference->method, "%s", listers[leading].name);
    snprintf(difference->against, sizeof difference->against, "%s", listers[lister].name);
    snprintf(difference->task, sizeof difference->task, "%s", of->name);
    return sage_judge_difference(&f->run->trial->judge, list_number(leading, of->without_known),
                                 list_number(lister, of->without_known), &of->which, f->report->k, f->report->n_k,
                                 difference, error);
}

static void fill_some(void *ctx, size_t begin, size_t end, size_t worker) {
    figures *f = ctx;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        size_t lister = i / f->n_which;
        const sage_trial_row *of = &f->which[i % f->n_which];
        f->st[i] = fill_one(f, lister, of, &f->rows[i], &f->error[i]);
        for (size_t l = 0; f->st[i] == SAGE_OK && l < lister && l < f->run->n_leading; l++)
            f->st[i] = compare_two(f, l, lister, of, &f->error[i]);
    }
}

static sage_status fill(const run *r, sage_pool *pool, sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_trial_row which[SAGE_TRIAL_ROWS_MAX];
    figures *f = sage_alloc_zero(1, sizeof *f);
    if (f == NULL) return sage_fail_memory(error, sizeof *f);
    *f = (figures){.run = r,
                   .report = report,
                   .which = which,
                   .n_which = sage_trial_rows(r->trial, which),
                   .rows = report->rows + report->n_rows,
                   .differences = report->differences + report->n_differences};
    size_t n = r->n_listers * f->n_which, n_against = pairs_before(r, r->n_leading) * f->n_which;
    if (report->n_rows + n > SAGE_EVAL_ROWS_MAX || report->n_differences + n_against > SAGE_EVAL_DIFFERENCES_MAX)
        SAGE_TRY(sage_fail(error, SAGE_E_LIMIT, "a report holds no more than %d rows", SAGE_EVAL_ROWS_MAX));
    sage_pool_for_dynamic(pool, n, 1, fill_some, f);
    for (size_t i = 0; i < n; i++) {
        if (f->st[i] != SAGE_OK && error != NULL) *error = f->error[i];
        SAGE_TRY(f->st[i]);
    }
    report->n_rows += n;
    report->n_differences += n_against;
    for (size_t i = 0; i < n && report->hits != NULL; i++) {
        const sage_trial_row *of = &which[i % f->n_which];
        size_t lister = i / f->n_which;
        SAGE_TRY(sage_judge_hits(&r->trial->judge, list_number(lister, of->without_known), r->listers[lister].name,
                                 &of->which, report->k, report->n_k, report->hits, error));
    }
out:
    sage_free(f);
    return st;
}

static uint64_t count_unknown(const run *r) {
    uint64_t unknown = 0;
    for (size_t e = 0; e < r->trial->judge.n_entries; e++)
        unknown += r->trial->judge.entries[e].first && r->entry_row[e] == SAGE_NO_ROW;
    return unknown;
}

sage_status sage_eval_trial(sage_trial *trial, const sage_lister *listers, size_t n_listers, size_t n_leading,
                            sage_pool *pool, const sage_monitor *monitor, sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    run r = {.trial = trial,
             .listers = listers,
             .n_listers = n_listers,
             .n_leading = n_leading < n_listers ? n_leading : n_listers,
             .k_max = report->k[report->n_k - 1]};
    if (trial->judge.n_queries == 0 || n_listers == 0) return SAGE_OK;
    SAGE_TRY(prepare(&r, error));
    SAGE_TRY(ask_all(&r, monitor, error));
    SAGE_TRY(fill(&r, pool, report, error));
    report->unknown_pairs += count_unknown(&r);
out:
    release(&r);
    return st;
}

sage_status sage_trial_ask(sage_trial *trial, const sage_lister *listers, size_t n_listers, size_t k_max,
                           const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    run r = {.trial = trial, .listers = listers, .n_listers = n_listers, .k_max = k_max};
    SAGE_TRY(prepare(&r, error));
    SAGE_TRY(ask_all(&r, monitor, error));
out:
    release(&r);
    return st;
}
