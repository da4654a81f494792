/* How a long call talks to its caller: messages, progress, and the wish to stop.
 * All members may be NULL; a NULL monitor is silent and cannot be cancelled. Callbacks run on the calling thread. */
#ifndef ITEMSAGE_MONITOR_H
#define ITEMSAGE_MONITOR_H

#include <signal.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sage_progress {
    const char *stage; /* "import", "train", ...; lives for the call */
    uint64_t done;     /* units done so far */
    uint64_t total;    /* units in all; 0 = unknown */
    double elapsed_s;  /* seconds since the stage began */
    const char
        *detail; /* one short line such as "loss 3.21  2,310 examples/s  eta 12:01", or NULL; lives for the call */
} sage_progress;

typedef enum sage_message_level { SAGE_NOTE, SAGE_WARNING } sage_message_level;

typedef struct sage_monitor {
    void *ctx;
    void (*message)(void *ctx, sage_message_level level, const char *text); /* one line for people, no line break */
    void (*progress)(void *ctx, const sage_progress *progress);             /* at most some ten times a second */
    const volatile sig_atomic_t *cancel; /* non-zero: save, return SAGE_E_CANCELLED soon (within about a second) */
} sage_monitor;

#ifdef __cplusplus
}
#endif
#endif
