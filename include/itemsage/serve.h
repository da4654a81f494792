/* An HTTP server over the published release; docs/serve.md says what can be asked of it. */
#ifndef ITEMSAGE_SERVE_H
#define ITEMSAGE_SERVE_H

#include <itemsage/shop.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sage_serve_settings {
    const char *listen;     /* "HOST:PORT"; NULL: 127.0.0.1:8080. Port 0: any, which `ready` is told */
    bool no_auth;           /* others than this machine, and under any name, may ask without tokens (serve_tokens) */
    const char *access_log; /* a file for a line of JSON a request, "-" for standard output; NULL: none */
    /* It listens at "scheme://address" now. Nullable. */
    void (*ready)(void *ctx, const char *scheme, const char *address);
    void *ctx;
} sage_serve_settings;

/* Serves what is published, and what comes after it, until monitor->cancel asks to stop; then ends in order: SAGE_OK.
 * The options serve_* of the shop say how. Messages come on the calling thread. SAGE_E_STATE: nothing is published, or
 * this build has no HTTP. */
sage_status sage_serve_run(sage_shop *shop, const sage_serve_settings *settings, const sage_monitor *monitor,
                           sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
