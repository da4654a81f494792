/* What the server counts, as Prometheus reads it. Any thread counts at any time. */
#ifndef SAGE_SERVE_METRICS_H
#define SAGE_SERVE_METRICS_H

#include <base/buf.h>
#include <serve/releases.h>

typedef struct sage_metrics sage_metrics;
sage_metrics *sage_metrics_new(void); /* NULL where memory is short */
void sage_metrics_free(sage_metrics *metrics);

/* A request that was answered: by which route (routes.h; their number: by none), how, after how long, how much of that
 * waiting for a worker, with how many bytes. */
void sage_metrics_count(sage_metrics *metrics, size_t route, int status, double seconds, double waited_s, size_t bytes);

/* What is measured when it is asked for. */
typedef struct sage_gauges {
    sage_releases_state releases;
    sage_changes_state changes;
    size_t recent;            /* events that came in and are remembered */
    size_t busy, connections; /* searches waiting or being done; clients */
    double up_s;
} sage_gauges;
sage_status sage_metrics_write(sage_metrics *metrics, const sage_gauges *gauges, sage_buf *out, sage_error *error);

#endif
