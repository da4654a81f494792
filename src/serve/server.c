/* The server's life: opened, watched while it runs, ended in order. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <io/fs.h>
#include <itemsage/serve.h>
#include <serve/access_log.h>
#include <serve/answer.h>
#include <serve/http.h>
#include <serve/listen.h>
#include <serve/problem.h>
#include <serve/workers.h>
#include <shop/shop.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef struct server {
    sage_serve serve;
    sage_access_log *log;
    double began_s;
    _Atomic(sage_http *) http; /* known only after its thread may be asking already */
    sage_workers *workers;
    char *tls_cert, *tls_key; /* PEM; NULL: plain HTTP */
} server;

/* ---- between HTTP and what answers ---- */

static bool admit(void *ctx, sage_exchange *exchange) {
    server *s = ctx;
    return sage_serve_admit(&s->serve, &exchange->request, &exchange->response);
}

static sage_receipt receive(void *ctx, sage_exchange *exchange) {
    server *s = ctx;
    if (!sage_serve_searches(&exchange->request)) {
        sage_serve_answer(&s->serve, 0, &exchange->request, &exchange->response);
        return SAGE_ANSWERED;
    }
    if (sage_workers_reserve(s->workers)) return SAGE_LATER;
    sage_problem_answer(&exchange->response, SAGE_PROBLEM_BUSY, NULL, "too many searches wait");
    return SAGE_ANSWERED;
}

static void submit(void *ctx, sage_exchange *exchange) {
    server *s = ctx;
    sage_workers_push(s->workers, exchange);
}

static void work(void *ctx, void *job, size_t worker, double waited_s) {
    server *s = ctx;
    sage_exchange *exchange = job;
    exchange->waited_s = waited_s;
    if (!sage_serve_too_late(&s->serve, waited_s, &exchange->response))
        sage_serve_answer(&s->serve, worker, &exchange->request, &exchange->response);
}

static void worked(void *ctx, void *job) {
    (void)ctx;
    sage_http_answered(job);
}

static void done(void *ctx, sage_exchange *e) {
    server *s = ctx;
    const sage_response *r = &e->response;
    const size_t bytes = r->fixed.data != NULL ? r->fixed.len : r->body.len;
    const double took_s = e->whole_s > 0 && e->answered_s > 0 ? e->answered_s - e->whole_s : 0;
    const sage_route *route = r->route < sage_routes_count() ? &sage_routes[r->route] : NULL;
    if (e->answered_s <= 0) return; /* it was never whole */
    sage_metrics_count(s->serve.metrics, r->route, r->status, took_s, e->waited_s, bytes);
    sage_access_log_write(s->log, &(sage_access){.remote = e->remote,
                                                 .method = e->method_name,
                                                 .path = route != NULL ? route->path : e->request.path,
                                                 .route = route != NULL ? route->name : "",
                                                 .status = r->status,
                                                 .bytes = bytes,
                                                 .took_s = took_s,
                                                 .waited_s = e->waited_s,
                                                 .release = r->release});
}

static void measure(void *ctx, sage_gauges *gauges) {
    server *s = ctx;
    gauges->busy = sage_workers_busy(s->workers);
    sage_http *http = s->http;
    if (http != NULL) gauges->connections = sage_http_connections(http);
    gauges->up_s = sage_now_s() - s->began_s;
}

/* ---- beginning ---- */

/* A connection is a descriptor; the soft limit is often 1,024. */
static void allow_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static size_t workers_of(const sage_options *options) {
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return (size_t)sage_options_int_or(options, "serve_threads", cores > 0 ? cores : 1);
}

static sage_status start_http(server *s, const sage_options *options, int socket, sage_error *error) {
    const size_t workers = workers_of(options);
    const sage_http_rules rules = {.threads = 1 + workers / 16,
                                   .connections = (size_t)sage_options_int(options, "serve_connections"),
                                   .header_bytes = (size_t)sage_options_int(options, "serve_header_bytes"),
                                   .body_bytes = (size_t)sage_options_int(options, "serve_body_bytes"),
                                   .bodies_bytes = (size_t)sage_options_int(options, "serve_bodies_bytes"),
                                   .request_s = (double)sage_options_int(options, "serve_request_s"),
                                   .tls_cert = s->tls_cert,
                                   .tls_key = s->tls_key,
                                   .ctx = s,
                                   .admit = admit,
                                   .receive = receive,
                                   .submit = submit,
                                   .done = done};
    sage_http *http;
    sage_status st = sage_http_start(socket, &rules, &http, error);
    s->http = http;
    return st;
}

/* Who may ask: those who have a token, or, on the loopback or where it was said so, everybody. */
static sage_status read_tokens(server *s, const sage_options *options, bool open, sage_error *error) {
    const char *path = sage_options_text(options, "serve_tokens");
    if (strcmp(path, "none") != 0) return sage_bearers_read(path, &s->serve.tokens, error);
    if (open) return SAGE_OK;
    return sage_fail(error, SAGE_E_ARGUMENT,
                     "others than this machine could ask; set serve_tokens to a file of tokens, or say --no-auth");
}

enum { PEM_MAX_BYTES = 1 << 20 };

static sage_status read_pem(const sage_options *options, const char *key, char **text, sage_error *error) {
    const char *path = sage_options_text(options, key);
    size_t n;
    if (strcmp(path, "none") == 0) return SAGE_OK;
    return sage_fs_read_all(path, PEM_MAX_BYTES, text, &n, error);
}

static sage_status read_tls(server *s, const sage_options *options, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(read_pem(options, "serve_tls_cert", &s->tls_cert, error));
    SAGE_TRY(read_pem(options, "serve_tls_key", &s->tls_key, error));
    if ((s->tls_cert != NULL) != (s->tls_key != NULL))
        st = sage_fail(error, SAGE_E_ARGUMENT,
                       "TLS takes both serve_tls_cert and serve_tls_key; one of them is not set");
out:
    return st;
}

static sage_status open_log(server *s, const sage_shop *shop, const char *path, sage_error *error) {
    sage_status st = SAGE_OK;
    if (strcmp(path, "-") != 0) SAGE_TRY(sage_shop_check_outside(shop, path, error));
    st = sage_access_log_open(path, &s->log, error);
out:
    return st;
}

static sage_status start(server *s, sage_shop *shop, const sage_serve_settings *settings, const sage_monitor *monitor,
                         int socket, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_options *options = sage_shop_options(shop);
    const size_t n = workers_of(options);
    allow_descriptors();
    s->began_s = sage_now_s();
    s->serve.measure = measure;
    s->serve.measure_ctx = s;
    SAGE_TRY(read_tls(s, options, error));
    s->serve.metrics = sage_metrics_new();
    if (s->serve.metrics == NULL) SAGE_TRY(sage_fail_memory(error, 1 << 16));
    if (settings->access_log != NULL) SAGE_TRY(open_log(s, shop, settings->access_log, error));
    SAGE_TRY(sage_changes_new(shop, monitor, &s->serve.changes, error));
    SAGE_TRY(sage_releases_open(shop, n, s->serve.changes, &s->serve.releases, error));
    s->serve.shop = shop;
    SAGE_TRY(sage_intake_new(sage_shop_directory(shop), &s->serve.intake, error));
    SAGE_TRY(sage_plane_new(sage_shop_directory(shop), &s->serve.plane, error));
    SAGE_TRY(
        sage_workers_start(n, (size_t)sage_options_int(options, "serve_queue"), work, worked, s, &s->workers, error));
    s->serve.wait_s = (double)sage_options_int(options, "serve_wait_ms") / 1000;
    const int given = socket;
    socket = -1;
    SAGE_TRY(start_http(s, options, given, error));
out:
    if (socket >= 0) close(socket);
    return st;
}

/* ---- running, and ending ---- */

static void rest(double seconds) {
    const struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL); /* a signal ends it early */
}

/* About each second, for as long as anything is answered. */
static void turn(server *s, const sage_monitor *monitor) {
    size_t dropped;
    sage_bearers_turn(s->serve.tokens, monitor);
    sage_http_sweep(s->http);
    sage_intake_turn(s->serve.intake);
    sage_changes_turn(s->serve.changes);
    sage_access_log_turn(s->log, &dropped);
    if (dropped > 0) sage_warn(monitor, "%zu lines of the access log could not be written", dropped);
}

static void watch(server *s, const sage_monitor *monitor) {
    while (!sage_cancelled(monitor)) {
        rest(1);
        sage_releases_look(s->serve.releases, monitor);
        turn(s, monitor);
    }
}

/* Until all answers are sent, or the time is over. */
static void await_answers(server *s, double until_s) {
    while (sage_now_s() < until_s && sage_http_exchanges(s->http) > 0) {
        sage_http_sweep(s->http);
        rest(0.02);
    }
}

/* Lingers while balancers turn away, then takes nothing new, and waits for what is in flight. */
static void drain(server *s, const sage_options *options, const sage_monitor *monitor) {
    const double until_s = sage_now_s() + (double)sage_options_int(options, "serve_linger_s");
    const double drain_s = (double)sage_options_int(options, "serve_drain_s");
    s->serve.drains = true;
    sage_note(monitor, "told to stop: requests in flight end");
    for (double left_s; (left_s = until_s - sage_now_s()) > 0; turn(s, monitor)) rest(left_s < 1 ? left_s : 1);
    sage_http_drain(s->http);
    await_answers(s, sage_now_s() + drain_s);
    s->serve.late = true;
}

sage_status sage_serve_run(sage_shop *shop, const sage_serve_settings *settings, const sage_monitor *monitor,
                           sage_error *error) {
    sage_status st = SAGE_OK;
    char address[SAGE_ADDRESS_BYTES];
    bool loopback = false;
    int socket = -1;
    server *s = sage_alloc_zero(1, sizeof *s);
    if (s == NULL) return sage_fail_memory(error, sizeof *s);
    const char *where = settings->listen != NULL ? settings->listen : "127.0.0.1:8080";
    SAGE_TRY(sage_listen(where, &socket, address, &loopback, error));
    SAGE_TRY(read_tokens(s, sage_shop_options(shop), loopback || settings->no_auth, error));
    if (s->serve.tokens == NULL && !settings->no_auth) s->serve.listen = where;
    const int listens = socket;
    socket = -1;
    SAGE_TRY(start(s, shop, settings, monitor, listens, error));
    if (settings->ready != NULL) settings->ready(settings->ctx, s->tls_cert != NULL ? "https" : "http", address);
    watch(s, monitor);
    drain(s, sage_shop_options(shop), monitor);
out:
    if (socket >= 0) close(socket);
    sage_workers_end(s->workers); /* first: what they have is answered, and HTTP can end */
    sage_http_stop(s->http);
    sage_workers_free(s->workers);
    sage_plane_free(s->serve.plane);
    sage_releases_close(s->serve.releases);
    sage_changes_free(s->serve.changes);
    sage_access_log_close(s->log);
    sage_intake_free(s->serve.intake);
    sage_metrics_free(s->serve.metrics);
    sage_bearers_free(s->serve.tokens);
    sage_free(s->tls_cert);
    if (s->tls_key != NULL) explicit_bzero(s->tls_key, strlen(s->tls_key));
    sage_free(s->tls_key);
    sage_free(s);
    return st;
}
