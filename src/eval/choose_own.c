/* What a user's own products, and what the same users dealt with, add in the hybrid, by what it would have done for
 * validation users. Each one's candidates are gathered once for each of the two and ranked under every rule of its
 * grid. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <eval/searches.h>
#include <eval/trial.h>
#include <string.h>

enum { USERS_MAX = 2000, BLOCK = 128, NEAR = 10, FAR = 100 };

static const double weights[] = {0.05, 0.1, 0.2, 0.4}, half_lives_days[] = {60, 120};
enum {
    WEIGHTS = sizeof weights / sizeof *weights,
    HALF_LIVES = sizeof half_lives_days / sizeof *half_lives_days,
    RULES_MAX = 2 + WEIGHTS * HALF_LIVES /* the default and no weight come first */
};

typedef struct choice {
    sage_trial trial;
    sage_searches searches;
    bool by_time; /* else what is known cannot be wanted, and is left out */
    sage_own_rule rules[RULES_MAX];
    size_t n_rules;
    uint64_t near[RULES_MAX], far[RULES_MAX], pairs;
    uint32_t *places;      /* [rows] 1-based rank among the first FAR of the running user; 0: not there */
    size_t queries[BLOCK]; /* of the trial */
    size_t n, n_users;
} choice;

static void add_rule(choice *c, double weight, double half_life_days, double together) {
    c->rules[c->n_rules++] = (sage_own_rule){weight, half_life_days, together};
}

static void own_rules(choice *c) {
    const sage_own_rule *usual = &sage_own_default;
    c->n_rules = 0;
    add_rule(c, usual->weight, usual->half_life_days, 0);
    add_rule(c, 0, usual->half_life_days, 0);
    for (size_t w = 0; w < WEIGHTS; w++)
        for (size_t h = 0; h < HALF_LIVES; h++) add_rule(c, weights[w], half_lives_days[h], 0);
}

static void together_rules(choice *c, const sage_own_rule *own) {
    c->n_rules = 0;
    add_rule(c, own->weight, own->half_life_days, sage_own_default.together);
    add_rule(c, own->weight, own->half_life_days, 0);
    for (size_t w = 0; w < WEIGHTS; w++) add_rule(c, own->weight, own->half_life_days, weights[w]);
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
        c->far[rule] += place > 0 && place <= FAR;
    }
}

enum { KNOWN = UINT32_MAX };

/* The places of the first FAR; or clears them. */
static void place(choice *c, const sage_owned *own, const sage_neighbour *best, bool clear) {
    uint32_t at = 0;
    for (size_t i = 0; i < own->n && at < FAR; i++) {
        uint32_t *its = &c->places[best[i].row];
        if (*its == KNOWN) continue;
        at++;
        *its = clear ? 0 : at;
    }
}

static sage_status try_rules(void *ctx, size_t i, sage_owned *own, sage_error *error) {
    choice *c = ctx;
    const sage_judge *judge = &c->trial.judge;
    size_t query = c->queries[i], n_known = c->by_time ? 0 : own->n_owned;
    (void)error;
    for (size_t k = 0; k < n_known; k++) c->places[own->candidates[k].row] = KNOWN;
    for (size_t r = 0; r < c->n_rules; r++) {
        const sage_neighbour *best = sage_owned_rank(own, &c->rules[r]);
        place(c, own, best, false);
        count_hits(c, r, query);
        place(c, own, best, true);
    }
    for (size_t k = 0; k < n_known; k++) c->places[own->candidates[k].row] = 0;
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

static sage_status ask_all(choice *c, const sage_monitor *monitor, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_ticker ticker;
    size_t n = c->trial.judge.n_queries, stride = (n + USERS_MAX - 1) / USERS_MAX;
    c->n_users = c->pairs = 0;
    memset(c->near, 0, sizeof c->near);
    memset(c->far, 0, sizeof c->far);
    sage_ticker_begin(&ticker, monitor, "hybrid of users", n);
    for (size_t q = 0; q < n; q += stride, ++c->n_users) {
        c->queries[c->n++] = q;
        if (c->n < BLOCK && q + stride < n) continue;
        SAGE_TRY(ask(c, error));
        sage_ticker_tick(&ticker, q + 1, NULL);
        SAGE_TRY(sage_check_cancel(monitor, "hybrid of users", error));
    }
    sage_ticker_end(&ticker, n);
out:
    return st;
}

static size_t best_rule(const choice *c) {
    size_t best = 0;
    for (size_t r = 1; r < c->n_rules; r++)
        if (c->near[r] + c->far[r] > c->near[best] + c->far[best]) best = r;
    return best;
}

static void tell(const choice *c, size_t best, const sage_monitor *monitor) {
    const sage_own_rule *rule = &c->rules[best];
    double pairs = (double)c->pairs, near = (double)c->near[best] / pairs, far = (double)c->far[best] / pairs;
    if (c->by_time)
        sage_note(
            monitor,
            "hybrid of users: own products weigh %g, half of it after %g days, what the same users dealt with %g; "
            "pair recall@%d %.3f and @%d %.3f for %zu validation users",
            rule->weight, rule->half_life_days, rule->together, NEAR, near, FAR, far, c->n_users);
    else
        sage_note(monitor,
                  "hybrid of users: what the same users dealt with weighs %g; pair recall@%d %.3f and @%d %.3f for %zu "
                  "validation users",
                  rule->together, NEAR, near, FAR, far, c->n_users);
}

static sage_status choose(choice *c, bool together, const sage_monitor *monitor, sage_own_rule *rule,
                          sage_error *error) {
    sage_status st = SAGE_OK;
    size_t best = 0;
    *rule = (sage_own_rule){0, sage_own_default.half_life_days, 0};
    if (c->by_time) {
        own_rules(c);
        SAGE_TRY(ask_all(c, monitor, error));
        best = best_rule(c);
        *rule = c->rules[best];
    }
    if (together) {
        together_rules(c, rule);
        SAGE_TRY(ask_all(c, monitor, error));
        best = best_rule(c);
        *rule = c->rules[best];
    }
    tell(c, best, monitor);
out:
    return st;
}

sage_status sage_eval_choose_own(sage_engine *engine, const sage_dataset *dataset, const sage_monitor *monitor,
                                 sage_own_rule *rule, bool *better, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_index *index = sage_engine_index(engine);
    bool by_time = split_by_time(dataset), together = sage_engine_has_together(engine);
    size_t rows = sage_index_count(index);
    sage_own_rule chosen;
    choice *c = NULL;
    if (!sage_engine_has_user_tower(engine) || (!by_time && !together)) return SAGE_OK;
    if (!(c = sage_alloc_zero(1, sizeof *c)) || !(c->places = sage_alloc_zero(rows, sizeof *c->places))) {
        st = sage_fail_memory(error, sizeof *c + rows * sizeof *c->places);
        goto out;
    }
    c->by_time = by_time;
    c->searches.engine = engine;
    SAGE_TRY(sage_trial_begin(&c->trial, index, SAGE_ON_USER, error));
    SAGE_TRY(sage_trial_of_dataset(&c->trial, dataset, SAGE_VALIDATION, error));
    if (c->trial.judge.n_queries == 0) goto out;
    SAGE_TRY(choose(c, together, monitor, &chosen, error));
    *rule = chosen;
    *better = rule->weight > 0 || rule->together > 0;
out:
    if (c != NULL) {
        sage_searches_free(&c->searches);
        sage_trial_free(&c->trial);
        sage_free(c->places);
    }
    sage_free(c);
    return st;
}
