/* What a user's own products add in the hybrid, by what it would have done for validation users. Each one's candidates
 * are gathered once and ranked under every rule of the grid. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <eval/searches.h>
#include <eval/trial.h>

enum { USERS_MAX = 2000, BLOCK = 128, NEAR = 10, FAR = 100 };

static const double weights[] = {0.05, 0.1, 0.2, 0.4}, half_lives_days[] = {60, 120};
enum {
    WEIGHTS = sizeof weights / sizeof *weights,
    HALF_LIVES = sizeof half_lives_days / sizeof *half_lives_days,
    RULES = 2 + WEIGHTS * HALF_LIVES /* the default and no weight come first */
};

typedef struct choice {
    sage_trial trial;
    sage_searches searches;
    sage_own_rule rules[RULES];
    uint64_t near[RULES], far[RULES], pairs;
    uint32_t *places;      /* [rows] 1-based rank among the first FAR of the running user; 0: not there */
    size_t queries[BLOCK]; /* of the trial */
    size_t n;
} choice;

static void make_rules(choice *c) {
    size_t n = 0;
    c->rules[n++] = sage_own_default;
    c->rules[n++] = (sage_own_rule){0, sage_own_default.half_life_days};
    for (size_t w = 0; w < WEIGHTS; w++)
        for (size_t h = 0; h < HALF_LIVES; h++) c->rules[n++] = (sage_own_rule){weights[w], half_lives_days[h]};
}

/* A user who belongs to training has events to predict only where the split is by time. */
static bool split_by_time(const sage_dataset *dataset) {
    sage_packed_user user;
    for (size_t u = 0; u < sage_dataset_users(dataset); u++) {
        sage_dataset_user(dataset, u, &user);
        for (size_t i = 0; user.part == SAGE_TRAIN && i < user.n; i++)
            if (user.events[i].part != SAGE_TRAIN) return true;
    }
    return false;
}

static void count_hits(choice *c, size_t rule, size_t query) {
    const sage_judge *judge = &c->trial.judge;
    for (size_t e = judge->begin[query]; e < judge->begin[query + 1]; e++) {
        size_t row;
        if (!judge->entries[e].first || !sage_index_find(c->trial.index, judge->entries[e].pid, &row)) continue;
        uint32_t place = c->places[row];
        c->near[rule] += place > 0 && place <= NEAR;
        c->far[rule] += place > 0;
    }
}

static sage_status try_rules(void *ctx, size_t i, sage_owned *own, sage_error *error) {
    choice *c = ctx;
    const sage_judge *judge = &c->trial.judge;
    size_t query = c->queries[i], n = own->n < FAR ? own->n : FAR;
    (void)error;
    for (size_t r = 0; r < RULES; r++) {
        const sage_neighbour *best = sage_owned_rank(own, &c->rules[r]);
        for (size_t at = 0; at < n; at++) c->places[best[at].row] = (uint32_t)at + 1;
        count_hits(c, r, query);
        for (size_t at = 0; at < n; at++) c->places[best[at].row] = 0;
    }
    for (size_t e = judge->begin[query]; e < judge->begin[query + 1]; e++) c->pairs += judge->entries[e].first;
    return SAGE_OK;
}

static sage_status ask(choice *c, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_past pasts[BLOCK];
    for (size_t i = 0; i < c->n; i++) pasts[i] = sage_trial_past_of(&c->trial, c->queries[i]);
    SAGE_TRY(sage_searches_histories(&c->searches, pasts, c->n, error));
    SAGE_TRY(sage_engine_each_own(c->searches.engine, c->searches.histories, c->n, FAR, try_rules, c, error));
out:
    c->n = 0;
    return st;
}

static sage_status ask_all(choice *c, const sage_monitor *monitor, size_t *n_users, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_ticker ticker;
    size_t n = c->trial.judge.n_queries, stride = (n + USERS_MAX - 1) / USERS_MAX;
    *n_users = 0;
    sage_ticker_begin(&ticker, monitor, "own products", n);
    for (size_t q = 0; q < n; q += stride, ++*n_users) {
        c->queries[c->n++] = q;
        if (c->n < BLOCK && q + stride < n) continue;
        SAGE_TRY(ask(c, error));
        sage_ticker_tick(&ticker, q + 1, NULL);
        SAGE_TRY(sage_check_cancel(monitor, "own products", error));
    }
    sage_ticker_end(&ticker, n);
out:
    return st;
}

static size_t best_rule(const choice *c) {
    size_t best = 0;
    for (size_t r = 1; r < RULES; r++)
        if (c->near[r] + c->far[r] > c->near[best] + c->far[best]) best = r;
    return best;
}

sage_status sage_eval_choose_own(sage_engine *engine, const sage_dataset *dataset, const sage_monitor *monitor,
                                 sage_own_rule *rule, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_index *index = sage_engine_index(engine);
    size_t n_users, rows = sage_index_count(index);
    choice *c = NULL;
    if (!sage_engine_has_user_tower(engine) || !split_by_time(dataset)) return SAGE_OK;
    if (!(c = sage_alloc_zero(1, sizeof *c)) || !(c->places = sage_alloc_zero(rows, sizeof *c->places))) {
        st = sage_fail_memory(error, sizeof *c + rows * sizeof *c->places);
        goto out;
    }
    make_rules(c);
    c->searches.engine = engine;
    SAGE_TRY(sage_trial_begin(&c->trial, index, SAGE_ON_USER, error));
    SAGE_TRY(sage_trial_of_dataset(&c->trial, dataset, SAGE_VALIDATION, error));
    if (c->trial.judge.n_queries == 0) goto out;
    SAGE_TRY(ask_all(c, monitor, &n_users, error));
    size_t best = best_rule(c);
    *rule = c->rules[best];
    sage_note(
        monitor,
        "hybrid of users: own products weigh %g, half of it after %g days; pair recall@%d %.3f and @%d %.3f for %zu "
        "validation users",
        rule->weight, rule->half_life_days, NEAR, (double)c->near[best] / (double)c->pairs, FAR,
        (double)c->far[best] / (double)c->pairs, n_users);
out:
    if (c != NULL) {
        sage_searches_free(&c->searches);
        sage_trial_free(&c->trial);
        sage_free(c->places);
    }
    sage_free(c);
    return st;
}
