/* What a request asks: its parameters, checked, from the URI or from a JSON body. */
#ifndef SAGE_SERVE_ASK_H
#define SAGE_SERVE_ASK_H

#include <itemsage/search.h>
#include <jansson.h>
#include <serve/params.h>
#include <serve/picture.h>
#include <serve/request.h>

enum { SAGE_JSON_MAX_BYTES = 1 << 20, SAGE_JSON_MAX_DEPTH = 8 };

typedef struct sage_ask {
    sage_query query; /* its texts lie in `root`; `method` SAGE_AUTO where none is given */
    bool explain;
    size_t depth;     /* 0: one page */
    const char *page; /* or NULL */
    sage_ask_param_set given;
    sage_cap caps[SAGE_CAPS_MAX];
    sage_session_event *events; /* of the request, behind those that are remembered */
    char *remembered;           /* their texts, or NULL */
    sage_held_picture picture;
    json_t *root; /* an object; the ask's own */
} sage_ask;

/* The body as JSON: an object or array, in UTF-8, no deeper than SAGE_JSON_MAX_DEPTH; the URI has no arguments. False:
 * `response` is the problem. *root is the caller's. */
bool sage_ask_body(const sage_request *request, json_t **root, sage_response *response);
/* The URI's arguments as the object that a body would be. False: `response` is the problem. *root is the caller's. */
bool sage_ask_args(const sage_request *request, json_t **root, sage_response *response);
/* Reads `root` (taken over, an object or not) as parameters of `allowed`, all others at their defaults. False:
 * `response` is the problem. The ask is to be freed in either case. */
bool sage_ask_read(sage_ask *ask, json_t *root, sage_ask_param_set allowed, sage_response *response);
void sage_ask_free(sage_ask *ask);

#endif
