/* /openapi.json: the tables of routes, parameters and answers as an OpenAPI 3.1 document. */
#include <itemsage/itemsage.h>
#include <serve/json_out.h>
#include <serve/problem.h>
#include <serve/routes.h>
#include <serve/schemas.h>
#include <stdio.h>

static void reference(sage_json_out *out, const char *schema, size_t n) {
    char text[80];
    snprintf(text, sizeof text, "#/components/schemas/%.*s", (int)n, schema);
    sage_out_text_at(out, "$ref", text);
}

/* ---- parameters ---- */

static void bounds(sage_json_out *out, const sage_ask_param *p, const char *least, const char *most) {
    sage_out_real_at(out, least, p->min);
    sage_out_real_at(out, most, p->max);
}

static void choices(sage_json_out *out, const char *list) {
    sage_out_key(out, "enum");
    sage_out_open(out, '[');
    while (*list) {
        const size_t n = strcspn(list, "|");
        sage_out_bytes(out, list, n);
        list += n + (list[n] == '|');
    }
    sage_out_close(out, ']');
}

static void limits(sage_json_out *out, const sage_ask_param *p) {
    sage_out_text_at(out, "type", "object");
    sage_out_whole_at(out, "maxProperties", SAGE_CAPS_MAX);
    sage_out_key(out, "additionalProperties");
    sage_out_open(out, '{');
    sage_out_text_at(out, "type", "integer");
    bounds(out, p, "minimum", "maximum");
    sage_out_close(out, '}');
}

static void events(sage_json_out *out, const sage_ask_param *p) {
    sage_out_text_at(out, "type", "array");
    bounds(out, p, "minItems", "maxItems");
    sage_out_key(out, "items");
    sage_out_open(out, '{');
    reference(out, "Event", 5);
    sage_out_close(out, '}');
}

static const char *type_of(const sage_ask_param *p) {
    switch (p->kind) {
    case SAGE_PARAM_WHOLE: return "integer";
    case SAGE_PARAM_REAL: return "number";
    case SAGE_PARAM_BOOL: return "boolean";
    default: return "string";
    }
}

/* `in_uri`: as a text there. */
static void param_schema(sage_json_out *out, const sage_ask_param *p, bool in_uri) {
    sage_out_open(out, '{');
    if (p->kind == SAGE_PARAM_LIMITS && !in_uri) {
        limits(out, p);
    } else if (p->kind == SAGE_PARAM_EVENTS) {
        events(out, p);
    } else {
        sage_out_text_at(out, "type", type_of(p));
        if (p->kind == SAGE_PARAM_WHOLE || p->kind == SAGE_PARAM_REAL) bounds(out, p, "minimum", "maximum");
        if (p->kind == SAGE_PARAM_TEXT) bounds(out, p, "minLength", "maxLength");
        if (p->kind == SAGE_PARAM_CHOICE) choices(out, p->choices);
    }
    if (p->default_text != NULL) sage_out_json_at(out, "default", p->default_text);
    if (!in_uri) sage_out_text_at(out, "description", p->help);
    sage_out_close(out, '}');
}

static bool is_one(sage_ask_param_set set) {
    return set != 0 && (set & (set - 1)) == 0;
}

/* Whether a route cannot be asked without it. */
static bool needed(const sage_route *route, size_t id) {
    return is_one(route->one_of) && (route->one_of & SAGE_PARAM_BIT(id)) != 0;
}

/* What stands in braces in the route's path. */
static void path_param(sage_json_out *out, const sage_route *route) {
    const char *name = strchr(route->path, '{');
    if (name == NULL) return;
    sage_out_open(out, '{');
    sage_out_key(out, "name");
    sage_out_bytes(out, name + 1, strlen(name) - 2);
    sage_out_text_at(out, "in", "path");
    sage_out_bool_at(out, "required", true);
    sage_out_json_at(out, "schema", "{\"type\":\"string\",\"minLength\":1}");
    sage_out_close(out, '}');
}

static void uri_params(sage_json_out *out, const sage_route *route) {
    sage_out_key(out, "parameters");
    sage_out_open(out, '[');
    path_param(out, route);
    for (size_t i = 0; i < SAGE_PARAMS; i++) {
        const sage_ask_param *p = &sage_ask_params[i];
        if (!(route->params & SAGE_PARAM_BIT(i)) || p->kind == SAGE_PARAM_EVENTS) continue;
        sage_out_open(out, '{');
        sage_out_text_at(out, "name", p->name);
        sage_out_text_at(out, "in", "query");
        sage_out_bool_at(out, "required", needed(route, i));
        sage_out_text_at(out, "description", p->help);
        sage_out_key(out, "schema");
        param_schema(out, p, true);
        sage_out_close(out, '}');
    }
    sage_out_close(out, ']');
}

static void one_of(sage_json_out *out, const sage_route *route) {
    if (route->one_of == 0) return;
    sage_out_key(out, is_one(route->one_of) ? "allOf" : "anyOf");
    sage_out_open(out, '[');
    for (size_t i = 0; i < SAGE_PARAMS; i++) {
        if (!(route->one_of & SAGE_PARAM_BIT(i))) continue;
        sage_out_open(out, '{');
        sage_out_key(out, "required");
        sage_out_open(out, '[');
        sage_out_text(out, sage_ask_params[i].name);
        sage_out_close(out, ']');
        sage_out_close(out, '}');
    }
    sage_out_close(out, ']');
}

static void params_schema(sage_json_out *out, const sage_route *route) {
    sage_out_open(out, '{');
    sage_out_text_at(out, "type", "object");
    sage_out_bool_at(out, "additionalProperties", false);
    one_of(out, route);
    sage_out_key(out, "properties");
    sage_out_open(out, '{');
    for (size_t i = 0; i < SAGE_PARAMS; i++) {
        if (!(route->params & SAGE_PARAM_BIT(i))) continue;
        sage_out_key(out, sage_ask_params[i].name);
        param_schema(out, &sage_ask_params[i], false);
    }
    sage_out_close(out, '}');
    sage_out_close(out, '}');
}

/* ---- bodies and answers ---- */

/* {"<type>": {"schema": <json>}} */
static void content_json(sage_json_out *out, const char *type, const char *json) {
    sage_out_key(out, type);
    sage_out_open(out, '{');
    sage_out_json_at(out, "schema", json);
    sage_out_close(out, '}');
}

static void request_body(sage_json_out *out, const sage_route *route) {
    static const char *const pictures[] = {"image/jpeg", "image/png", "image/webp"};
    sage_out_key(out, "requestBody");
    sage_out_open(out, '{');
    sage_out_bool_at(out, "required", true);
    sage_out_key(out, "content");
    sage_out_open(out, '{');
    if (route->body == SAGE_BODY_PARAMS) {
        sage_out_key(out, "application/json");
        sage_out_open(out, '{');
        sage_out_key(out, "schema");
        params_schema(out, route);
        sage_out_close(out, '}');
    } else {
        for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) content_json(out, pictures[i], "{}");
        content_json(out, "multipart/form-data",
                     "{\"type\":\"object\",\"required\":[\"image\"],\"properties\":{\"image\":{\"type\":\"string\","
                     "\"contentMediaType\":\"application/octet-stream\"}}}");
    }
    sage_out_close(out, '}');
    sage_out_close(out, '}');
}

static void answer(sage_json_out *out, const char *status, const char *type, const char *schema,
                   const char *description) {
    sage_out_key(out, status);
    sage_out_open(out, '{');
    sage_out_text_at(out, "description", description);
    sage_out_key(out, "content");
    sage_out_open(out, '{');
    sage_out_key(out, type);
    sage_out_open(out, '{');
    sage_out_key(out, "schema");
    sage_out_open(out, '{');
    if (schema != NULL)
        reference(out, schema, strlen(schema));
    else
        sage_out_text_at(out, "type", "string");
    for (int i = 0; i < 4; i++) sage_out_close(out, '}');
}

static const char *content_of(const sage_route *route) {
    if (route->schema != NULL) return "application/json";
    return route->content != NULL ? route->content : "text/plain";
}

static void operation(sage_json_out *out, const sage_route *route, const char *verb, bool posts) {
    char id[64];
    snprintf(id, sizeof id, "%s%s", route->name, posts && (route->verbs & SAGE_GET) ? "_post" : "");
    sage_out_key(out, verb);
    sage_out_open(out, '{');
    sage_out_text_at(out, "operationId", id);
    sage_out_text_at(out, "summary", route->summary);
    sage_out_json_at(out, "security", route->role == SAGE_ROLE_ANYBODY ? "[{}]" : "[{\"bearer\":[]},{}]");
    if (!posts || route->body == SAGE_BODY_PICTURE) uri_params(out, route);
    if (posts) request_body(out, route);
    sage_out_key(out, "responses");
    sage_out_open(out, '{');
    answer(out, "200", content_of(route), route->schema, "The answer.");
    answer(out, "default", "application/problem+json", "Problem", "What went wrong (RFC 9457).");
    sage_out_close(out, '}');
    sage_out_close(out, '}');
}

/* ---- the document ---- */

static void schema_type(sage_json_out *out, const char *type) {
    const size_t n = strcspn(type, "[");
    if (type[n] == '[') {
        sage_out_text_at(out, "type", "array");
        sage_out_key(out, "items");
        sage_out_open(out, '{');
    }
    if (*type >= 'A' && *type <= 'Z') {
        reference(out, type, n);
    } else {
        sage_out_key(out, "type");
        sage_out_bytes(out, type, n);
    }
    if (type[n] == '[') sage_out_close(out, '}');
}

/* Those rows of the table that are of one schema; returns the first of the next. */
static const sage_schema_field *schema(sage_json_out *out, const sage_schema_field *first) {
    const sage_schema_field *f;
    sage_out_key(out, first->schema);
    sage_out_open(out, '{');
    sage_out_text_at(out, "type", "object");
    sage_out_bool_at(out, "additionalProperties", false);
    sage_out_key(out, "required");
    sage_out_open(out, '[');
    for (f = first; f->schema != NULL && strcmp(f->schema, first->schema) == 0; f++)
        if (f->always) sage_out_text(out, f->name);
    sage_out_close(out, ']');
    sage_out_key(out, "properties");
    sage_out_open(out, '{');
    for (f = first; f->schema != NULL && strcmp(f->schema, first->schema) == 0; f++) {
        sage_out_key(out, f->name);
        sage_out_open(out, '{');
        schema_type(out, f->type);
        sage_out_text_at(out, "description", f->help);
        sage_out_close(out, '}');
    }
    sage_out_close(out, '}');
    sage_out_close(out, '}');
    return f;
}

static void components(sage_json_out *out) {
    sage_out_key(out, "components");
    sage_out_open(out, '{');
    sage_out_json_at(out, "securitySchemes", "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"}}");
    sage_out_key(out, "schemas");
    sage_out_open(out, '{');
    for (const sage_schema_field *at = sage_schema_fields; at->schema != NULL;) at = schema(out, at);
    sage_out_json_at(out, "Description", "{\"type\":\"object\"}");
    sage_out_close(out, '}');
    sage_out_close(out, '}');
}

static void write_document(sage_json_out *out) {
    sage_out_open(out, '{');
    sage_out_text_at(out, "openapi", "3.1.0");
    sage_out_key(out, "info");
    sage_out_open(out, '{');
    sage_out_text_at(out, "title", "itemsage");
    sage_out_text_at(out, "version", ITEMSAGE_VERSION);
    sage_out_text_at(out, "description", "Products for a search text, a picture, a product or a user.");
    sage_out_close(out, '}');
    sage_out_key(out, "paths");
    sage_out_open(out, '{');
    for (size_t i = 0; i < sage_routes_count(); i++) {
        sage_out_key(out, sage_routes[i].path);
        sage_out_open(out, '{');
        if (sage_routes[i].verbs & SAGE_GET) operation(out, &sage_routes[i], "get", false);
        if (sage_routes[i].verbs & SAGE_POST) operation(out, &sage_routes[i], "post", true);
        sage_out_close(out, '}');
    }
    sage_out_close(out, '}');
    components(out);
    sage_out_close(out, '}');
}

void sage_answer_description(const sage_turn *turn, const sage_request *request, sage_response *response) {
    sage_json_out out = {.buf = &response->body};
    (void)turn;
    (void)request;
    write_document(&out);
    if (out.st != SAGE_OK) sage_problem_answer(response, sage_problem_for(out.st), NULL, "memory is short");
}
