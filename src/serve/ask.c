#include <base/alloc.h>
#include <base/error.h>
#include <serve/ask.h>
#include <serve/base64.h>
#include <serve/problem.h>
#include <stdio.h>
#include <string.h>

typedef struct reading {
    sage_ask *ask;
    const sage_ask_param *param;
    const json_t *value;
    sage_response *response;
} reading;

static bool wrong(const reading *r, const char *wanted) {
    sage_problem_answer(r->response, SAGE_PROBLEM_PARAMETER, r->param->name, "'%s' must be %s", r->param->name, wanted);
    return false;
}

static bool out_of_bounds(const reading *r) {
    char bounds[80];
    snprintf(bounds, sizeof bounds, "%s from %.15g to %.15g",
             r->param->kind == SAGE_PARAM_WHOLE ? "a whole number" : "a number", r->param->min, r->param->max);
    return wrong(r, bounds);
}

static bool text(const reading *r) {
    const size_t n = json_string_length(r->value);
    char bounds[80];
    snprintf(bounds, sizeof bounds, "a text of %.0f to %.0f bytes", r->param->min, r->param->max);
    if (!json_is_string(r->value) || (double)n < r->param->min || (double)n > r->param->max) return wrong(r, bounds);
    *(const char **)((char *)r->ask + r->param->offset) = json_string_value(r->value);
    return true;
}

static bool within(const reading *r, double value) {
    return value >= r->param->min && value <= r->param->max;
}

static bool whole(const reading *r) {
    const json_int_t value = json_integer_value(r->value);
    if (!json_is_integer(r->value) || !within(r, (double)value)) return out_of_bounds(r);
    *(size_t *)((char *)r->ask + r->param->offset) = (size_t)value;
    return true;
}

static bool real(const reading *r) {
    const double value = json_number_value(r->value);
    if (!json_is_number(r->value) || !within(r, value)) return out_of_bounds(r);
    *(double *)((char *)r->ask + r->param->offset) = value;
    return true;
}

static bool boolean(const reading *r) {
    if (!json_is_boolean(r->value)) return wrong(r, "true or false");
    *(bool *)((char *)r->ask + r->param->offset) = json_is_true(r->value);
    return true;
}

static bool choice(const reading *r) {
    const char *name = json_string_value(r->value);
    char all[120];
    snprintf(all, sizeof all, "one of %s", r->param->choices);
    if (name == NULL || sage_method_parse(name, &r->ask->query.method, NULL) != SAGE_OK) return wrong(r, all);
    return true;
}

static bool limits(const reading *r) {
    const char *column;
    json_t *most;
    char wanted[120];
    snprintf(wanted, sizeof wanted, "an object of at most %d columns with numbers from 1 to %.0f", SAGE_CAPS_MAX,
             r->param->max);
    if (!json_is_object(r->value) || json_object_size(r->value) > SAGE_CAPS_MAX) return wrong(r, wanted);
    json_t *object = json_object_get(r->ask->root, r->param->name);
    json_object_foreach(object, column, most) {
        const json_int_t n = json_integer_value(most);
        if (!json_is_integer(most) || !within(r, (double)n)) return wrong(r, wanted);
        r->ask->caps[r->ask->query.n_caps++] = (sage_cap){column, (size_t)n};
    }
    r->ask->query.caps = r->ask->caps;
    return true;
}

/* ---- events ---- */

static bool wrong_event(const reading *r, size_t at, const char *what) {
    sage_problem_answer(r->response, SAGE_PROBLEM_PARAMETER, "events", "event %zu of 'events' %s", at + 1, what);
    return false;
}

static bool event(const reading *r, size_t at, json_t *value) {
    sage_session_event *event = &r->ask->events[at];
    const char *key;
    json_t *member;
    *event = (sage_session_event){NULL};
    if (!json_is_object(value)) return wrong_event(r, at, "is no object");
    json_object_foreach(value, key, member) {
        if (strcmp(key, "product_id") == 0 && json_string_length(member) > 0)
            event->product_id = json_string_value(member);
        else if (strcmp(key, "event") == 0 && json_is_string(member))
            event->event = json_string_value(member);
        else if (strcmp(key, "age_days") == 0 && json_is_number(member) && json_number_value(member) >= 0)
            event->age_days = json_number_value(member);
        else
            return wrong_event(r, at,
                               "takes a product_id (a text), and may say event (click, save, add_to_cart, checkout) "
                               "and age_days (a number, 0 or more)");
    }
    return event->product_id != NULL || wrong_event(r, at, "names no product_id");
}

static bool events(const reading *r) {
    const size_t n = json_array_size(r->value);
    char bounds[80];
    snprintf(bounds, sizeof bounds, "an array of %.0f to %.0f events", r->param->min, r->param->max);
    if (!json_is_array(r->value) || !within(r, (double)n)) return wrong(r, bounds);
    r->ask->events = sage_alloc(n * sizeof *r->ask->events);
    if (r->ask->events == NULL) {
        sage_problem_answer(r->response, SAGE_PROBLEM_BUSY, NULL, "out of memory");
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (!event(r, i, json_array_get(r->value, i))) return false;
    r->ask->query.session = r->ask->events;
    r->ask->query.n_session = n;
    return true;
}

static bool picture(const reading *r) {
    const size_t n = json_string_length(r->value);
    sage_error error;
    sage_str bytes = {NULL, 0};
    if (!json_is_string(r->value) || n == 0) return wrong(r, "a picture in Base64");
    unsigned char *decoded = sage_alloc(sage_base64_room(n));
    sage_status st = decoded != NULL ? SAGE_OK : sage_fail_memory(&error, n);
    const bool good = st == SAGE_OK && sage_base64_decode(json_string_value(r->value), n, decoded, &bytes.len);
    bytes.data = (const char *)decoded;
    if (good) st = sage_picture_hold(&r->ask->picture, bytes, &error);
    if (st != SAGE_OK)
        sage_problem_of(r->response, st, &error, NULL);
    else if (!good)
        wrong(r, "a picture in Base64");
    r->ask->query.image = r->ask->picture.path;
    sage_free(decoded);
    return good && st == SAGE_OK;
}

/* ---- all of them ---- */

static bool read_one(const reading *r) {
    switch (r->param->kind) {
    case SAGE_PARAM_TEXT: return text(r);
    case SAGE_PARAM_WHOLE: return whole(r);
    case SAGE_PARAM_REAL: return real(r);
    case SAGE_PARAM_BOOL: return boolean(r);
    case SAGE_PARAM_CHOICE: return choice(r);
    case SAGE_PARAM_LIMITS: return limits(r);
    case SAGE_PARAM_PICTURE: return picture(r);
    case SAGE_PARAM_EVENTS: return events(r);
    }
    return false;
}

static size_t find(const char *name, sage_ask_param_set allowed) {
    size_t i = 0;
    while (i < SAGE_PARAMS && (!(allowed & SAGE_PARAM_BIT(i)) || strcmp(sage_ask_params[i].name, name) != 0)) i++;
    return i;
}

bool sage_ask_read(sage_ask *ask, json_t *root, sage_ask_param_set allowed, sage_response *response) {
    const char *name;
    json_t *value;
    *ask = (sage_ask){.root = root, .query = {.n = 10, .method = SAGE_AUTO}};
    if (!json_is_object(root)) {
        sage_problem_answer(response, SAGE_PROBLEM_JSON, NULL, "a request is a JSON object");
        return false;
    }
    json_object_foreach(root, name, value) {
        const size_t id = find(name, allowed);
        if (id == SAGE_PARAMS) {
            sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, name, "'%.100s' is no parameter of this route", name);
            return false;
        }
        ask->given |= SAGE_PARAM_BIT(id);
        if (!read_one(&(reading){ask, &sage_ask_params[id], value, response})) return false;
    }
    return true;
}

void sage_ask_free(sage_ask *ask) {
    sage_free(ask->events);
    sage_free(ask->remembered);
    sage_picture_let_go(&ask->picture);
    json_decref(ask->root);
    *ask = (sage_ask){.root = NULL};
}
