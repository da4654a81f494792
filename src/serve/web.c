#include <serve/problem.h>
#include <serve/routes.h>
#include <serve/web.h>
#include <string.h>

const char *const sage_web_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: http: https:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const sage_web_file *sage_web_find(const char *path) {
    for (size_t i = 0; i < sage_web_n_files; i++)
        if (strcmp(sage_web_files[i].path, path) == 0) return &sage_web_files[i];
    return NULL;
}

/* A browser that has these bytes keeps them (304); it asks each time, as they change with the program. */
void sage_answer_web(const sage_turn *turn, const sage_request *request, sage_response *response) {
    (void)turn;
    const sage_web_file *file = sage_web_find(request->path);
    if (file == NULL) {
        sage_problem_answer(response, SAGE_PROBLEM_NO_ROUTE, NULL, "the page has no file '%.200s'", request->path);
        return;
    }
    const bool has_it = request->if_none_match != NULL && strstr(request->if_none_match, file->etag) != NULL;
    response->status = has_it ? 304 : 200;
    response->type = file->type;
    response->fixed = has_it ? (sage_str){"", 0} : file->bytes;
    sage_response_constant(response, "ETag", file->etag);
    sage_response_constant(response, "Cache-Control", "no-cache");
    sage_response_constant(response, "Content-Security-Policy", sage_web_policy);
    sage_response_constant(response, "Referrer-Policy", "no-referrer");
}
