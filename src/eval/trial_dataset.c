/* Trials, and what baselines count from, out of what people of a dataset did. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/rng.h>
#include <eval/trial.h>

/* Rows of the index of the dataset's products, SAGE_NO_ROW where it does not hold one; both ascend by pid. */
static sage_status rows_of(const sage_dataset *dataset, const sage_index *index, uint32_t **rows, sage_error *error) {
    size_t n = sage_dataset_products(dataset), count = sage_index_count(index), row = 0;
    const int64_t *pids = sage_dataset_pids(dataset);
    *rows = sage_alloc_zero(n, sizeof **rows);
    if (*rows == NULL) return sage_fail_memory(error, n * sizeof **rows);
    for (size_t i = 0; i < n; i++) {
        while (row < count && sage_index_pid(index, row) < pids[i]) row++;
        (*rows)[i] = row < count && sage_index_pid(index, row) == pids[i] ? (uint32_t)row : SAGE_NO_ROW;
    }
    return SAGE_OK;
}

typedef struct reader {
    sage_trial *trial;
    const sage_dataset *dataset;
    sage_part part;
    uint32_t *rows;
    sage_user_event *known; /* room for one user's events */
    sage_judge_entry *wanted;
    size_t known_capacity, wanted_capacity;
} reader;

static size_t wanted_of(const sage_packed_user *user, sage_part part) {
    size_t n = 0;
    for (size_t i = 0; i < user->n; i++) n += user->events[i].part == part;
    return n;
}

/* In rows of the index; those that it does not hold are as if they had not been. */
static size_t to_rows(const reader *r, size_t n) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t row = r->rows[r->known[i].product];
        if (row == SAGE_NO_ROW) continue;
        r->known[kept] = r->known[i];
        r->known[kept++].product = row;
    }
    return kept;
}

/* The one that is looked at comes to the front. */
static void look_at_one(const reader *r, size_t user, size_t n) {
    bool timed = r->known[n - 1].time_ms != INT64_MIN;
    size_t at = timed ? n - 1 : (size_t)(sage_mix64(user) % n);
    r->known[0] = r->known[at];
}

static sage_status add_user(reader *r, size_t number, sage_error *error) {
    sage_packed_user user;
    size_t n = 0;
    sage_dataset_user(r->dataset, number, &user);
    if (sage_grow((void **)&r->known, &r->known_capacity, user.n, sizeof *r->known) != 0 ||
        sage_grow((void **)&r->wanted, &r->wanted_capacity, user.n, sizeof *r->wanted) != 0)
        return sage_fail_memory(error, user.n * sizeof *r->known);
    size_t n_known = to_rows(r, sage_user_known(&user, r->part, r->known));
    if (r->trial->surface == SAGE_ON_PRODUCT && n_known > 0) {
        look_at_one(r, number, n_known);
        n_known = 1;
    }
    for (size_t i = 0; i < user.n; i++) {
        const sage_user_event *event = &user.events[i];
        if (event->part != r->part) continue;
        r->wanted[n++] = (sage_judge_entry){.pid = sage_dataset_pids(r->dataset)[event->product],
                                            .task = (unsigned)r->trial->surface * SAGE_EVENT_KINDS + event->kind};
    }
    return sage_trial_add(r->trial, user.id, r->known, n_known, sage_user_moment(r->dataset, &user, r->part), r->wanted,
                          n, error);
}

sage_status sage_trial_of_dataset(sage_trial *trial, const sage_dataset *dataset, sage_part part, sage_error *error) {
    sage_status st = SAGE_OK;
    reader r = {.trial = trial, .dataset = dataset, .part = part};
    sage_packed_user user;
    size_t held = 0, seen = 0, users = sage_dataset_users(dataset);
    SAGE_TRY(rows_of(dataset, trial->index, &r.rows, error));
    for (size_t u = 0; u < users; u++) {
        sage_dataset_user(dataset, u, &user);
        held += wanted_of(&user, part) > 0;
    }
    size_t stride = (held + SAGE_TRIAL_QUERIES_MAX - 1) / SAGE_TRIAL_QUERIES_MAX;
    for (size_t u = 0; u < users; u++) {
        sage_dataset_user(dataset, u, &user);
        if (wanted_of(&user, part) > 0 && seen++ % stride == 0) SAGE_TRY(add_user(&r, u, error));
    }
out:
    sage_free(r.rows);
    sage_free(r.known);
    sage_free(r.wanted);
    return st;
}

/* ---- the training part ---- */

sage_status sage_touched_in(sage_touched *touched, const sage_dataset *dataset, const sage_index *index,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    uint32_t *rows = NULL, *own = NULL;
    size_t capacity = 0;
    SAGE_TRY(sage_touched_begin(touched, sage_index_count(index), error));
    SAGE_TRY(rows_of(dataset, index, &rows, error));
    for (size_t u = 0; u < sage_dataset_users(dataset); u++) {
        sage_packed_user user;
        size_t n = 0;
        sage_dataset_user(dataset, u, &user);
        if (user.part != SAGE_TRAIN) continue;
        if (sage_grow((void **)&own, &capacity, user.n, sizeof *own) != 0)
            SAGE_TRY(sage_fail_memory(error, user.n * sizeof *own));
        for (size_t i = 0; i < user.n; i++) {
            uint32_t row = rows[user.events[i].product];
            if (user.events[i].part == SAGE_TRAIN && row != SAGE_NO_ROW) own[n++] = row;
        }
        SAGE_TRY(sage_touched_add(touched, own, n, error));
    }
    SAGE_TRY(sage_touched_finish(touched, error));
out:
    sage_free(rows);
    sage_free(own);
    return st;
}
