/* Parts of the OpenAPI document. */
#ifndef SAGE_SERVE_OPENAPI_H
#define SAGE_SERVE_OPENAPI_H

#include <serve/json_out.h>
#include <serve/routes.h>

/* The member $ref of a schema, whose name has n characters. */
void sage_openapi_reference(sage_json_out *out, const char *schema, size_t n);
/* The member `parameters`: what a route takes in the URI. */
void sage_openapi_uri_params(sage_json_out *out, const sage_route *route);
/* What it takes in a body, of `params`, as a schema. */
void sage_openapi_params_schema(sage_json_out *out, const sage_route *route, sage_ask_param_set params);

#endif
