/* HTTP/1.1: sockets and bytes on one side, requests and responses (request.h) on the other. Behind it stands
 * libmicrohttpd, which http.c alone knows. */
#ifndef SAGE_SERVE_HTTP_H
#define SAGE_SERVE_HTTP_H

#include <serve/request.h>

/* A request on its way to an answer, for as long as `done` returns. */
typedef struct sage_exchange {
    sage_request request;
    sage_response response;
    const char *method_name, *remote;   /* "POST", "127.0.0.1" */
    double came_s, whole_s, answered_s; /* first line read, body read, answer ready, by sage_now_s(); 0: never */
    double waited_s;                    /* for a worker */
    struct sage_http_part *part;        /* http.c's own */
} sage_exchange;

typedef enum sage_receipt { SAGE_ANSWERED, SAGE_LATER } sage_receipt;

typedef struct sage_http_rules {
    size_t threads, connections, header_bytes;
    size_t body_bytes, bodies_bytes; /* of one body; of all bodies and answers at once */
    double request_s;                /* for a client to send a request, or to take an answer */
    char *tls_cert, *tls_key;        /* PEM, or NULL; they stay the caller's, and live as long as the server */
    void *ctx;
    /* The request without its body, on a thread of the server. False: `response` is its answer already. */
    bool (*admit)(void *ctx, sage_exchange *exchange);
    /* All of it. SAGE_ANSWERED: `response` is the answer. SAGE_LATER: `submit` follows at once. */
    sage_receipt (*receive)(void *ctx, sage_exchange *exchange);
    /* From now on another thread has it, and calls sage_http_answered. */
    void (*submit)(void *ctx, sage_exchange *exchange);
    /* The answer was sent, or could not be; also where `admit` has never been called. */
    void (*done)(void *ctx, sage_exchange *exchange);
} sage_http_rules;

typedef struct sage_http sage_http;
bool sage_http_there(void); /* in this build */
/* Serves on a listening socket, which is the server's from now on, also where this fails. SAGE_E_STATE: the build has
 * no HTTP. */
sage_status sage_http_start(int socket, const sage_http_rules *rules, sage_http **http, sage_error *error);
void sage_http_answered(sage_exchange *exchange); /* any thread */
/* About each second: cuts off clients that are too slow. */
void sage_http_sweep(sage_http *http);
size_t sage_http_connections(sage_http *http);
/* Requests that are on their way: from the end of their head until their answer was sent. */
size_t sage_http_exchanges(sage_http *http);
/* No new connections; those that are there end with their next answer. */
void sage_http_drain(sage_http *http);
/* Closes everything; no exchange may be with another thread any more. */
void sage_http_stop(sage_http *http);

#endif
