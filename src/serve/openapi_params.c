/* Parameters as JSON Schema. */
#include <serve/openapi.h>
#include <stdio.h>

void sage_openapi_reference(sage_json_out *out, const char *schema, size_t n) {
    char text[80];
    snprintf(text, sizeof text, "#/components/schemas/%.*s", (int)n, schema);
    sage_out_text_at(out, "$ref", text);
}

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
    sage_openapi_reference(out, "Event", 5);
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
        if (p->kind == SAGE_PARAM_TEXT || p->kind == SAGE_PARAM_PICTURE) bounds(out, p, "minLength", "maxLength");
        if (p->kind == SAGE_PARAM_PICTURE) sage_out_text_at(out, "contentEncoding", "base64");
        if (p->kind == SAGE_PARAM_CHOICE) choices(out, p->choices);
        if (p == &sage_ask_params[SAGE_PARAM_ID_PAGE]) sage_out_text_at(out, "pattern", "^[0-9]+-[0-9]+-[0-9a-f]{16}$");
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

void sage_openapi_uri_params(sage_json_out *out, const sage_route *route) {
    sage_out_key(out, "parameters");
    sage_out_open(out, '[');
    path_param(out, route);
    for (size_t i = 0; i < SAGE_PARAMS; i++) {
        const sage_ask_param *p = &sage_ask_params[i];
        if (!(route->params & SAGE_PARAM_BIT(i)) || p->kind == SAGE_PARAM_EVENTS || p->kind == SAGE_PARAM_PICTURE)
            continue;
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
    sage_out_key(out, is_one(route->one_of) ? "allOf" : route->just_one ? "oneOf" : "anyOf");
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

void sage_openapi_params_schema(sage_json_out *out, const sage_route *route, sage_ask_param_set params) {
    sage_out_open(out, '{');
    sage_out_text_at(out, "type", "object");
    sage_out_bool_at(out, "additionalProperties", false);
    one_of(out, route);
    sage_out_key(out, "properties");
    sage_out_open(out, '{');
    for (size_t i = 0; i < SAGE_PARAMS; i++) {
        if (!(params & SAGE_PARAM_BIT(i))) continue;
        sage_out_key(out, sage_ask_params[i].name);
        param_schema(out, &sage_ask_params[i], false);
    }
    sage_out_close(out, '}');
    sage_out_close(out, '}');
}
