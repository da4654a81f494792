/* From a request to a JSON object: a body that is one, or the URI's arguments made into one. */
#include <base/alloc.h>
#include <io/json.h>
#include <serve/ask.h>
#include <serve/problem.h>
#include <stdlib.h>

/* Of brackets outside of texts; jansson's own limit is for programs that trust what they read. */
static size_t depth_of(sage_str text) {
    size_t depth = 0, most = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.data[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > most) most = depth;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return most;
}

static bool is_json(const char *type) {
    static const char wanted[] = "application/json";
    return type != NULL && strncasecmp(type, wanted, sizeof wanted - 1) == 0 &&
           strchr("; \t", type[sizeof wanted - 1]) != NULL;
}

bool sage_ask_body(const sage_request *request, json_t **root, sage_response *response) {
    sage_error error;
    *root = NULL;
    if (request->n_args > 0) /* of which one may be a filter: left aside, it would find what it was to keep out */
        sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, request->args[0].name,
                            "'%.100s' stands in the URI; with a body all parameters stand in that",
                            request->args[0].name);
    else if (!is_json(request->content_type))
        sage_problem_answer(response, SAGE_PROBLEM_CONTENT_TYPE, NULL,
                            "the body must come as application/json; say so in Content-Type");
    else if (request->body.len > SAGE_JSON_MAX_BYTES)
        sage_problem_answer(response, SAGE_PROBLEM_TOO_LARGE, NULL,
                            "a body of JSON has at most %d bytes; this one has %zu", SAGE_JSON_MAX_BYTES,
                            request->body.len);
    else if (depth_of(request->body) > SAGE_JSON_MAX_DEPTH)
        sage_problem_answer(response, SAGE_PROBLEM_JSON, NULL, "the body is nested deeper than %d",
                            SAGE_JSON_MAX_DEPTH);
    else if (sage_json_parse(request->body.data, request->body.len, "body", root, &error) != SAGE_OK)
        sage_problem_answer(response, error.code == SAGE_E_MEMORY ? SAGE_PROBLEM_BUSY : SAGE_PROBLEM_JSON, NULL,
                            "line %zu, column %zu: %s", error.line, error.column, error.text);
    else
        return true;
    return false;
}

/* ---- the URI's arguments ---- */

/* "column=N,column=N" as an object; NULL: it is not that. */
static json_t *limits(const char *text) {
    json_t *object = json_object();
    while (object != NULL && *text) {
        const char *equals = strchr(text, '='), *end = strchr(text, ',');
        char *stopped = NULL;
        if (end == NULL) end = text + strlen(text);
        long long most = equals != NULL && equals < end ? strtoll(equals + 1, &stopped, 10) : 0;
        json_t *value = stopped == end && stopped != equals + 1 ? json_integer(most) : NULL;
        char *column = value != NULL ? sage_strndup(text, (size_t)(equals - text)) : NULL;
        const bool set =
            column != NULL && json_object_get(object, column) == NULL && json_object_set(object, column, value) == 0;
        json_decref(value);
        sage_free(column);
        if (!set) {
            json_decref(object);
            return NULL;
        }
        text = *end ? end + 1 : end;
    }
    return object;
}

/* What a parameter of this kind would be in a body; NULL: the text is none. */
static json_t *value_of(const sage_ask_param *param, const char *text) {
    char *end;
    switch (param->kind) {
    case SAGE_PARAM_TEXT:
    case SAGE_PARAM_CHOICE: return json_string(text);
    case SAGE_PARAM_WHOLE: {
        long long whole = strtoll(text, &end, 10);
        return end != text && *end == '\0' ? json_integer(whole) : NULL;
    }
    case SAGE_PARAM_REAL: {
        double real = strtod(text, &end);
        return end != text && *end == '\0' ? json_real(real) : NULL;
    }
    case SAGE_PARAM_BOOL:
        if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0) return json_true();
        return strcmp(text, "false") == 0 || strcmp(text, "0") == 0 ? json_false() : NULL;
    case SAGE_PARAM_LIMITS: return limits(text);
    case SAGE_PARAM_PICTURE:
    case SAGE_PARAM_EVENTS: break;
    }
    return NULL;
}

static const sage_ask_param *param_named(const char *name) {
    for (size_t i = 0; i < SAGE_PARAMS; i++)
        if (strcmp(sage_ask_params[i].name, name) == 0) return &sage_ask_params[i];
    return NULL;
}

/* NULL: `response` is the problem. Names that are not allowed here pass, and are told by who reads the object. */
static json_t *argument(const sage_arg *arg, const json_t *before, sage_response *response) {
    const sage_ask_param *param = param_named(arg->name);
    json_t *value = param != NULL ? value_of(param, arg->value) : json_null();
    if (value == NULL)
        sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, arg->name, "'%.100s' is no value of '%s' in a URI",
                            arg->value, arg->name);
    if (value != NULL && json_object_get(before, arg->name) != NULL) {
        sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, param != NULL ? arg->name : NULL,
                            "'%.100s' is given twice", arg->name);
        json_decref(value);
        return NULL;
    }
    return value;
}

bool sage_ask_args(const sage_request *request, json_t **root, sage_response *response) {
    *root = json_object();
    for (size_t i = 0; *root != NULL && i < request->n_args; i++) {
        json_t *value = argument(&request->args[i], *root, response);
        if (value != NULL && json_object_set_new(*root, request->args[i].name, value) == 0) continue;
        if (value != NULL)
            sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, NULL, "an argument of the URI is not UTF-8");
        json_decref(*root);
        *root = NULL;
        return false;
    }
    if (*root == NULL) sage_problem_answer(response, SAGE_PROBLEM_BUSY, NULL, "out of memory");
    return *root != NULL;
}
