/* Searches of a live index: walks through its graph, or all rows. */
#include <base/error.h>
#include <index/live_impl.h>

typedef struct question {
    const float *query;
    size_t k, width; /* width 0: all rows are compared */
    const sage_filter *filter;
} question;

/* ---- all rows ---- */

typedef struct alive {
    const sage_graph *graph;
    const sage_filter *filter;
} alive;

/* Rows that are given hold still while the reader is inside; others may be written to. */
static bool is_alive(const void *ctx, uint32_t row) {
    const alive *a = ctx;
    return sage_graph_gives(a->graph, row) && (a->filter == NULL || sage_filter_accepts(a->filter, row));
}

static sage_status scan(const sage_live_reader *reader, const question *q, sage_neighbour *out, size_t *found,
                        sage_error *error) {
    const sage_hnsw *hnsw = &reader->live->changing->hnsw;
    const size_t rows = sage_graph_rows(&hnsw->graph);
    const alive ctx = {&hnsw->graph, q->filter};
    const sage_filter filter = {.accepts = is_alive, .ctx = &ctx, .matches = rows};
    return sage_exact_search_among(NULL, hnsw->codes.vectors, rows, hnsw->codes.dim, q->query, 1, q->k, &filter, out,
                                   found, error);
}

/* ---- one query ---- */

/* A product that is being replaced is there twice for a moment. Its older slot is dead by the time that it is looked at
 * here, or the search was before the newer one. */
static bool is_there_twice(const sage_live *live, const sage_neighbour *out, size_t found, size_t at) {
    if (sage_graph_gives(&live->changing->hnsw.graph, out[at].row)) return false;
    const int64_t pid = sage_live_pid_of(live, out[at].row);
    for (size_t i = 0; i < found; i++)
        if (i != at && sage_live_pid_of(live, out[i].row) == pid) return true;
    return false;
}

static sage_status search(const sage_live_reader *reader, const question *q, sage_neighbour *out, size_t *found,
                          sage_error *error) {
    enum { AGAIN = 4 };
    size_t n = 0;
    for (int i = 0; i < AGAIN; i++) {
        sage_status st = q->width > 0 ? sage_changing_search(&reader->reading, q->query, q->k, q->width, q->filter, out,
                                                             found, error)
                                      : scan(reader, q, out, found, error);
        if (st != SAGE_OK) return st;
        n = 0;
        for (size_t at = 0; at < *found; at++) n += is_there_twice(reader->live, out, *found, at);
        if (n == 0) return SAGE_OK;
    }
    n = 0;
    for (size_t at = 0; at < *found; at++)
        if (sage_graph_gives(&reader->live->changing->hnsw.graph, out[at].row)) out[n++] = out[at];
    *found = n;
    return SAGE_OK;
}

sage_status sage_live_search(sage_live_reader *reader, const float *query, size_t k, size_t width,
                             const sage_filter *filter, sage_neighbour *out, size_t *found, sage_error *error) {
    sage_status st = search(reader, &(question){query, k, width > 0 ? width : 1, filter}, out, found, error);
    if (st == SAGE_OK && reader->live->watch != NULL)
        sage_recall_watch_offer(reader->live->watch, query, k, filter, out, *found);
    return st;
}

/* ---- as an index is searched ---- */

/* As near.c has it. */
static bool walking_pays(const sage_live *live, size_t k, size_t width) {
    const sage_graph *graph = &live->changing->hnsw.graph;
    const size_t kept = width > k ? width : k;
    return !live->scans && kept <= sage_graph_rows(graph) / (2 * graph->m);
}

static sage_status near_one(sage_live_reader *reader, const question *asked, const sage_way *way, sage_neighbour *out,
                            size_t *found, sage_error *error) {
    question q = *asked;
    sage_hnsw_searcher *searcher = reader->reading.searcher;
    sage_status st = SAGE_OK;
    if (q.width > 0) {
        sage_hnsw_end_by(searcher, way->until_s);
        st = sage_live_search(reader, q.query, q.k, q.width, q.filter, out, found, error);
        if (way->complete != NULL && sage_hnsw_ended_early(searcher)) *way->complete = false;
        if (st != SAGE_OK || *found == q.k || (q.filter != NULL && q.filter->bits != NULL)) return st;
        q.width = 0;
    }
    return search(reader, &q, out, found, error);
}

sage_status sage_live_near(sage_live_reader *reader, const float *queries, size_t n_queries, size_t k,
                           const sage_way *way, sage_neighbour *out, size_t *found, sage_error *error) {
    const size_t width = way->width > 0 ? way->width : SAGE_INDEX_WIDTH, dim = sage_live_dim(reader->live);
    const bool walks = !way->exact && walking_pays(reader->live, k, width);
    for (size_t i = 0; i < n_queries; i++) {
        const question q = {queries + i * dim, k, walks ? width : 0, way->filter};
        sage_status st = near_one(reader, &q, way, out + i * k, &found[i], error);
        if (st != SAGE_OK) return st;
    }
    return SAGE_OK;
}

/* ---- recall ---- */

sage_status sage_live_watch(sage_live *live, const sage_recall_watch_options *options, sage_error *error) {
    sage_recall_watch *watch = NULL;
    sage_changing *changing = live->changing;
    sage_status st =
        options != NULL ? sage_recall_watch_new(&changing->hnsw, &changing->epochs, options, &watch, error) : SAGE_OK;
    if (st != SAGE_OK) return st;
    sage_recall_watch_free(live->watch);
    live->watch = watch;
    return SAGE_OK;
}

bool sage_live_watched(const sage_live *live, sage_recall_watched *watched) {
    return sage_recall_watch_tell(live->watch, watched);
}
