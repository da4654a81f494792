#include <base/error.h>
#include <base/report.h>
#include <io/version.h>
#include <shop/index_tune.h>

/* Beside the one that is there; one that makes less of a difference in time than this is not worth a larger graph. */
static const sage_index_links others[] = {{8, 100, true}, {16, 100, true}, {24, 300, true}, {32, 400, true}};
enum { OTHERS = sizeof others / sizeof *others };
static const double FASTER = 1.05;

_Static_assert((int)SAGE_TRIED_MAX >= (1 + (int)OTHERS) * (int)SAGE_RECALL_TRIES, "all that is tried has room");

static bool tunes(const sage_tune *tune) {
    return tune->wanted != NULL && tune->wanted->recall > 0;
}

sage_status sage_tune_begin(sage_tune *tune, sage_shop *shop, const sage_tuning *tuning, sage_index_report *report,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    sage_release before;
    *tune = (sage_tune){.wanted = tuning, .report = report};
    if (sage_release_read(shop, &before, NULL) == SAGE_OK) tune->tuned = before.tuned;
    if (tuning != NULL && tuning->recall <= 0) tune->tuned = (sage_tuned){.recall = 0};
    SAGE_TRY(sage_graph_rule_read(shop->options, &tune->tuned, &tune->rule, error));
    if (tunes(tune)) {
        tune->tuned.recall = tune->rule.recall = tuning->recall;
        tune->rule.width = 0;
    }
out:
    return st;
}

sage_status sage_tune_check(const sage_tune *tune, uint64_t graph_bytes, size_t products, sage_error *error) {
    if (graph_bytes > 0 || !tunes(tune)) return SAGE_OK;
    if (tune->rule.when == SAGE_GRAPH_AUTO && products < SAGE_GRAPH_ROWS_MIN)
        return sage_fail(
            error, SAGE_E_STATE,
            "there is no graph to tune: index=auto makes one from %d products on, and here are %zu, all of "
            "which are compared; --set index=hnsw asks for one",
            SAGE_GRAPH_ROWS_MIN, products);
    return sage_fail(error, SAGE_E_STATE,
                     "there is no graph to tune: all products are compared; --set index=hnsw asks for one");
}

/* One graph: every width up to the one that reaches the recall. */
static sage_status try_graph(sage_tune *tune, const sage_graph_queries *queries, const sage_index *index,
                             const sage_index_links *links, sage_recall_figure *chosen, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_recall_figure tried[SAGE_RECALL_TRIES];
    size_t n = 0;
    SAGE_TRY(sage_recall_choose(queries->samples, queries->n, tune->rule.recall, chosen, tried, &n, error));
    for (size_t i = 0; i < n; i++)
        tune->report->tried[tune->report->n_tried++] = (sage_tried){.m = links->m,
                                                                    .build = links->build,
                                                                    .graph_bytes = sage_index_graph_bytes(index),
                                                                    .width = tried[i].width,
                                                                    .recall = tried[i].recall,
                                                                    .margin = tried[i].margin,
                                                                    .per_second = tried[i].per_second};
out:
    return st;
}

/* By speed among those that reach the recall; where none does, by recall. */
static bool is_better(const sage_recall_figure *one, const sage_recall_figure *than, double wanted) {
    if (one->recall < wanted || than->recall < wanted) return one->recall > than->recall;
    return one->per_second > FASTER * than->per_second;
}

/* The graph that was built, then others; *best: its links, *at: where it was put down. */
static sage_status try_all(sage_tune *tune, sage_index *index, const sage_graph_queries *queries, sage_pool *pool,
                           const sage_monitor *monitor, sage_recall_figure *best, sage_index_links *links,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_index_links built = tune->rule.links;
    size_t at;
    *links = built;
    SAGE_TRY(try_graph(tune, queries, index, links, best, error));
    at = tune->report->n_tried - 1;
    for (size_t i = 0; tune->wanted->graphs && i < OTHERS; i++) {
        sage_recall_figure of;
        const sage_index_links other = {others[i].m, others[i].build, built.bytes};
        if (other.m == built.m && other.build == built.build) continue;
        SAGE_TRY(sage_index_relink(index, pool, &other, monitor, error));
        SAGE_TRY(try_graph(tune, queries, index, &other, &of, error));
        if (!is_better(&of, best, tune->rule.recall)) continue;
        *best = of;
        *links = other;
        at = tune->report->n_tried - 1;
    }
    tune->report->tried[at].chosen = true;
out:
    return st;
}

/* In an index of its own, since other graphs take the place of the one that is there. */
static sage_status tune_all(sage_tune *tune, sage_shop *shop, sage_engine *engine, const sage_judgement *judgements,
                            size_t n, sage_pool *pool, const sage_monitor *monitor, sage_release *release,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    char parent[SAGE_PATH_MAX], path[SAGE_PATH_MAX];
    sage_index *index = NULL;
    sage_graph_queries queries = {.n = 0};
    sage_index_links links;
    sage_recall_figure best;
    SAGE_TRY(sage_shop_path(shop, "index", parent, error));
    SAGE_TRY(sage_version_path(path, parent, release->index, error));
    SAGE_TRY(sage_index_open(path, false, &index, error));
    SAGE_TRY(sage_graph_queries_make(index, engine, pool, judgements, n, &queries, error));
    tune->report->made_queries = queries.samples[0].n;
    tune->report->searches = queries.samples[1].n;
    SAGE_TRY(try_all(tune, index, &queries, pool, monitor, &best, &links, error));
    tune->again = links.m != tune->rule.links.m || links.build != tune->rule.links.build;
    tune->rule.links = links;
    if (tune->wanted->graphs) {
        tune->tuned.m = links.m;
        tune->tuned.build = links.build;
    }
    release->search_width = best.width;
    release->search_recall = best.recall;
out:
    sage_graph_queries_free(&queries);
    sage_index_close(index);
    return st;
}

sage_status sage_shop_tune(sage_tune *tune, sage_shop *shop, sage_engine *engine, const sage_judgement *judgements,
                           size_t n, const sage_monitor *monitor, sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pool *pool = NULL;
    tune->again = false;
    SAGE_TRY(sage_shop_pool(shop, &pool, error));
    if (tunes(tune))
        SAGE_TRY(tune_all(tune, shop, engine, judgements, n, pool, monitor, release, error));
    else
        SAGE_TRY(sage_shop_choose_width(&tune->rule, engine, pool, judgements, n, monitor, release, error));
    tune->wanted = NULL;
    release->tuned = tune->tuned;
out:
    return st;
}
