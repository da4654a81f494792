#include <serve/routes.h>
#include <string.h>

#define BIT(id) SAGE_PARAM_BIT(SAGE_PARAM_ID_##id)
/* What every search takes. */
#define SHAPED                                                                                                         \
    (BIT(N) | BIT(WHERE) | BIT(COLLAPSE) | BIT(AT_MOST) | BIT(DIVERSITY) | BIT(EXACT) | BIT(BUDGET) | BIT(EXPLAIN) |   \
     BIT(DEPTH) | BIT(PAGE))

const sage_route sage_routes[] = {
    {.path = "/v1/search",
     .name = "search",
     .schema = "Results",
     .verbs = SAGE_GET | SAGE_POST,
     .role = SAGE_ROLE_READ,
     .searches = true,
     .body = SAGE_BODY_PARAMS,
     .params = SHAPED | BIT(TEXT) | BIT(METHOD),
     .one_of = BIT(TEXT),
     .answer = sage_answer_search,
     .summary = "Products for a search text."},
    {.path = "/v1/similar",
     .name = "similar",
     .schema = "Results",
     .verbs = SAGE_GET | SAGE_POST,
     .role = SAGE_ROLE_READ,
     .searches = true,
     .body = SAGE_BODY_PARAMS,
     .params = SHAPED | BIT(PRODUCT),
     .one_of = BIT(PRODUCT),
     .answer = sage_answer_search,
     .summary = "Products that go with one, never itself nor its variants."},
    {.path = "/v1/user",
     .name = "user",
     .schema = "Results",
     .verbs = SAGE_GET | SAGE_POST,
     .role = SAGE_ROLE_READ,
     .searches = true,
     .body = SAGE_BODY_PARAMS,
     .params = SHAPED | BIT(USER) | BIT(EVENTS) | BIT(METHOD) | BIT(FRESH) | BIT(INTERESTS),
     .one_of = BIT(USER) | BIT(EVENTS),
     .answer = sage_answer_search,
     .summary = "Products for what somebody did."},
    {.path = "/v1/image",
     .name = "image",
     .schema = "Results",
     .verbs = SAGE_POST,
     .role = SAGE_ROLE_READ,
     .searches = true,
     .body = SAGE_BODY_PICTURE,
     .params = SHAPED,
     .answer = sage_answer_image,
     .summary = "Products for a picture (JPEG, PNG, WebP)."},
    {.path = "/openapi.json",
     .name = "openapi",
     .verbs = SAGE_GET,
     .schema = "Description",
     .answer = sage_answer_description,
     .summary = "This description."},
    {.path = "/metrics",
     .name = "metrics",
     .verbs = SAGE_GET,
     .role = SAGE_ROLE_READ,
     .answer = sage_answer_metrics,
     .summary = "What the server counts, as Prometheus reads it."},
    {.path = "/healthz",
     .name = "healthz",
     .verbs = SAGE_GET,
     .answer = sage_answer_healthy,
     .summary = "Whether the server is alive."},
    {.path = "/readyz",
     .name = "readyz",
     .verbs = SAGE_GET,
     .answer = sage_answer_ready,
     .summary = "Whether it should be asked: not while it ends."},
};

size_t sage_routes_count(void) {
    return sizeof sage_routes / sizeof *sage_routes;
}

const sage_route *sage_route_find(const char *path) {
    for (size_t i = 0; i < sage_routes_count(); i++)
        if (strcmp(sage_routes[i].path, path) == 0) return &sage_routes[i];
    return NULL;
}
