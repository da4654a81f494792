#include <base/alloc.h>
#include <base/error.h>
#include <base/option_table.h>
#include <base/report.h>
#include <io/version.h>
#include <shop/index_graph.h>
#include <string.h>

/* Of each kind of queries; fewer searches than the least are too few to tell. */
enum { QUERIES = 500, SEARCHES_MIN = 50 };
/* A graph that goes on from an older one may find a little less, within what so many queries can tell. Mostly fewer
 * show that it holds; only where they do not the others are asked. */
enum { CHECKED = 300, CHECKED_FIRST = 64 };
static const double LESS = 0.005;

sage_status sage_graph_rule_read(const sage_options *options, const sage_tuned *tuned, sage_graph_rule *rule,
                                 sage_error *error) {
    const char *index = sage_options_text(options, "index");
    const bool other_graph =
        tuned->m > 0 && !sage_options_is_set(options, "index_m") && !sage_options_is_set(options, "index_build");
    const bool other_recall = tuned->recall > 0 && !sage_options_is_set(options, "index_recall");
    rule->when = strcmp(index, "hnsw") == 0    ? SAGE_GRAPH_ALWAYS
                 : strcmp(index, "exact") == 0 ? SAGE_GRAPH_NEVER
                                               : SAGE_GRAPH_AUTO;
    rule->links.m = (size_t)(other_graph ? tuned->m : (uint64_t)sage_options_int(options, "index_m"));
    rule->links.build = (size_t)(other_graph ? tuned->build : (uint64_t)sage_options_int(options, "index_build"));
    rule->links.bytes = strcmp(sage_options_text(options, "index_codes"), "int8") == 0;
    rule->recall = other_recall ? tuned->recall : sage_options_real(options, "index_recall");
    rule->width = (size_t)sage_options_int_or(options, "index_search", 0);
    if (rule->links.build >= rule->links.m) return SAGE_OK;
    return sage_fail(error, SAGE_E_ARGUMENT, "index_build = %zu is less than index_m = %zu", rule->links.build,
                     rule->links.m);
}

void sage_graph_before_of(const sage_shop *shop, uint64_t vectors, sage_graph_before *before) {
    char parent[SAGE_PATH_MAX];
    sage_release release;
    *before = (sage_graph_before){.width = 0};
    if (sage_release_read(shop, &release, NULL) != SAGE_OK || release.vectors != vectors) return;
    if (release.search_width == 0 || sage_shop_path(shop, "index", parent, NULL) != SAGE_OK) return;
    if (sage_version_path(before->dir, parent, release.index, NULL) != SAGE_OK) before->dir[0] = '\0';
    before->width = (size_t)release.search_width;
    before->recall = release.search_recall;
}

static sage_status count_bytes(const char *dir, uint64_t *bytes, sage_error *error) {
    sage_index *index = NULL;
    sage_status st = sage_index_open(dir, false, &index, error);
    if (st == SAGE_OK) *bytes = sage_index_graph_bytes(index);
    sage_index_close(index);
    return st;
}

static sage_status holds_on(const sage_index *index, size_t width, size_t n, double least, sage_pool *pool, bool *holds,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    sage_recall_sample sample = {.index = NULL};
    sage_recall_figure recall;
    SAGE_TRY(sage_recall_sample_near(index, pool, n, width, &sample, error));
    SAGE_TRY(sage_recall_ask(&sample, width, &recall, error));
    *holds = recall.recall >= least;
out:
    sage_recall_sample_free(&sample);
    return st;
}

/* Whether walks find what is asked of them, or what they found before where that was less, at the width of before. */
static sage_status check_recall(const sage_graph_rule *rule, const sage_graph_before *before, const char *dir,
                                sage_pool *pool, bool *holds, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_index *index = NULL;
    const double least = (before->recall < rule->recall ? before->recall : rule->recall) - LESS;
    SAGE_TRY(sage_index_open(dir, false, &index, error));
    SAGE_TRY(holds_on(index, before->width, CHECKED_FIRST, least, pool, holds, error));
    if (!*holds) SAGE_TRY(holds_on(index, before->width, CHECKED, least, pool, holds, error));
out:
    sage_index_close(index);
    return st;
}

/* *done: dir has the graph. What the version before lacks is no error: then it is built. */
static sage_status link_on(const sage_graph_rule *rule, const sage_graph_before *before, const char *dir,
                           sage_pool *pool, const sage_monitor *monitor, bool *done, sage_error *error) {
    sage_index_change change;
    *done = false;
    if (before->dir[0] == '\0') return SAGE_OK;
    sage_status st =
        sage_index_link_on(dir, before->dir, !before->verified, pool, &rule->links, monitor, &change, error);
    if (st == SAGE_E_FORMAT || st == SAGE_E_NOT_FOUND) return SAGE_OK;
    if (st != SAGE_OK || !change.done) return st;
    *done = sage_index_change_is_none(&change); /* it is the same graph, which was measured */
    if (!*done) st = check_recall(rule, before, dir, pool, done, error);
    if (st != SAGE_OK) return st;
    if (*done)
        sage_note(monitor,
                  "the graph goes on from the release before: %zu products as they were, %zu added, %zu "
                  "changed, %zu removed",
                  change.kept, change.added, change.changed, change.removed);
    else
        sage_note(monitor,
                  "the graph of the release before, with what changed, would find too little; it is built afresh");
    return SAGE_OK;
}

sage_status sage_shop_link(const sage_graph_rule *rule, const sage_graph_before *before, const char *dir, size_t rows,
                           sage_pool *pool, const sage_monitor *monitor, uint64_t *bytes, bool *went_on,
                           sage_error *error) {
    sage_error fault = {0};
    *bytes = 0;
    *went_on = false;
    if (rule->when == SAGE_GRAPH_NEVER || (rule->when == SAGE_GRAPH_AUTO && rows < SAGE_GRAPH_ROWS_MIN)) return SAGE_OK;
    sage_status st = link_on(rule, before, dir, pool, monitor, went_on, &fault);
    if (st == SAGE_OK && !*went_on) st = sage_index_link(dir, pool, &rule->links, monitor, &fault);
    if (st == SAGE_OK) return count_bytes(dir, bytes, error);
    if (st == SAGE_E_STATE && rule->when == SAGE_GRAPH_AUTO) {
        sage_note(monitor, "%s; all of them are compared", fault.text);
        return SAGE_OK;
    }
    if (error != NULL) *error = fault;
    return st;
}

/* Of up to QUERIES validation searches, those that the model knows something of. */
static sage_status sample_searches(const sage_index *index, sage_engine *engine, sage_pool *pool,
                                   const sage_judgement *judgements, size_t n, sage_recall_sample *sample,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t dim = sage_index_dim(index), take = n < QUERIES ? n : QUERIES;
    sage_str texts[QUERIES];
    bool known[QUERIES];
    size_t n_known = 0;
    float *vectors = sage_alloc((take * dim + 1) * sizeof *vectors);
    if (vectors == NULL) return sage_fail_memory(error, take * dim * sizeof *vectors);
    for (size_t i = 0; i < take; i++) texts[i] = judgements[i * n / take].query;
    SAGE_TRY(sage_engine_texts(engine, texts, take, vectors, known, error));
    for (size_t i = 0; i < take; i++)
        if (known[i]) memmove(vectors + n_known++ * dim, vectors + i * dim, dim * sizeof *vectors);
    if (n_known >= SEARCHES_MIN) SAGE_TRY(sage_recall_sample_of(index, pool, vectors, n_known, sample, error));
out:
    sage_free(vectors);
    return st;
}

sage_status sage_graph_queries_make(const sage_index *index, sage_engine *engine, sage_pool *pool,
                                    const sage_judgement *judgements, size_t n_judgements, sage_graph_queries *queries,
                                    sage_error *error) {
    sage_status st = SAGE_OK;
    *queries = (sage_graph_queries){.n = 0};
    SAGE_TRY(sage_recall_sample_made(index, pool, QUERIES, &queries->samples[0], error));
    queries->n = 1;
    if (n_judgements >= SEARCHES_MIN)
        SAGE_TRY(sample_searches(index, engine, pool, judgements, n_judgements, &queries->samples[1], error));
    queries->n += queries->samples[1].n > 0;
out:
    if (st != SAGE_OK) sage_graph_queries_free(queries);
    return st;
}

void sage_graph_queries_free(sage_graph_queries *queries) {
    for (size_t i = 0; i < 2; i++) sage_recall_sample_free(&queries->samples[i]);
    queries->n = 0;
}

sage_status sage_shop_choose_width(const sage_graph_rule *rule, sage_engine *engine, sage_pool *pool,
                                   const sage_judgement *judgements, size_t n, const sage_monitor *monitor,
                                   sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_index *index = sage_engine_index(engine);
    sage_graph_queries queries = {.n = 0};
    sage_recall_figure chosen;
    release->search_width = 0;
    release->search_recall = 0;
    if (!sage_index_linked(index)) return SAGE_OK;
    SAGE_TRY(sage_graph_queries_make(index, engine, pool, judgements, n, &queries, error));
    SAGE_TRY(sage_check_cancel(monitor, "index", error));
    if (rule->width == 0)
        SAGE_TRY(sage_recall_choose(queries.samples, queries.n, rule->recall, &chosen, NULL, NULL, error));
    else
        SAGE_TRY(sage_recall_least(queries.samples, queries.n, rule->width, &chosen, error));
    release->search_width = chosen.width;
    release->search_recall = chosen.recall;
out:
    sage_graph_queries_free(&queries);
    return st;
}
