/* One line of JSON for each request. */
#ifndef SAGE_SERVE_ACCESS_LOG_H
#define SAGE_SERVE_ACCESS_LOG_H

#include <itemsage/status.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sage_access_log sage_access_log;
/* Lines go to the end of a file, or to standard output for "-". */
sage_status sage_access_log_open(const char *path, sage_access_log **log, sage_error *error);
void sage_access_log_close(sage_access_log *log);

/* What of a request is told: never what was asked for, which may be about a person. So `path` is the route's own
 * where there is one; else what was sent, its first 1,000 bytes. */
typedef struct sage_access {
    const char *remote, *method, *path, *route;
    int status;
    size_t bytes;
    double took_s, waited_s;
    uint64_t release; /* 0: none answered */
} sage_access;
/* Any thread; NULL is fine. A line that cannot be written is dropped, and counted. */
void sage_access_log_write(sage_access_log *log, const sage_access *access);
/* About each second: writes what waits, and opens the file anew where it was moved away (logrotate). *dropped: lines
 * lost since the last call. */
void sage_access_log_turn(sage_access_log *log, size_t *dropped);

#endif
