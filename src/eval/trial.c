#include <base/alloc.h>
#include <base/error.h>
#include <eval/trial.h>
#include <string.h>

sage_status sage_trial_begin(sage_trial *trial, const sage_index *index, sage_surface surface, sage_error *error) {
    size_t rows = sage_index_count(index);
    *trial = (sage_trial){.index = index, .surface = surface};
    trial->marks = sage_alloc_zero(rows, sizeof *trial->marks);
    if (trial->marks == NULL) return sage_fail_memory(error, rows);
    return surface == SAGE_ON_PRODUCT ? sage_variants_init(&trial->variants, index, error) : SAGE_OK;
}

void sage_trial_free(sage_trial *trial) {
    sage_variants_free(&trial->variants);
    sage_judge_free(&trial->judge);
    sage_free(trial->events);
    sage_free(trial->pasts);
    sage_free(trial->marks);
    *trial = (sage_trial){0};
}

sage_past sage_trial_past_of(const sage_trial *trial, size_t query) {
    const sage_trial_past *past = &trial->pasts[query];
    return (sage_past){trial->events + past->begin, past->n, past->moment_ms, past->id};
}

static size_t set(sage_trial *trial, size_t row, uint8_t mark) {
    size_t changed = trial->marks[row] != mark;
    trial->marks[row] = mark;
    return changed;
}

static size_t mark_known(sage_trial *trial, const sage_user_event *known, size_t n, uint8_t mark) {
    size_t changed = 0;
    for (size_t i = 0; i < n; i++) {
        size_t n_variants = 0;
        const sage_variant *variants = NULL;
        changed += set(trial, known[i].product, mark);
        if (trial->surface == SAGE_ON_PRODUCT)
            variants = sage_variants_of(&trial->variants, known[i].product, &n_variants);
        for (size_t v = 0; v < n_variants; v++) changed += set(trial, variants[v].row, mark);
    }
    return changed;
}

size_t sage_trial_mark(sage_trial *trial, size_t query, uint8_t mark) {
    const sage_trial_past *past = &trial->pasts[query];
    return mark_known(trial, trial->events + past->begin, past->n, mark);
}

void sage_trial_asked(const sage_trial *trial, bool *asked) {
    memset(asked, 0, sage_index_count(trial->index) * sizeof *asked);
    for (size_t i = 0; i < trial->n_events; i++) asked[trial->events[i].product] = true;
}

/* Says which of them were known; of a product that is looked at, those are left out. Gives how many stay. */
static size_t settle(sage_trial *trial, sage_judge_entry *wanted, size_t n) {
    size_t kept = 0, row;
    for (size_t i = 0; i < n; i++) {
        sage_judge_entry entry = wanted[i];
        entry.known = sage_index_find(trial->index, entry.pid, &row) && trial->marks[row] != 0;
        if (!entry.known || trial->surface != SAGE_ON_PRODUCT) wanted[kept++] = entry;
    }
    return kept;
}

sage_status sage_trial_add(sage_trial *trial, sage_str id, const sage_user_event *known, size_t n_known,
                           int64_t moment_ms, sage_judge_entry *wanted, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t query = trial->judge.n_queries;
    if (n_known == 0) trial->n_unasked += n > 0;
    if (n_known == 0) return SAGE_OK;
    mark_known(trial, known, n_known, 1);
    n = settle(trial, wanted, n);
    mark_known(trial, known, n_known, 0);
    if (n == 0) return SAGE_OK;
    if (sage_grow((void **)&trial->events, &trial->events_capacity, trial->n_events + n_known, sizeof *trial->events) !=
            0 ||
        sage_grow((void **)&trial->pasts, &trial->pasts_capacity, query + 1, sizeof *trial->pasts) != 0)
        return sage_fail_memory(error, (trial->n_events + n_known) * sizeof *trial->events);
    SAGE_TRY(sage_judge_add(&trial->judge, wanted, n, error));
    for (size_t e = trial->judge.begin[query]; e < trial->judge.begin[query + 1]; e++)
        trial->n_known += trial->judge.entries[e].known;
    memcpy(trial->events + trial->n_events, known, n_known * sizeof *known);
    trial->pasts[query] = (sage_trial_past){trial->n_events, n_known, moment_ms, id};
    trial->n_events += n_known;
out:
    return st;
}
