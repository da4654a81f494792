/* /openapi.json: the tables of routes, parameters and answers as an OpenAPI 3.1 document. */
#include <itemsage/itemsage.h>
#include <serve/answer.h>
#include <serve/openapi.h>
#include <serve/problem.h>
#include <serve/results.h>
#include <serve/schemas.h>
#include <stdio.h>

/* ---- bodies and answers ---- */

/* {"<type>": {"schema": <json>}} */
static void content_json(sage_json_out *out, const char *type, const char *json) {
    sage_out_key(out, type);
    sage_out_open(out, '{');
    sage_out_json_at(out, "schema", json);
    sage_out_close(out, '}');
}

/* Each is answered by itself, so nothing but their number is a reason to refuse them. */
static const char batches[] =
    "{\"type\":\"object\",\"required\":[\"requests\"],\"additionalProperties\":false,\"properties\":{"
    "\"requests\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":%d,\"items\":{\"description\":\"An object with one "
    "member, search, similar, user, image or embed, whose value is what that route takes in a body; what is wrong in "
    "it "
    "is told in its answer.\"}}}}";

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
        sage_openapi_params_schema(out, route, route->params);
        sage_out_close(out, '}');
    } else if (route->body == SAGE_BODY_BATCH) {
        char text[512];
        snprintf(text, sizeof text, batches, SAGE_BATCH_MAX);
        content_json(out, "application/json", text);
    } else if (route->body == SAGE_BODY_PRODUCT) {
        content_json(out, "application/json", "{\"$ref\":\"#/components/schemas/Fields\"}");
    } else if (route->body == SAGE_BODY_PRODUCTS) {
        content_json(out, "application/json",
                     "{\"type\":\"object\",\"required\":[\"products\"],\"additionalProperties\":false,"
                     "\"properties\":{\"products\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":1000,"
                     "\"items\":{\"$ref\":\"#/components/schemas/Fields\"}}}}");
    } else if (route->body == SAGE_BODY_EVENTS) {
        content_json(out, "application/json",
                     "{\"type\":\"object\",\"required\":[\"events\"],\"additionalProperties\":false,\"properties\":{"
                     "\"events\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":1000,\"items\":{\"$ref\":"
                     "\"#/components/schemas/Intake\"}}}}");
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
        sage_openapi_reference(out, schema, strlen(schema));
    else
        sage_out_text_at(out, "type", "string");
    for (int i = 0; i < 4; i++) sage_out_close(out, '}');
}

static const char *content_of(const sage_route *route) {
    if (route->schema != NULL) return "application/json";
    return route->content != NULL ? route->content : "text/plain";
}

/* What is refused before it is a request. */
static void refusal(sage_json_out *out, const char *status, const char *description) {
    sage_out_key(out, status);
    sage_out_open(out, '{');
    sage_out_text_at(out, "description", description);
    sage_out_close(out, '}');
}

/* posts: the parameters come in a body. guarded: the server asks for tokens. */
static void operation(sage_json_out *out, const sage_route *route, const char *verb, bool posts, bool guarded) {
    char id[64];
    snprintf(id, sizeof id, "%s%s", route->name, posts && (route->verbs & SAGE_GET) ? "_post" : "");
    sage_out_key(out, verb);
    sage_out_open(out, '{');
    sage_out_text_at(out, "operationId", id);
    sage_out_text_at(out, "summary", route->summary);
    sage_out_json_at(out, "security", route->role != SAGE_ROLE_ANYBODY && guarded ? "[{\"bearer\":[]}]" : "[{}]");
    if (!posts || route->body == SAGE_BODY_PICTURE || strchr(route->path, '{') != NULL)
        sage_openapi_uri_params(out, route);
    if (posts) request_body(out, route);
    sage_out_key(out, "responses");
    sage_out_open(out, '{');
    answer(out, "200", content_of(route), route->schema, "The answer.");
    refusal(out, "414", "The address is too long (serve_header_bytes). Without a document.");
    refusal(out, "431", "The headers are too long (serve_header_bytes). Without a document.");
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
        sage_openapi_reference(out, type, n);
    } else {
        sage_out_key(out, "type");
        sage_out_bytes(out, type, n);
    }
    if (type[n] == '[') sage_out_close(out, '}');
}

/* Somebody, or what was searched; where it was searched, that. */
static const char intake_needs[] =
    "[{\"required\":[\"query\"]},{\"required\":[\"user_id\"],\"properties\":{\"surface\":{\"const\":\"user\"}}}]";

/* What requests say, more exactly than a kind of value. */
static const struct {
    const char *name, *json;
} values[] = {
    {"Name", "{\"type\":\"string\",\"minLength\":1}"},
    {"ShortName", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}"},
    {"QueryText", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":4096}"},
    {"Surface", "{\"enum\":[\"search\",\"product\",\"user\"]}"},
    {"EventName", "{\"enum\":[\"click\",\"save\",\"add_to_cart\",\"checkout\",\"select_item\",\"view_item\","
                  "\"add_to_wishlist\",\"purchase\"]}"},
    {"Count", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000000}"},
    {"Age", "{\"type\":\"number\",\"minimum\":0}"},
    {"Description", "{\"type\":\"object\"}"},
    {"Fields",
     "{\"type\":\"object\",\"description\":\"A product, with the names of a feed's fields; any other name is an "
     "attribute that filters can name.\"}"},
};

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
    if (strcmp(first->schema, "Intake") == 0) sage_out_json_at(out, "anyOf", intake_needs);
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
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) sage_out_json_at(out, values[i].name, values[i].json);
    sage_out_close(out, '}');
    sage_out_close(out, '}');
}

/* Those routes of the table that are of one path; returns the first of the next. */
static size_t path(sage_json_out *out, size_t first, bool guarded) {
    static const struct {
        sage_verb verb;
        const char *name;
        bool posts;
    } all[] = {{SAGE_GET, "get", false},
               {SAGE_POST, "post", true},
               {SAGE_PUT, "put", true},
               {SAGE_PATCH, "patch", true},
               {SAGE_DELETE, "delete", false}};
    size_t i = first;
    sage_out_key(out, sage_routes[first].path);
    sage_out_open(out, '{');
    for (; i < sage_routes_count() && strcmp(sage_routes[i].path, sage_routes[first].path) == 0; i++)
        for (size_t v = 0; v < sizeof all / sizeof *all; v++)
            if (sage_routes[i].verbs & all[v].verb) operation(out, &sage_routes[i], all[v].name, all[v].posts, guarded);
    sage_out_close(out, '}');
    return i;
}

static void write_document(sage_json_out *out, bool guarded) {
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
    for (size_t i = 0; i < sage_routes_count();) i = path(out, i, guarded);
    sage_out_close(out, '}');
    components(out);
    sage_out_close(out, '}');
}

void sage_answer_description(const sage_turn *turn, const sage_request *request, sage_response *response) {
    sage_json_out out = {.buf = &response->body};
    (void)request;
    write_document(&out, turn->serve->tokens != NULL);
    if (out.st != SAGE_OK) sage_problem_answer(response, sage_problem_for(out.st), NULL, "memory is short");
}
