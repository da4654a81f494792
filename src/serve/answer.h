/* A request becomes a response: who may ask, which route, what it says. Nothing here knows of sockets or threads. */
#ifndef SAGE_SERVE_ANSWER_H
#define SAGE_SERVE_ANSWER_H

#include <serve/changes.h>
#include <serve/intake.h>
#include <serve/metrics.h>
#include <serve/plane.h>
#include <serve/releases.h>
#include <serve/routes.h>
#include <stdatomic.h>

/* Everything that answers need. Shared by the threads; what changes says how. */
struct sage_serve {
    sage_releases *releases;
    sage_bearers *tokens; /* NULL: everybody may do everything */
    const char *listen;   /* where only everybody on this machine may (own_host.h); NULL: whatever the host is */
    sage_metrics *metrics;
    sage_intake *intake;
    sage_changes *changes;
    const sage_shop *shop;                           /* of which nothing is read but files */
    sage_plane *plane;                               /* the map */
    void (*measure)(void *ctx, sage_gauges *gauges); /* what the server around it knows; may be NULL */
    void *measure_ctx;
    double wait_s;      /* that a search may wait, in a batch too; 0: for ever */
    atomic_bool drains; /* it was told to stop */
    atomic_bool late;   /* the time to end in order is over: what still waits is told so */
};

/* What metrics and /v1/status tell beside what was counted. */
void sage_serve_measure(sage_serve *serve, sage_gauges *gauges);

/* What the head of a request says already: no such route, a method or a token that is not allowed. False: `response` is
 * the problem. */
bool sage_serve_admit(sage_serve *serve, const sage_request *request, sage_response *response);
/* Whether it takes a worker; otherwise it is answered at once, with worker 0 unread. */
bool sage_serve_searches(const sage_request *request);
/* Of a search that waited: whether it is not begun any more. `response` is then the problem. */
bool sage_serve_too_late(const sage_serve *serve, double waited_s, sage_response *response);
/* All of it, by the worker's searcher; `response` is initialised, and a whole answer afterwards in any case. */
void sage_serve_answer(sage_serve *serve, size_t worker, const sage_request *request, sage_response *response);

#endif
