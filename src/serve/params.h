/* The one table of what requests may say: parsing, the OpenAPI description and docs/serve.md come from it. */
#ifndef SAGE_SERVE_PARAMS_H
#define SAGE_SERVE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sage_ask_param_kind {
    SAGE_PARAM_TEXT,  /* min..max bytes of UTF-8 */
    SAGE_PARAM_WHOLE, /* min..max */
    SAGE_PARAM_REAL,  /* min..max */
    SAGE_PARAM_BOOL,
    SAGE_PARAM_CHOICE,  /* one of `choices` */
    SAGE_PARAM_LIMITS,  /* an object column -> 1..max, at most SAGE_CAPS_MAX; in a URI "column=N,column=N" */
    SAGE_PARAM_PICTURE, /* JPEG, PNG or WebP in Base64; never in a URI */
    SAGE_PARAM_EVENTS   /* an array of objects, oldest first, min..max of them; never in a URI */
} sage_ask_param_kind;

typedef enum sage_ask_param_id {
    SAGE_PARAM_ID_TEXT,
    SAGE_PARAM_ID_PRODUCT,
    SAGE_PARAM_ID_IMAGE,
    SAGE_PARAM_ID_USER,
    SAGE_PARAM_ID_EVENTS,
    SAGE_PARAM_ID_N,
    SAGE_PARAM_ID_WHERE,
    SAGE_PARAM_ID_METHOD,
    SAGE_PARAM_ID_COLLAPSE,
    SAGE_PARAM_ID_AT_MOST,
    SAGE_PARAM_ID_DIVERSITY,
    SAGE_PARAM_ID_EXACT,
    SAGE_PARAM_ID_BUDGET,
    SAGE_PARAM_ID_FRESH,
    SAGE_PARAM_ID_INTERESTS,
    SAGE_PARAM_ID_EXPLAIN,
    SAGE_PARAM_ID_DEPTH,
    SAGE_PARAM_ID_PAGE,
    SAGE_PARAMS
} sage_ask_param_id;

typedef struct sage_ask_param {
    const char *name;
    sage_ask_param_kind kind;
    double min, max;
    const char *choices;      /* "a|b|c" */
    const char *default_text; /* as JSON; NULL: none */
    size_t offset;            /* of the plain kinds: where its value goes in sage_ask */
    const char *help;         /* one sentence or some, units named */
} sage_ask_param;

extern const sage_ask_param sage_ask_params[SAGE_PARAMS];

/* Sets of parameters. */
typedef uint32_t sage_ask_param_set;
#define SAGE_PARAM_BIT(id) ((sage_ask_param_set)1 << (id))

#endif
