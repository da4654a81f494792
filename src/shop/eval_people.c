#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <eval/baselines.h>
#include <eval/searches.h>
#include <eval/trial_run.h>
#include <shop/eval_people.h>
#include <stdlib.h>
#include <string.h>

/* ---- trials from a file ---- */

typedef struct file_trial {
    sage_trial *trial;
    const sage_index *index;
    sage_catalog *catalog;
    sage_user_event *known;
    sage_judge_entry *wanted;
    size_t known_capacity, wanted_capacity;
    int64_t newest_ms; /* of the catalogue's events */
} file_trial;

static sage_status know(file_trial *f, size_t n, const sage_user_event *event, sage_error *error) {
    if (sage_grow((void **)&f->known, &f->known_capacity, n + 1, sizeof *f->known) != 0)
        return sage_fail_memory(error, (n + 1) * sizeof *f->known);
    f->known[n] = *event;
    return SAGE_OK;
}

static void turn_round(sage_user_event *list, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        sage_user_event kept = list[i];
        list[i] = list[n - 1 - i];
        list[n - 1 - i] = kept;
    }
}

static sage_status user_known(file_trial *f, sage_str id, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_user_cursor *cursor = NULL;
    const sage_user_row *row;
    size_t at;
    char *name = sage_strndup(id.data, id.len);
    if (name == NULL) return sage_fail_memory(error, id.len);
    SAGE_TRY(sage_user_cursor_open(f->catalog, name, &cursor, error));
    for (;;) {
        SAGE_TRY(sage_user_cursor_next(cursor, &row, error));
        if (row == NULL) break;
        if (!sage_index_find(f->index, row->pid, &at)) continue;
        const sage_user_event event = {.time_ms = row->time_ms,
                                       .product = (uint32_t)at,
                                       .count = row->count < UINT16_MAX ? (uint16_t)row->count : UINT16_MAX,
                                       .kind = (uint8_t)row->kind};
        SAGE_TRY(know(f, *n, &event, error));
        ++*n;
    }
    turn_round(f->known, *n); /* they came newest first */
out:
    sage_user_cursor_close(cursor);
    sage_free(name);
    return st;
}

static sage_status product_known(file_trial *f, sage_str id, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t row;
    char *name = sage_strndup(id.data, id.len);
    if (name == NULL) return sage_fail_memory(error, id.len);
    if (sage_index_find_id(f->index, name, &row)) {
        const sage_user_event event = {.time_ms = INT64_MIN, .product = (uint32_t)row, .count = 1};
        SAGE_TRY(know(f, 0, &event, error));
        *n = 1;
    }
out:
    sage_free(name);
    return st;
}

static sage_status trial_of_file(sage_shop *shop, sage_trial *trial, const sage_file_event *events, size_t n,
                                 sage_error *error) {
    sage_status st = SAGE_OK;
    bool users = trial->surface == SAGE_ON_USER;
    file_trial f = {.trial = trial, .index = trial->index, .newest_ms = INT64_MIN};
    if (n == 0) return SAGE_OK;
    if (users) SAGE_TRY(sage_shop_catalog(shop, false, &f.catalog, error));
    if (users) SAGE_TRY(sage_catalog_newest_event(f.catalog, &f.newest_ms, error));
    for (size_t i = 0; i < n;) {
        size_t n_known = 0, n_wanted = 0;
        sage_str query = events[i].query;
        SAGE_TRY(users ? user_known(&f, query, &n_known, error) : product_known(&f, query, &n_known, error));
        for (; i < n && sage_str_equal(events[i].query, query); i++, n_wanted++) {
            if (sage_grow((void **)&f.wanted, &f.wanted_capacity, n_wanted + 1, sizeof *f.wanted) != 0)
                SAGE_TRY(sage_fail_memory(error, (n_wanted + 1) * sizeof *f.wanted));
            f.wanted[n_wanted] =
                (sage_judge_entry){.pid = events[i].pid,
                                   .task = (unsigned)trial->surface * SAGE_EVENT_KINDS + events[i].kind,
                                   .shown = events[i].shown};
        }
        SAGE_TRY(sage_trial_add(trial, query, f.known, n_known, f.newest_ms, f.wanted, n_wanted, error));
    }
out:
    sage_catalog_close(f.catalog);
    sage_free(f.known);
    sage_free(f.wanted);
    return st;
}

sage_status sage_eval_looked_at(sage_shop *shop, const sage_dataset *dataset, sage_part part,
                                const sage_shown_source *shown, sage_trial *trial, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_judgement *judgements = NULL;
    sage_file_event *events = NULL;
    size_t n = 0;
    SAGE_TRY(sage_judgements_of(dataset, part, SAGE_ON_PRODUCT, &judgements, &n, error));
    if (shown != NULL && shown->catalog != NULL)
        SAGE_TRY(sage_shown_judgements(shown, SAGE_ON_PRODUCT, judgements, n, error));
    if (!(events = sage_alloc_zero(n, sizeof *events))) SAGE_TRY(sage_fail_memory(error, n * sizeof *events));
    for (size_t i = 0; i < n; i++)
        events[i] = (sage_file_event){judgements[i].query, judgements[i].pid,
                                      (sage_event_kind)(judgements[i].task % SAGE_EVENT_KINDS), judgements[i].shown};
    SAGE_TRY(trial_of_file(shop, trial, events, n, error));
out:
    sage_free(events);
    sage_free(judgements);
    return st;
}

/* ---- judging ---- */

typedef struct bench {
    sage_shop *shop;
    sage_pool *pool;
    const sage_people_source *source;
    const sage_index *index;
    const sage_monitor *monitor;
    sage_searches searches;
    sage_touched touched;
    size_t n_queries;
} bench;

static sage_status judge(bench *b, sage_trial *trial, sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_baselines *baselines = NULL;
    sage_lister listers[SAGE_LISTERS_MAX];
    size_t n = 0, leading = 1;
    const sage_item_knn_options rules = {.shrink = SAGE_ITEM_KNN_SHRINK};
    bool users = trial->surface == SAGE_ON_USER, *asked = sage_alloc_zero(sage_index_count(b->index), sizeof *asked);
    if (asked == NULL) return sage_fail_memory(error, sage_index_count(b->index) * sizeof *asked);
    sage_trial_asked(trial, asked);
    SAGE_TRY(sage_baselines_new(&b->touched, asked, &rules, b->pool, &baselines, error));
    if (users && sage_engine_has_user_tower(b->searches.engine)) {
        /* Without what is known, and what the same users dealt with, the hybrid's lists are the tower's. */
        bool more = trial->n_known > 0 || sage_engine_has_together(b->searches.engine);
        if (more) listers[n++] = sage_by_user_hybrid(&b->searches);
        listers[n++] = sage_by_user_tower(&b->searches);
        leading = n;
    }
    if (!users && sage_engine_asks_products(b->searches.engine)) listers[n++] = sage_by_product_tower(&b->searches);
    listers[n++] = users ? sage_by_interests(&b->searches) : sage_by_own_vector(&b->searches);
    if (b->touched.n_users > 0) listers[n++] = sage_item_knn_lister(baselines);
    if (b->touched.n_users > 0) listers[n++] = sage_popular(baselines);
    if (users && trial->n_known > 0) listers[n++] = sage_own(baselines);
    SAGE_TRY(sage_eval_trial(trial, listers, n, leading, b->pool, b->monitor, report, error));
    if (b->source->notes != NULL)
        SAGE_TRY(sage_notes_people(b->source->notes, trial, listers, n, report->k, report->n_k, error));
    b->n_queries += trial->judge.n_queries;
out:
    sage_baselines_free(baselines);
    sage_free(asked);
    return st;
}

static sage_status judge_surface(bench *b, sage_surface surface, sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_trial trial = {0};
    bool users = surface == SAGE_ON_USER;
    SAGE_TRY(sage_trial_begin(&trial, b->index, surface, error));
    if (b->source->file)
        SAGE_TRY(trial_of_file(b->shop, &trial, users ? b->source->users : b->source->products,
                               users ? b->source->n_users : b->source->n_products, error));
    else
        SAGE_TRY(sage_trial_of_dataset(&trial, b->source->dataset, SAGE_TEST, error));
    if (!b->source->file && users && b->source->shown->catalog != NULL)
        SAGE_TRY(sage_shown_users(b->source->shown, &trial, error));
    if (!b->source->file && !users)
        SAGE_TRY(sage_eval_looked_at(b->shop, b->source->dataset, SAGE_TEST, b->source->shown, &trial, error));
    if (users && trial.n_unasked > 0)
        sage_note(b->monitor, "%zu users are left out of whom nothing was known before what is to be predicted",
                  trial.n_unasked);
    if (trial.judge.n_queries > 0) SAGE_TRY(judge(b, &trial, report, error));
out:
    sage_trial_free(&trial);
    return st;
}

sage_status sage_eval_people_rows(sage_shop *shop, const sage_open_release *opened, const sage_people_source *source,
                                  const sage_monitor *monitor, size_t *n_queries, sage_eval_report *report,
                                  sage_error *error) {
    sage_status st = SAGE_OK;
    bench b = {.shop = shop, .source = source, .index = sage_engine_index(opened->engine), .monitor = monitor};
    *n_queries = 0;
    SAGE_TRY(sage_shop_pool(shop, &b.pool, error));
    b.searches.engine = opened->engine;
    b.searches.pool = b.pool;
    sage_interest_rules_read(shop->options, &b.searches.rules);
    if (source->dataset != NULL)
        SAGE_TRY(sage_touched_in(&b.touched, source->dataset, b.index, error));
    else
        SAGE_TRY(sage_touched_begin(&b.touched, sage_index_count(b.index), error));
    if (source->dataset == NULL) SAGE_TRY(sage_touched_finish(&b.touched, error));
    SAGE_TRY(judge_surface(&b, SAGE_ON_USER, report, error));
    SAGE_TRY(judge_surface(&b, SAGE_ON_PRODUCT, report, error));
    *n_queries = b.n_queries;
out:
    sage_touched_free(&b.touched);
    sage_searches_free(&b.searches);
    return st;
}
