#include <base/alloc.h>
#include <base/error.h>
#include <serve/metrics.h>
#include <serve/process.h>
#include <serve/routes.h>
#include <stdatomic.h>
#include <stdio.h>

enum { ROUTES_MAX = 32, BUCKETS = 14 };

/* Upper ends in seconds; behind the last everything else. */
static const double ends[BUCKETS] = {0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};
static const int statuses[] = {200, 202, 204, 304, 400, 401, 403, 404, 405, 409, 410, 413, 415, 500, 503};
enum { STATUSES = sizeof statuses / sizeof *statuses + 1 }; /* the last: any other */

typedef struct histogram {
    atomic_ullong counts[BUCKETS + 1]; /* each its own, not those below it */
    atomic_ullong sum_us;
} histogram;

struct sage_metrics {
    atomic_ullong answers[ROUTES_MAX + 1][STATUSES];
    histogram took[ROUTES_MAX + 1], waited;
    atomic_ullong bytes;
};

sage_metrics *sage_metrics_new(void) {
    return sage_alloc_zero(1, sizeof(sage_metrics));
}

void sage_metrics_free(sage_metrics *metrics) {
    sage_free(metrics);
}

static void add(atomic_ullong *count, unsigned long long n) {
    atomic_fetch_add_explicit(count, n, memory_order_relaxed);
}

static unsigned long long get(atomic_ullong *count) {
    return atomic_load_explicit(count, memory_order_relaxed);
}

static void observe(histogram *h, double seconds) {
    size_t at = 0;
    while (at < BUCKETS && seconds > ends[at]) at++;
    add(&h->counts[at], 1);
    add(&h->sum_us, seconds > 0 ? (unsigned long long)(seconds * 1e6) : 0);
}

static size_t routes_counted(void) {
    const size_t n = sage_routes_count();
    return n < ROUTES_MAX ? n : ROUTES_MAX;
}

void sage_metrics_count(sage_metrics *metrics, size_t route, int status, double seconds, double waited_s,
                        size_t bytes) {
    size_t at = 0;
    if (route > routes_counted()) route = routes_counted();
    while (at < STATUSES - 1 && statuses[at] != status) at++;
    add(&metrics->answers[route][at], 1);
    add(&metrics->bytes, bytes);
    observe(&metrics->took[route], seconds);
    if (route < routes_counted() && sage_routes[route].searches) observe(&metrics->waited, waited_s);
}

/* ---- writing ---- */

static sage_status head(sage_buf *out, const char *name, const char *type, const char *help, sage_error *error) {
    return sage_buf_printf(out, error, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static const char *route_name(size_t route) {
    return route < routes_counted() ? sage_routes[route].name : "none";
}

static sage_status write_answers(sage_metrics *m, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(head(out, "itemsage_requests_total", "counter", "Requests by route and status.", error));
    for (size_t r = 0; r <= routes_counted(); r++) {
        for (size_t s = 0; s < STATUSES; s++) {
            char status[16] = "other";
            const unsigned long long n = get(&m->answers[r][s]);
            if (n == 0) continue;
            if (s < STATUSES - 1) snprintf(status, sizeof status, "%d", statuses[s]);
            SAGE_TRY(sage_buf_printf(out, error, "itemsage_requests_total{route=\"%s\",status=\"%s\"} %llu\n",
                                     route_name(r), status, n));
        }
    }
out:
    return st;
}

/* `label`: "" or such as route="search", with a comma behind it. */
static sage_status write_histogram(histogram *h, const char *name, const char *label, sage_buf *out,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    unsigned long long n = 0;
    char only[80] = "";
    for (size_t i = 0; i < BUCKETS; i++) {
        n += get(&h->counts[i]);
        SAGE_TRY(sage_buf_printf(out, error, "%s_bucket{%sle=\"%g\"} %llu\n", name, label, ends[i], n));
    }
    n += get(&h->counts[BUCKETS]);
    if (*label) snprintf(only, sizeof only, "{%.*s}", (int)strlen(label) - 1, label);
    SAGE_TRY(sage_buf_printf(out, error, "%s_bucket{%sle=\"+Inf\"} %llu\n", name, label, n));
    SAGE_TRY(sage_buf_printf(out, error, "%s_sum%s %.6f\n", name, only, (double)get(&h->sum_us) / 1e6));
    st = sage_buf_printf(out, error, "%s_count%s %llu\n", name, only, n);
out:
    return st;
}

static sage_status write_times(sage_metrics *m, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(head(out, "itemsage_request_seconds", "histogram",
                  "From a request's last byte to its answer, with waiting, by route.", error));
    for (size_t r = 0; r < routes_counted(); r++) {
        char label[64];
        snprintf(label, sizeof label, "route=\"%s\",", route_name(r));
        if (sage_routes[r].searches)
            SAGE_TRY(write_histogram(&m->took[r], "itemsage_request_seconds", label, out, error));
    }
    SAGE_TRY(head(out, "itemsage_wait_seconds", "histogram", "What searches waited for a free thread.", error));
    st = write_histogram(&m->waited, "itemsage_wait_seconds", "", out, error);
out:
    return st;
}

static sage_status write_recall(const sage_searcher_recall *recall, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(head(out, "itemsage_live_recall", "gauge", "Share of the nearest that live searches by the graph found.",
                  error));
    SAGE_TRY(sage_buf_printf(out, error, "itemsage_live_recall %.6f\n", recall->recall));
    SAGE_TRY(head(out, "itemsage_live_recall_margin", "gauge", "Half of its 95 % interval.", error));
    SAGE_TRY(sage_buf_printf(out, error, "itemsage_live_recall_margin %.6f\n", recall->margin));
    SAGE_TRY(head(out, "itemsage_live_recall_searches", "gauge", "Searches that it is of.", error));
    st = sage_buf_printf(out, error, "itemsage_live_recall_searches %zu\n", recall->searches);
out:
    return st;
}

static sage_status write_changes(const sage_changes_state *c, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    const struct {
        const char *kind;
        uint64_t n;
    } all[] = {{"put", c->upserts}, {"update", c->updates}, {"delete", c->deletes}};
    SAGE_TRY(
        head(out, "itemsage_changes_total", "counter", "Products that were put, updated, deleted over HTTP.", error));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        SAGE_TRY(sage_buf_printf(out, error, "itemsage_changes_total{kind=\"%s\"} %llu\n", all[i].kind,
                                 (unsigned long long)all[i].n));
out:
    return st;
}

static sage_status write_gauges(const sage_gauges *g, sage_buf *out, sage_error *error) {
    const sage_releases_state *r = &g->releases;
    const sage_process process = sage_process_read();
    const struct {
        const char *name, *type, *help;
        double value;
    } all[] = {
        {"itemsage_release", "gauge", "Version of the release in service.", (double)r->facts.release},
        {"itemsage_release_age_seconds", "gauge", "Since it was published.", r->age_s},
        {"itemsage_releases_open", "gauge", "Releases that are open, with those that end.", (double)r->open},
        {"itemsage_release_swaps_total", "counter", "Releases that took the place of another.", (double)r->swaps},
        {"itemsage_release_faults_total", "counter", "Tries to open a release that failed.", (double)r->faults},
        {"itemsage_release_refused", "gauge", "1 where what is published cannot be opened.", *r->fault ? 1 : 0},
        {"itemsage_products", "gauge", "Products that can be found.", (double)r->facts.products},
        {"itemsage_changes_waiting", "gauge", "Changes of products that are not in the release in service itself.",
         (double)g->changes.waiting},
        {"itemsage_changes_most", "gauge", "How many of them it takes (serve_changes).", (double)g->changes.most},
        {"itemsage_changes_replayed_total", "counter", "Changes that a release was given when it came into service.",
         (double)g->changes.replayed},
        {"itemsage_changes_refused_total", "counter", "Of these, what it could not take.", (double)g->changes.refused},
        {"itemsage_changed_words", "gauge", "Products whose words are scored beside the release.",
         (double)r->changes.beside},
        {"itemsage_build_recall", "gauge", "Recall of walks through the graph when it was built; 1 without a graph.",
         r->facts.width > 0 ? r->facts.recall : 1},
        {"itemsage_searches_in_flight", "gauge", "Searches that wait or are being done.", (double)g->busy},
        {"itemsage_connections", "gauge", "Clients that are connected.", (double)g->connections},
        {"itemsage_recent_events", "gauge",
         "Events that came in and are not in the catalogue yet, of those remembered.", (double)g->recent},
        {"itemsage_up_seconds", "gauge", "Since the server started.", g->up_s},
        {"process_resident_memory_bytes", "gauge", "Resident memory.", process.resident_bytes},
        {"process_cpu_seconds_total", "counter", "Processor time.", process.cpu_s},
        {"process_open_fds", "gauge", "Open descriptors.", process.descriptors},
    };
    sage_status st = SAGE_OK;
    if (r->watched) SAGE_TRY(write_recall(&r->recall, out, error));
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        SAGE_TRY(head(out, all[i].name, all[i].type, all[i].help, error));
        SAGE_TRY(sage_buf_printf(out, error, "%s %.15g\n", all[i].name, all[i].value));
    }
out:
    return st;
}

sage_status sage_metrics_write(sage_metrics *metrics, const sage_gauges *gauges, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(write_answers(metrics, out, error));
    SAGE_TRY(write_times(metrics, out, error));
    SAGE_TRY(head(out, "itemsage_answer_bytes_total", "counter", "Bytes of answers, without headers.", error));
    SAGE_TRY(sage_buf_printf(out, error, "itemsage_answer_bytes_total %llu\n", get(&metrics->bytes)));
    SAGE_TRY(write_changes(&gauges->changes, out, error));
    st = write_gauges(gauges, out, error);
out:
    return st;
}
