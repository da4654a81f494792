#include <serve/json_out.h>
#include <serve/problem.h>
#include <stdarg.h>
#include <stdio.h>

const sage_problem_kind sage_problem_kinds[SAGE_PROBLEMS] = {
    [SAGE_PROBLEM_PARAMETER] = {400, "parameter", "A parameter is wrong"},
    [SAGE_PROBLEM_JSON] = {400, "body", "The body cannot be read"},
    [SAGE_PROBLEM_TOKEN] = {401, "token", "A token is needed"},
    [SAGE_PROBLEM_ROLE] = {403, "role", "The token does not allow this"},
    [SAGE_PROBLEM_HOST] = {403, "host", "This is not the host that was asked"},
    [SAGE_PROBLEM_NO_ROUTE] = {404, "no-route", "There is nothing here"},
    [SAGE_PROBLEM_NOT_FOUND] = {404, "not-found", "It is not known"},
    [SAGE_PROBLEM_METHOD] = {405, "method", "The method is not allowed here"},
    [SAGE_PROBLEM_UNAVAILABLE] = {409, "unavailable", "The release cannot answer this"},
    [SAGE_PROBLEM_PAGE] = {410, "page", "The page has gone"},
    [SAGE_PROBLEM_TOO_LARGE] = {413, "too-large", "The request is too large"},
    [SAGE_PROBLEM_CONTENT_TYPE] = {415, "content-type", "The content type is not read here"},
    [SAGE_PROBLEM_INTERNAL] = {500, "internal", "The server failed"},
    [SAGE_PROBLEM_BUSY] = {503, "busy", "The server is busy"},
    [SAGE_PROBLEM_FULL] = {503, "full", "A new release is due"},
};

static void fill(sage_response *response, sage_problem problem, const char *field, const char *detail) {
    const sage_problem_kind *kind = &sage_problem_kinds[problem];
    char type[64];
    snprintf(type, sizeof type, "urn:itemsage:%s", kind->type);
    sage_buf_clear(&response->body);
    response->fixed = (sage_str){NULL, 0};
    response->status = kind->status;
    response->type = "application/problem+json";
    sage_json_out out = {.buf = &response->body};
    sage_out_open(&out, '{');
    sage_out_text_at(&out, "type", type);
    sage_out_text_at(&out, "title", kind->title);
    sage_out_whole_at(&out, "status", kind->status);
    sage_out_text_at(&out, "detail", detail);
    if (field != NULL) sage_out_text_at(&out, "field", field);
    sage_out_close(&out, '}');
    if (problem == SAGE_PROBLEM_BUSY) sage_response_header(response, "Retry-After", "1");
    if (problem == SAGE_PROBLEM_FULL) sage_response_header(response, "Retry-After", "60");
    if (problem == SAGE_PROBLEM_TOKEN) sage_response_header(response, "WWW-Authenticate", "Bearer");
    if (out.st == SAGE_OK) return;
    sage_buf_clear(&response->body); /* the status says enough */
}

void sage_problem_answer(sage_response *response, sage_problem problem, const char *field, const char *format, ...) {
    char detail[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    fill(response, problem, field, detail);
}

sage_problem sage_problem_for(sage_status st) {
    switch (st) {
    case SAGE_E_ARGUMENT:
    case SAGE_E_FORMAT: return SAGE_PROBLEM_PARAMETER;
    case SAGE_E_NOT_FOUND: return SAGE_PROBLEM_NOT_FOUND;
    case SAGE_E_STATE: return SAGE_PROBLEM_UNAVAILABLE;
    case SAGE_E_LIMIT: return SAGE_PROBLEM_TOO_LARGE;
    case SAGE_E_MEMORY:
    case SAGE_E_LOCKED:
    case SAGE_E_CANCELLED: return SAGE_PROBLEM_BUSY;
    default: return SAGE_PROBLEM_INTERNAL;
    }
}

void sage_problem_of(sage_response *response, sage_status st, const sage_error *error, const char *field) {
    fill(response, sage_problem_for(st), field, error->text);
}
