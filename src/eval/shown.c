#include <base/error.h>
#include <eval/shown.h>
#include <string.h>

static int compare_text(sage_str a, sage_str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.data, b.data, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Where the event stands to the judgement; both orders are the catalogue's own. */
static int compare(const sage_shown_row *row, unsigned task, const sage_judgement *judgement) {
    int order = compare_text(row->query_key, judgement->query);
    if (order != 0) return order;
    if (row->pid != judgement->pid) return row->pid < judgement->pid ? -1 : 1;
    return (task > judgement->task) - (task < judgement->task);
}

static sage_exposure *in_judgements(sage_judgement *judgements, size_t n, unsigned task, const sage_shown_row *row) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(row, task, &judgements[middle]);
        if (order == 0) return &judgements[middle].shown;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static sage_exposure *in_trial(sage_trial *trial, unsigned task, const sage_shown_row *row) {
    size_t low = 0, high = trial->judge.n_queries;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_text(trial->pasts[middle].id, row->query_key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == trial->judge.n_queries || compare_text(trial->pasts[low].id, row->query_key) != 0) return NULL;
    for (size_t e = trial->judge.begin[low]; e < trial->judge.begin[low + 1]; e++) {
        sage_judge_entry *entry = &trial->judge.entries[e];
        if (entry->pid == row->pid && entry->task == task) return &entry->shown;
    }
    return NULL;
}

/* The judgements, or the trial where there are none. */
static sage_status add(const sage_shown_source *source, sage_surface surface, sage_judgement *judgements, size_t n,
                       sage_trial *trial, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_shown_cursor *cursor = NULL;
    const sage_shown_row *row;
    SAGE_TRY(sage_shown_cursor_open(source->catalog, surface, &cursor, error));
    for (;;) {
        SAGE_TRY(sage_shown_cursor_next(cursor, &row, error));
        if (row == NULL) break;
        if (source->after_ms != INT64_MIN && row->time_ms <= source->after_ms) continue;
        unsigned task = (unsigned)surface * SAGE_EVENT_KINDS + row->kind;
        sage_exposure *shown = trial != NULL ? in_trial(trial, task, row) : in_judgements(judgements, n, task, row);
        if (shown != NULL) sage_exposure_add(shown, &source->rule, row->position, row->propensity, row->count);
    }
out:
    sage_shown_cursor_close(cursor);
    return st;
}

sage_status sage_shown_judgements(const sage_shown_source *source, sage_surface surface, sage_judgement *judgements,
                                  size_t n, sage_error *error) {
    return n > 0 ? add(source, surface, judgements, n, NULL, error) : SAGE_OK;
}

sage_status sage_shown_users(const sage_shown_source *source, sage_trial *trial, sage_error *error) {
    return trial->judge.n_queries > 0 ? add(source, SAGE_ON_USER, NULL, 0, trial, error) : SAGE_OK;
}
