/* The one table of routes. What answers them, who may ask, and their description come from it. */
#ifndef SAGE_SERVE_ROUTES_H
#define SAGE_SERVE_ROUTES_H

#include <serve/bearers.h>
#include <serve/params.h>
#include <serve/releases.h>
#include <serve/request.h>

typedef struct sage_serve sage_serve;
struct sage_ask;
struct sage_json_out;

typedef enum sage_body_kind {
    SAGE_BODY_NONE,
    SAGE_BODY_PARAMS,   /* of POST: the parameters as a JSON object */
    SAGE_BODY_EVENTS,   /* of POST: {"events": [event, ...]} */
    SAGE_BODY_PRODUCT,  /* of PUT and PATCH: a product, or what is named of one */
    SAGE_BODY_PRODUCTS, /* of POST: {"products": [product, ...]} */
    SAGE_BODY_BATCH,    /* of POST: {"requests": [{"<route>": {parameters}}, ...]} */
    SAGE_BODY_PICTURE   /* of POST: a picture, or a form with one and parameters; parameters in the URI too */
} sage_body_kind;

/* Where a request is answered: by a worker, on one release. Of routes that read no release, worker and serving are
 * unset. */
typedef struct sage_turn {
    sage_serve *serve;
    const struct sage_route *route;
    size_t worker;
    sage_serving *serving;
} sage_turn;

typedef struct sage_route {
    const char *path, *name; /* `path` may end in a {name}, which stands for any text; `name`: in metrics, and as
                                operationId */
    unsigned verbs;          /* of sage_verb; a path may have routes of other verbs too */
    sage_role role;
    bool searches; /* reads a release, so it is a worker's; others are answered at once, whatever waits */
    sage_body_kind body;
    sage_ask_param_set params, one_of; /* what it takes; of `one_of` something must be given */
    bool just_one;                     /* of `one_of`, not several */
    const char *schema;                /* of the answer (schemas.h); NULL: it is no JSON */
    const char *content;               /* what it is then; NULL: text/plain */
    sage_ask_param_set batch_params;   /* what it takes besides in a batch */
    void (*answer)(const sage_turn *turn, const sage_request *request, sage_response *response);
    /* Of questions, which may come in a batch too: writes the answer (results.h). NULL: it is none. */
    bool (*write)(const sage_turn *turn, struct sage_ask *ask, struct sage_json_out *out, sage_response *response);
    const char *summary; /* one line */
} sage_route;

extern const sage_route sage_routes[];
size_t sage_routes_count(void);

/* The route of a path and verb; where the path takes others only, one of these; NULL: there is no such path. Routes of
 * one path stand together. */
const sage_route *sage_route_find(const char *path, sage_verb verb);
/* All verbs of a route's path. */
unsigned sage_route_verbs(const sage_route *route);

/* ---- what answers, a file each ---- */
void sage_answer_params(const sage_turn *turn, const sage_request *request, sage_response *response); /* search.c */
void sage_answer_batch(const sage_turn *turn, const sage_request *request, sage_response *response);  /* batch.c */
void sage_answer_events(const sage_turn *turn, const sage_request *request, sage_response *response); /* events.c */
void sage_answer_product_put(const sage_turn *turn, const sage_request *request,
                             sage_response *response); /* products.c */
void sage_answer_product_update(const sage_turn *turn, const sage_request *request, sage_response *response);
void sage_answer_product_delete(const sage_turn *turn, const sage_request *request, sage_response *response);
void sage_answer_products(const sage_turn *turn, const sage_request *request, sage_response *response);
void sage_answer_image(const sage_turn *turn, const sage_request *request, sage_response *response); /* image.c */
void sage_answer_description(const sage_turn *turn, const sage_request *request,
                             sage_response *response);                                                 /* openapi.c */
void sage_answer_product(const sage_turn *turn, const sage_request *request, sage_response *response); /* shown.c */
void sage_answer_past(const sage_turn *turn, const sage_request *request, sage_response *response);
void sage_answer_picture(const sage_turn *turn, const sage_request *request, sage_response *response);
void sage_answer_map(const sage_turn *turn, const sage_request *request, sage_response *response);
void sage_answer_training(const sage_turn *turn, const sage_request *request, sage_response *response);
void sage_answer_status(const sage_turn *turn, const sage_request *request, sage_response *response); /* facts.c */
void sage_answer_columns(const sage_turn *turn, const sage_request *request, sage_response *response);
void sage_answer_web(const sage_turn *turn, const sage_request *request, sage_response *response);     /* web.c */
void sage_answer_healthy(const sage_turn *turn, const sage_request *request, sage_response *response); /* state.c */
void sage_answer_metrics(const sage_turn *turn, const sage_request *request, sage_response *response);
void sage_answer_ready(const sage_turn *turn, const sage_request *request, sage_response *response);

#endif
