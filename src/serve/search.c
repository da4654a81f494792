/* Routes whose parameters are an object: a question, then what the route makes of it. */
#include <serve/problem.h>
#include <serve/results.h>
#include <stdio.h>
#include <string.h>

/* What must be given and is not: "'user_id' or 'events'". */
static void name_missing(const sage_route *route, sage_response *response) {
    char names[128] = "";
    const char *first = NULL;
    for (size_t i = 0; i < SAGE_PARAMS; i++) {
        if (!(route->one_of & SAGE_PARAM_BIT(i))) continue;
        const size_t at = strlen(names);
        snprintf(names + at, sizeof names - at, "%s'%s'", first != NULL ? " or " : "", sage_ask_params[i].name);
        if (first == NULL) first = sage_ask_params[i].name;
    }
    sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, first, "%s takes %s, and it is missing", route->path, names);
}

void sage_answer_object(const sage_turn *turn, json_t *root, sage_ask_param_set allowed, sage_response *response) {
    sage_ask ask;
    sage_json_out out = {.buf = &response->body};
    if (sage_ask_read(&ask, root, allowed, response)) {
        if (!(ask.given & turn->route->one_of) && turn->route->one_of != 0)
            name_missing(turn->route, response);
        else if (turn->route->write(turn, &ask, &out, response))
            sage_results_finish(&out, response);
    }
    sage_ask_free(&ask);
}

void sage_answer_params(const sage_turn *turn, const sage_request *request, sage_response *response) {
    json_t *root;
    if (request->verb == SAGE_POST ? sage_ask_body(request, &root, response) : sage_ask_args(request, &root, response))
        sage_answer_object(turn, root, turn->route->params, response);
}
