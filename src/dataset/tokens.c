/* Products of which the training part says enough for a token of their own. */
#include <base/alloc.h>
#include <base/error.h>
#include <dataset/tokens.h>
#include <string.h>

/* Without any texts, a product without a token would be nothing at all. */
enum { AUTO_EVENTS = 3, WORDLESS_EVENTS = 1 };
static const double AUTO_MEAN = 5; /* events a product, from which on tokens pay: docs/model.md */

static void add(uint32_t *events, uint32_t count) {
    *events += count < UINT32_MAX - *events ? count : UINT32_MAX - *events;
}

static void count_pairs(const sage_dataset *dataset, uint32_t *events) {
    for (unsigned task = 0; task < SAGE_TASKS; task++) {
        size_t n;
        const sage_pair *pairs = sage_dataset_pairs(dataset, SAGE_TRAIN, task, &n);
        for (size_t i = 0; i < n; i++) add(&events[pairs[i].product], pairs[i].count);
    }
}

static void count_people(const sage_dataset *dataset, uint32_t *events) {
    for (size_t u = 0; u < sage_dataset_users(dataset); u++) {
        sage_packed_user user;
        sage_dataset_user(dataset, u, &user);
        for (size_t i = 0; i < user.n; i++)
            if (user.part == SAGE_TRAIN && user.events[i].part == SAGE_TRAIN)
                add(&events[user.events[i].product], user.events[i].count);
    }
}

/* Events of the training part with each product, [2][products] of which the first become the result: how many, and of
 * all products. An event may be known by its query and by who did it, so the larger of the two numbers counts. */
static double count_events(const sage_dataset *dataset, uint32_t *events) {
    double all = 0;
    size_t n = sage_dataset_products(dataset);
    count_pairs(dataset, events);
    count_people(dataset, events + n);
    for (size_t i = 0; i < n; i++) {
        if (events[n + i] > events[i]) events[i] = events[n + i];
        all += events[i];
    }
    return all;
}

static bool wordless(const sage_dataset *dataset) {
    return sage_vocab_size(sage_dataset_vocab(dataset)) == 0;
}

static bool wanted(const sage_dataset *dataset, const sage_options *options, double events) {
    const char *choice = sage_options_text(options, "product_token");
    if (strcmp(choice, "auto") != 0) return strcmp(choice, "on") == 0;
    return wordless(dataset) || events >= AUTO_MEAN * (double)sage_dataset_products(dataset);
}

sage_status sage_dataset_tokens(const sage_dataset *dataset, const sage_options *options, sage_tokens *tokens,
                                sage_error *error) {
    size_t n = sage_dataset_products(dataset);
    const int64_t *pids = sage_dataset_pids(dataset);
    uint32_t least =
        (uint32_t)sage_options_int_or(options, "token_events", wordless(dataset) ? WORDLESS_EVENTS : AUTO_EVENTS);
    uint32_t *of = sage_alloc_zero(2 * n + 1, sizeof *of);
    int64_t *its = sage_alloc((n + 1) * sizeof *its);
    *tokens = (sage_tokens){0};
    if (of == NULL || its == NULL) {
        sage_free(of);
        sage_free(its);
        return sage_fail_memory(error, n * (2 * sizeof *of + sizeof *its));
    }
    bool on = wanted(dataset, options, count_events(dataset, of));
    for (size_t i = 0; i < n; i++) {
        bool enough = on && of[i] >= least;
        if (enough) its[tokens->n] = pids[i];
        of[i] = enough ? (uint32_t)tokens->n++ : UINT32_MAX;
    }
    tokens->of = of;
    tokens->pids = its;
    return SAGE_OK;
}

void sage_tokens_free(sage_tokens *tokens) {
    sage_free(tokens->of);
    sage_free(tokens->pids);
    *tokens = (sage_tokens){0};
}
