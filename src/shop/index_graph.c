#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <index/recall.h>
#include <shop/index_graph.h>
#include <string.h>

/* Below, reading all vectors takes about a millisecond (docs/results.md). */
enum { ROWS_MIN = 20000 };
/* Of each kind of queries; fewer searches than the least are too few to tell. */
enum { QUERIES = 500, SEARCHES_MIN = 50 };

static bool wants_graph(const sage_options *options, size_t rows) {
    const char *index = sage_options_text(options, "index");
    return strcmp(index, "hnsw") == 0 || (strcmp(index, "auto") == 0 && rows >= ROWS_MIN);
}

static sage_status count_bytes(const char *dir, uint64_t *bytes, sage_error *error) {
    sage_index *index = NULL;
    sage_status st = sage_index_open(dir, false, &index, error);
    if (st == SAGE_OK) *bytes = sage_index_graph_bytes(index);
    sage_index_close(index);
    return st;
}

sage_status sage_shop_link(sage_shop *shop, const char *dir, size_t rows, sage_pool *pool, const sage_monitor *monitor,
                           uint64_t *bytes, sage_error *error) {
    const sage_options *options = shop->options;
    const sage_index_links links = {(size_t)sage_options_int(options, "index_m"),
                                    (size_t)sage_options_int(options, "index_build"),
                                    strcmp(sage_options_text(options, "index_codes"), "int8") == 0};
    sage_error fault = {0};
    *bytes = 0;
    if (!wants_graph(options, rows)) return SAGE_OK;
    if (links.build < links.m)
        return sage_fail(error, SAGE_E_ARGUMENT, "index_build = %zu is less than index_m = %zu", links.build, links.m);
    sage_status st = sage_index_link(dir, pool, &links, monitor, &fault);
    if (st == SAGE_OK) return count_bytes(dir, bytes, error);
    if (st == SAGE_E_STATE && strcmp(sage_options_text(options, "index"), "auto") == 0) {
        sage_note(monitor, "%s; all of them are compared", fault.text);
        return SAGE_OK;
    }
    if (error != NULL) *error = fault;
    return st;
}

/* Of up to QUERIES validation searches, those that the model knows something of. */
static sage_status sample_searches(sage_engine *engine, sage_pool *pool, const sage_judgement *judgements, size_t n,
                                   sage_recall_sample *sample, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_index *index = sage_engine_index(engine);
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

sage_status sage_shop_choose_width(sage_shop *shop, sage_engine *engine, const sage_judgement *judgements, size_t n,
                                   const sage_monitor *monitor, sage_release *release, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_options *options = shop->options;
    sage_recall_sample samples[2] = {{.index = NULL}};
    sage_recall chosen;
    sage_pool *pool;
    size_t n_samples = 0;
    release->search_width = 0;
    release->search_recall = 0;
    if (!sage_index_linked(sage_engine_index(engine))) return SAGE_OK;
    SAGE_TRY(sage_shop_pool(shop, &pool, error));
    SAGE_TRY(sage_recall_sample_made(sage_engine_index(engine), pool, QUERIES, &samples[n_samples++], error));
    SAGE_TRY(sage_check_cancel(monitor, "index", error));
    if (n >= SEARCHES_MIN) SAGE_TRY(sample_searches(engine, pool, judgements, n, &samples[n_samples], error));
    n_samples += samples[1].n > 0;
    if (sage_options_is_auto(options, "index_search"))
        SAGE_TRY(sage_recall_choose(samples, n_samples, sage_options_real(options, "index_recall"), &chosen, error));
    else
        SAGE_TRY(
            sage_recall_least(samples, n_samples, (size_t)sage_options_int(options, "index_search"), &chosen, error));
    release->search_width = chosen.width;
    release->search_recall = chosen.recall;
out:
    for (size_t i = 0; i < 2; i++) sage_recall_sample_free(&samples[i]);
    return st;
}
