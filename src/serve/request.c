#include <base/alloc.h>
#include <base/error.h>
#include <serve/request.h>
#include <stdarg.h>
#include <stdio.h>

sage_verb sage_verb_of(const char *method) {
    static const struct {
        const char *name;
        sage_verb verb;
    } all[] = {{"GET", SAGE_GET}, {"HEAD", SAGE_GET},      {"POST", SAGE_POST},
               {"PUT", SAGE_PUT}, {"DELETE", SAGE_DELETE}, {"PATCH", SAGE_PATCH}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].name, method) == 0) return all[i].verb;
    return SAGE_OTHER_VERB;
}

void sage_response_init(sage_response *response) {
    *response = (sage_response){.status = 200, .type = "application/json"};
    sage_buf_init(&response->body, SAGE_ANSWER_MAX_BYTES);
}

void sage_response_free(sage_response *response) {
    sage_buf_free(&response->body);
    sage_free(response->location);
}

sage_status sage_response_redirect(sage_response *response, const char *location, sage_error *error) {
    const size_t bytes = strlen(location) + 1;
    response->location = sage_alloc(bytes);
    if (response->location == NULL) return sage_fail_memory(error, bytes);
    memcpy(response->location, location, bytes);
    response->status = 302;
    response->type = NULL;
    response->fixed = (sage_str){"", 0};
    return SAGE_OK;
}

void sage_response_constant(sage_response *response, const char *name, const char *value) {
    if (response->n_headers == SAGE_HEADERS_MAX) return;
    response->headers[response->n_headers].name = name;
    response->headers[response->n_headers++].constant = value;
}

void sage_response_header(sage_response *response, const char *name, const char *format, ...) {
    va_list args;
    if (response->n_headers == SAGE_HEADERS_MAX) return;
    response->headers[response->n_headers].name = name;
    va_start(args, format);
    vsnprintf(response->headers[response->n_headers++].value, SAGE_HEADER_BYTES, format, args);
    va_end(args);
}
