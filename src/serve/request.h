/* One request and its answer as plain structs, so that everything above HTTP can be tested without a socket. */
#ifndef SAGE_SERVE_REQUEST_H
#define SAGE_SERVE_REQUEST_H

#include <base/buf.h>

/* Bits, so that a route can name several. HEAD comes as GET. */
typedef enum sage_verb {
    SAGE_OTHER_VERB = 0,
    SAGE_GET = 1,
    SAGE_POST = 2,
    SAGE_PUT = 4,
    SAGE_DELETE = 8,
    SAGE_PATCH = 16
} sage_verb;

sage_verb sage_verb_of(const char *method); /* "GET", "HEAD", ... */

typedef struct sage_arg {
    const char *name, *value; /* decoded; "" where a name stands alone; no zero bytes inside */
} sage_arg;
enum { SAGE_ARGS_MAX = 32 };

/* Texts live as long as the request; those that may be absent are NULL. */
typedef struct sage_request {
    sage_verb verb;
    const char *path; /* decoded, begins with '/' */
    const sage_arg *args;
    size_t n_args;
    const char *content_type, *authorization, *if_none_match, *host;
    sage_str body;
} sage_request;

enum { SAGE_HEADERS_MAX = 6, SAGE_HEADER_BYTES = 256, SAGE_ANSWER_MAX_BYTES = 64 << 20 };

typedef struct sage_response {
    int status;
    const char *type; /* of the content; static storage */
    sage_buf body;
    sage_str fixed; /* the body where `data` is not NULL: bytes of the program itself */
    struct {
        const char *name;     /* static storage */
        const char *constant; /* the value in static storage, or NULL: `value` */
        char value[SAGE_HEADER_BYTES];
    } headers[SAGE_HEADERS_MAX];
    size_t n_headers;
    char *location;   /* where a redirection leads to, or NULL; the response's own */
    size_t route;     /* which one answered (routes.h) */
    uint64_t release; /* that answered; 0: none */
} sage_response;

void sage_response_init(sage_response *response);
void sage_response_free(sage_response *response);
/* Leads to another address (302), which must have no control characters. SAGE_E_MEMORY. */
sage_status sage_response_redirect(sage_response *response, const char *location, sage_error *error);
/* A header whose value is in static storage, however long. */
void sage_response_constant(sage_response *response, const char *name, const char *value);
/* One more header; what is past SAGE_HEADERS_MAX is dropped. */
void sage_response_header(sage_response *response, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
