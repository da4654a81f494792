/* POST /v1/events: what users did, safe when it is answered. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/catalog.h>
#include <catalog/import_common.h>
#include <catalog/import_time.h>
#include <serve/answer.h>
#include <serve/problem.h>
#include <serve/results.h>
#include <stdio.h>
#include <time.h>

enum { ID_MAX = 255, QUERY_MAX = 4096, COUNT_MAX = 1000000000 };
static const int64_t YEAR_10000_MS = 253402300800000; /* is written with a digit more than any is read with */

/* One event as it is kept. */
typedef struct taken {
    const char *user, *product, *query, *surface, *id; /* NULL where absent; they lie in the request's JSON */
    sage_event_kind kind;
    int64_t time_ms, count;
    sage_buf text;
} taken;

static bool wrong(sage_response *response, size_t at, const char *what) {
    sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, "events", "event %zu of 'events' %s", at + 1, what);
    return false;
}

/* A text of 1 to `most` bytes, into *out. Blanks alone are nothing to an import, which would reject the row later. */
static bool text_of(const json_t *value, size_t most, const char **out) {
    *out = json_string_value(value);
    const sage_str text = {*out, json_string_length(value)};
    return *out != NULL && text.len <= most && sage_trim(text).len >= 1;
}

static bool surface_of(const json_t *value, const char **out) {
    *out = json_string_value(value);
    for (int s = 0; *out != NULL && s < SAGE_SURFACES; s++)
        if (s != SAGE_ON_IMAGE && strcmp(*out, sage_surface_names[s]) == 0) return true;
    return false;
}

static bool time_of(const json_t *value, int64_t *time_ms) {
    const char *text = json_string_value(value);
    return text != NULL && sage_time_parse((sage_str){text, strlen(text)}, time_ms) && *time_ms < YEAR_10000_MS;
}

static bool kind_of(const json_t *value, sage_event_kind *kind) {
    const char *text = json_string_value(value);
    return text != NULL && sage_event_kind_parse((sage_str){text, strlen(text)}, kind);
}

static bool count_of(const json_t *value, int64_t *count) {
    *count = json_integer_value(value);
    return json_is_integer(value) && *count >= 1 && *count <= COUNT_MAX;
}

/* NULL: it is as it may be; else what is wrong. */
static const char *read_member(taken *e, const char *key, const json_t *value) {
    if (strcmp(key, "product_id") == 0)
        return text_of(value, ID_MAX, &e->product) ? NULL : "has a product_id that is no text of 1 to 255 bytes";
    if (strcmp(key, "user_id") == 0)
        return text_of(value, ID_MAX, &e->user) ? NULL : "has a user_id that is no text of 1 to 255 bytes";
    if (strcmp(key, "event_id") == 0)
        return text_of(value, ID_MAX, &e->id) ? NULL : "has an event_id that is no text of 1 to 255 bytes";
    if (strcmp(key, "query") == 0)
        return text_of(value, QUERY_MAX, &e->query) ? NULL : "has a query that is no text of 1 to 4096 bytes";
    if (strcmp(key, "surface") == 0)
        return surface_of(value, &e->surface) ? NULL : "has a surface that is not search, product or user";
    if (strcmp(key, "event") == 0)
        return kind_of(value, &e->kind) ? NULL : "has an event that is not click, save, add_to_cart or checkout";
    if (strcmp(key, "timestamp") == 0)
        return time_of(value, &e->time_ms) ? NULL : "has a timestamp that is no time such as 2026-05-01T12:00:00Z";
    if (strcmp(key, "count") == 0)
        return count_of(value, &e->count) ? NULL : "has a count that is no whole number from 1 on";
    return "has a member that no event has";
}

static bool read_event(taken *e, size_t at, json_t *object, int64_t now_ms, sage_response *response) {
    const char *key;
    json_t *value;
    *e = (taken){.kind = SAGE_EVENT_KINDS, .time_ms = now_ms, .count = 1};
    sage_buf_init(&e->text, SAGE_INBOX_ENTRY_MAX);
    if (!json_is_object(object)) return wrong(response, at, "is no object");
    json_object_foreach(object, key, value) {
        const char *fault = read_member(e, key, value);
        if (fault != NULL) return wrong(response, at, fault);
    }
    if (e->product == NULL || e->kind == SAGE_EVENT_KINDS)
        return wrong(response, at, "needs a product_id and an event");
    if (e->user == NULL && e->query == NULL) return wrong(response, at, "needs a user_id or a query");
    if (e->surface != NULL && strcmp(e->surface, "user") != 0 && e->query == NULL)
        return wrong(response, at, "needs a query on its surface");
    return true;
}

/* ---- as an event log has it ---- */

static void write_time(sage_json_out *out, int64_t time_ms) {
    const time_t seconds = (time_t)(time_ms / 1000);
    struct tm day;
    char whole[32], text[48];
    gmtime_r(&seconds, &day);
    strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &day);
    snprintf(text, sizeof text, "%s.%03uZ", whole, (unsigned)(time_ms % 1000));
    sage_out_text_at(out, "timestamp", text);
}

static sage_status write_text(taken *e, sage_intake *intake) {
    sage_json_out out = {.buf = &e->text};
    char name[64];
    sage_intake_name(intake, name);
    sage_out_open(&out, '{');
    sage_out_text_at(&out, "event_id", e->id != NULL ? e->id : name);
    write_time(&out, e->time_ms);
    sage_out_text_at(&out, "product_id", e->product);
    sage_out_text_at(&out, "event", sage_event_names[e->kind]);
    if (e->user != NULL) sage_out_text_at(&out, "user_id", e->user);
    if (e->surface != NULL) sage_out_text_at(&out, "surface", e->surface);
    if (e->query != NULL) sage_out_text_at(&out, "query", e->query);
    sage_out_whole_at(&out, "count", e->count);
    sage_out_close(&out, '}');
    return out.st;
}

/* ---- all of them ---- */

/* Safe in the inbox, and remembered. */
static sage_status keep(sage_intake *intake, taken *events, sage_inbox_entry *entries, size_t n, sage_error *error) {
    for (size_t i = 0; i < n; i++) {
        if (write_text(&events[i], intake) != SAGE_OK) return sage_fail_memory(error, events[i].text.len);
        entries[i] = (sage_inbox_entry){.kind = SAGE_INBOX_EVENT, .text = {events[i].text.data, events[i].text.len}};
    }
    const sage_status st = sage_intake_add(intake, entries, n, error);
    for (size_t i = 0; st == SAGE_OK && i < n; i++)
        if (events[i].user != NULL)
            sage_recent_add(sage_intake_recent(intake), entries[i].number, events[i].user, events[i].product,
                            sage_event_names[events[i].kind], (double)events[i].time_ms / 1000);
    return st;
}

static bool read_all(taken *events, json_t *list, sage_response *response) {
    struct timespec now;
    json_t *object;
    size_t i;
    clock_gettime(CLOCK_REALTIME, &now);
    const int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    json_array_foreach(list, i, object) {
        if (!read_event(&events[i], i, object, now_ms, response)) return false;
    }
    return true;
}

static void take(const sage_turn *turn, json_t *list, size_t n, sage_response *response) {
    sage_error error;
    taken *events = sage_alloc_zero(n, sizeof *events);
    sage_inbox_entry *entries = sage_alloc_zero(n, sizeof *entries);
    sage_status st = events != NULL && entries != NULL ? SAGE_OK : sage_fail_memory(&error, n * sizeof *events);
    if (st == SAGE_OK && read_all(events, list, response)) {
        st = keep(turn->serve->intake, events, entries, n, &error);
        if (st == SAGE_OK) {
            sage_json_out out = {.buf = &response->body};
            sage_out_open(&out, '{');
            sage_out_whole_at(&out, "accepted", (int64_t)n);
            sage_out_close(&out, '}');
            sage_results_finish(&out, response);
        }
    }
    if (st != SAGE_OK) sage_problem_of(response, st, &error, NULL);
    for (size_t i = 0; events != NULL && i < n; i++) sage_buf_free(&events[i].text);
    sage_free(entries);
    sage_free(events);
}

void sage_answer_events(const sage_turn *turn, const sage_request *request, sage_response *response) {
    json_t *root = NULL;
    if (!sage_ask_body(request, &root, response)) return;
    json_t *list = json_object_get(root, "events");
    const size_t n = json_array_size(list);
    if (json_object_size(root) == 1 && n >= 1 && n <= SAGE_INTAKE_MAX)
        take(turn, list, n, response);
    else
        sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, "events",
                            "the body is an object with 'events', an array of 1 to %d events", SAGE_INTAKE_MAX);
    json_decref(root);
}
