/* A build without libmicrohttpd. */
#ifndef SAGE_WITH_MICROHTTPD
#include <base/error.h>
#include <serve/http.h>
#include <unistd.h>

bool sage_http_there(void) {
    return false;
}

sage_status sage_http_start(int socket, const sage_http_rules *rules, sage_http **http, sage_error *error) {
    (void)rules;
    *http = NULL;
    close(socket);
    return sage_fail(error, SAGE_E_STATE,
                     "this build has no HTTP server; build it where libmicrohttpd (libmicrohttpd-dev) is installed");
}

/* Nobody has a server to call these with. */
void sage_http_answered(sage_exchange *exchange) {
    (void)exchange;
}
void sage_http_sweep(sage_http *http) {
    (void)http;
}
size_t sage_http_connections(sage_http *http) {
    (void)http;
    return 0;
}
size_t sage_http_exchanges(sage_http *http) {
    (void)http;
    return 0;
}
void sage_http_drain(sage_http *http) {
    (void)http;
}
void sage_http_stop(sage_http *http) {
    (void)http;
}

#else
typedef int sage_http_is_there; /* a file may not be empty */
#endif
