#ifdef SAGE_WITH_MICROHTTPD
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <microhttpd.h>
#include <netdb.h>
#include <serve/connections.h>
#include <serve/framing.h>
#include <serve/http.h>
#include <serve/problem.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct sage_http {
    sage_http_rules rules;
    struct MHD_Daemon *daemon;
    sage_connections *connections;
    atomic_bool drains;
    atomic_size_t exchanges; /* whose head was read, and that are not done */
};

typedef enum part_state { READING, WITH_WORKER, READY, SENT } part_state;

struct sage_http_part {
    sage_http *http;
    struct MHD_Connection *connection;
    sage_connection *clock;
    _Atomic part_state state;
    sage_buf body;
    bool too_large, too_many;
    sage_framing framing;
    size_t n_args;
    bool bad_args;
    sage_arg args[SAGE_ARGS_MAX];
    char remote[64];
    sage_exchange exchange;
};
typedef struct sage_http_part part;

bool sage_http_there(void) {
    return true;
}

/* ---- a request becomes an exchange ---- */

static enum MHD_Result add_arg(void *ctx, enum MHD_ValueKind kind, const char *key, size_t key_size, const char *value,
                               size_t value_size) {
    part *p = ctx;
    (void)kind;
    if (p->n_args == SAGE_ARGS_MAX || strlen(key) != key_size || (value != NULL && strlen(value) != value_size)) {
        p->bad_args = true;
        return MHD_NO;
    }
    p->args[p->n_args++] = (sage_arg){key, value != NULL ? value : ""};
    return MHD_YES;
}

static enum MHD_Result add_header(void *ctx, enum MHD_ValueKind kind, const char *key, size_t key_size,
                                  const char *value, size_t value_size) {
    part *p = ctx;
    (void)kind;
    sage_framing_add(&p->framing, (sage_str){key, key_size}, (sage_str){value, value != NULL ? value_size : 0});
    return MHD_YES;
}

/* What libmicrohttpd keeps before there is an exchange, where the path would end at a zero byte when it is decoded:
 * "a%00b" is not the product "a". */
static char zero_in_path;

static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *connection) {
    (void)ctx;
    (void)connection;
    const char *zero = strstr(uri, "%00");
    return zero != NULL && zero < uri + strcspn(uri, "?") ? &zero_in_path : NULL;
}

static void read_remote(part *p) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(p->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL ||
        getnameinfo(info->client_addr,
                    info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in),
                    p->remote, sizeof p->remote, NULL, 0, NI_NUMERICHOST) != 0)
        p->remote[0] = '\0';
}

static const char *header(part *p, const char *name) {
    return MHD_lookup_connection_value(p->connection, MHD_HEADER_KIND, name);
}

static part *begin(sage_http *http, struct MHD_Connection *connection, const char *url, const char *method) {
    part *p = sage_alloc_zero(1, sizeof *p);
    if (p == NULL) return NULL;
    const union MHD_ConnectionInfo *clock = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    p->http = http;
    p->connection = connection;
    p->clock = clock != NULL ? clock->socket_context : NULL;
    sage_buf_init(&p->body, http->rules.body_bytes);
    read_remote(p);
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, add_arg, p);
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, add_header, p);
    p->exchange = (sage_exchange){.request = {.verb = sage_verb_of(method),
                                              .path = url,
                                              .args = p->args,
                                              .n_args = p->n_args,
                                              .content_type = header(p, MHD_HTTP_HEADER_CONTENT_TYPE),
                                              .authorization = header(p, MHD_HTTP_HEADER_AUTHORIZATION),
                                              .host = header(p, MHD_HTTP_HEADER_HOST),
                                              .if_none_match = header(p, MHD_HTTP_HEADER_IF_NONE_MATCH)},
                                  .method_name = method,
                                  .remote = p->remote,
                                  .came_s = sage_now_s(),
                                  .part = p};
    sage_response_init(&p->exchange.response);
    atomic_fetch_add(&http->exchanges, 1);
    return p;
}

/* ---- its body ---- */

static void drop_body(part *p) {
    sage_buf_free(&p->body);
    sage_connections_let_go(p->http->connections, p->clock);
}

/* Past a limit the rest is read and dropped, so that the client comes to read why. */
static void take_body(part *p, const char *data, size_t n) {
    sage_http *http = p->http;
    if (p->too_large || p->too_many) return;
    if (n > http->rules.body_bytes - p->body.len) {
        p->too_large = true;
    } else {
        p->too_many =
            !sage_connections_hold(http->connections, p->clock, n) || sage_buf_add(&p->body, data, n, NULL) != SAGE_OK;
    }
    if (p->too_large || p->too_many) drop_body(p);
}

static void say_limit(part *p) {
    if (p->too_large)
        sage_problem_answer(&p->exchange.response, SAGE_PROBLEM_TOO_LARGE, NULL, "a body has at most %zu bytes",
                            p->http->rules.body_bytes);
    else if (p->too_many)
        sage_problem_answer(&p->exchange.response, SAGE_PROBLEM_BUSY, NULL, "too many bodies wait to be answered");
    else
        sage_problem_answer(&p->exchange.response, SAGE_PROBLEM_PARAMETER, NULL,
                            "the URI holds a zero byte, or more than %d arguments", SAGE_ARGS_MAX);
}

/* What the head of a request says already: false where the answer is there, which ends the connection. */
static bool admit(part *p) {
    const char *length = header(p, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const char *fault = sage_framing_fault(&p->framing);
    if (fault != NULL) {
        sage_problem_answer(&p->exchange.response, SAGE_PROBLEM_JSON, NULL, "%s", fault);
        return false;
    }
    p->too_large = length != NULL && strtoull(length, NULL, 10) > p->http->rules.body_bytes;
    if (p->too_large || p->bad_args) {
        say_limit(p);
        return false;
    }
    return p->http->rules.admit(p->http->rules.ctx, &p->exchange);
}

/* ---- its answer ---- */

static enum MHD_Result send_answer(part *p) {
    sage_response *r = &p->exchange.response;
    struct MHD_Response *response;
    p->state = SENT;
    drop_body(p);
    if (!sage_connections_hold(p->http->connections, p->clock, r->body.cap)) {
        sage_buf_free(&r->body);
        sage_problem_answer(r, SAGE_PROBLEM_BUSY, NULL, "too many answers wait for their clients");
    }
    p->exchange.answered_s = sage_now_s();
    if (r->fixed.data != NULL) {
        response =
            MHD_create_response_from_buffer(r->fixed.len, (void *)(uintptr_t)r->fixed.data, MHD_RESPMEM_PERSISTENT);
    } else { /* the exchange lives until it is sent */
        response = MHD_create_response_from_buffer(r->body.len, r->body.data, MHD_RESPMEM_PERSISTENT);
    }
    if (response == NULL) return MHD_NO;
    if (r->type != NULL) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    for (size_t i = 0; i < r->n_headers; i++)
        MHD_add_response_header(response, r->headers[i].name,
                                r->headers[i].constant != NULL ? r->headers[i].constant : r->headers[i].value);
    if (r->location != NULL) MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, r->location);
    if (p->http->drains) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    sage_connections_wait(p->http->connections, p->clock);
    enum MHD_Result queued = MHD_queue_response(p->connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result receive(part *p) {
    sage_http_rules *rules = &p->http->rules;
    p->exchange.whole_s = sage_now_s();
    p->exchange.request.body = (sage_str){p->body.data != NULL ? p->body.data : "", p->body.len};
    if (p->too_large || p->too_many) {
        say_limit(p);
        return send_answer(p);
    }
    sage_connections_work(p->http->connections, p->clock);
    if (rules->receive(rules->ctx, &p->exchange) == SAGE_ANSWERED) return send_answer(p);
    p->state = WITH_WORKER;
    MHD_suspend_connection(p->connection);
    rules->submit(rules->ctx, &p->exchange);
    return MHD_YES;
}

void sage_http_answered(sage_exchange *exchange) {
    part *p = exchange->part;
    struct MHD_Connection *connection = p->connection;
    p->state = READY; /* from here on the server's thread may end the exchange */
    MHD_resume_connection(connection);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *n, void **kept) {
    const bool cut = *kept == &zero_in_path;
    part *p = cut ? NULL : *kept;
    (void)version;
    if (p == NULL) {
        *kept = p = begin(ctx, connection, url, method);
        if (p == NULL) return MHD_NO;
        p->bad_args = p->bad_args || cut;
        return admit(p) ? MHD_YES : send_answer(p);
    }
    if (*n > 0) {
        take_body(p, data, *n);
        *n = 0;
        return MHD_YES;
    }
    if (p->state == READY) return send_answer(p);
    return p->state == READING ? receive(p) : MHD_YES;
}

static void on_done(void *ctx, struct MHD_Connection *connection, void **kept, enum MHD_RequestTerminationCode code) {
    sage_http *http = ctx;
    part *p = *kept != &zero_in_path ? *kept : NULL;
    (void)connection;
    (void)code;
    *kept = NULL;
    if (p == NULL) return;
    http->rules.done(http->rules.ctx, &p->exchange);
    sage_connections_let_go(http->connections, p->clock);
    sage_connections_wait(http->connections, p->clock);
    sage_buf_free(&p->body);
    sage_response_free(&p->exchange.response);
    sage_free(p);
    atomic_fetch_sub(&http->exchanges, 1);
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **kept,
                          enum MHD_ConnectionNotificationCode code) {
    sage_http *http = ctx;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        sage_connections_remove(http->connections, *kept);
        *kept = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *kept = info != NULL ? sage_connections_add(http->connections, info->connect_fd) : NULL;
}

/* ---- the server ---- */

/* TLS 1.2 and later (RFC 8996). */
static char tls_priorities[] = "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1";

static sage_status start(sage_http *http, int socket, sage_error *error) {
    const sage_http_rules *rules = &http->rules;
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                           (rules->tls_cert != NULL ? MHD_USE_TLS : 0);
    /* Above `connections` the one that has waited longest is cut off; it needs a place until it is gone. */
    struct MHD_OptionItem options[16] = {
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_done, http},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, http},
        {MHD_OPTION_LISTEN_SOCKET, socket, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)(rules->connections + 64 + rules->connections / 8), NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)rules->header_bytes, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)rules->request_s, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_uri, NULL},
    };
    size_t n = 8;
    if (rules->threads > 1)
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)rules->threads, NULL};
    if (rules->tls_cert != NULL) {
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, rules->tls_cert};
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, rules->tls_key};
        options[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, tls_priorities};
    }
    http->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, http, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (http->daemon != NULL) return SAGE_OK;
    return sage_fail(
        error, SAGE_E_IO, "%s",
        rules->tls_cert != NULL
            ? "the HTTP server cannot be started; look whether serve_tls_cert and serve_tls_key belong together"
            : "the HTTP server cannot be started; look at the limits of the process (ulimit -n)");
}

sage_status sage_http_start(int socket, const sage_http_rules *rules, sage_http **http, sage_error *error) {
    sage_status st = SAGE_OK;
    *http = NULL;
    sage_http *h = sage_alloc_zero(1, sizeof *h);
    if (h != NULL) h->connections = sage_connections_new(rules->connections, rules->bodies_bytes);
    if (h == NULL || h->connections == NULL) SAGE_TRY(sage_fail_memory(error, sizeof *h));
    h->rules = *rules;
    SAGE_TRY(start(h, socket, error));
    *http = h;
    h = NULL;
    socket = -1;
out:
    if (socket >= 0) close(socket);
    sage_http_stop(h);
    return st;
}

void sage_http_sweep(sage_http *http) {
    sage_connections_sweep(http->connections, http->rules.request_s);
}

size_t sage_http_connections(sage_http *http) {
    return sage_connections_count(http->connections);
}

size_t sage_http_exchanges(sage_http *http) {
    return atomic_load(&http->exchanges);
}

void sage_http_drain(sage_http *http) {
    http->drains = true;
    MHD_socket socket = MHD_quiesce_daemon(http->daemon);
    if (socket != MHD_INVALID_SOCKET) close(socket);
}

void sage_http_stop(sage_http *http) {
    if (http == NULL) return;
    if (http->daemon != NULL) MHD_stop_daemon(http->daemon);
    sage_connections_free(http->connections);
    sage_free(http);
}

#endif
