/* /v1/batch: many questions at once, of several kinds, all answered by one release. */
#include <base/report.h>
#include <serve/answer.h>
#include <serve/problem.h>
#include <serve/results.h>
#include <string.h>

/* The route that a member of a question names; NULL: there is none such. */
static const sage_route *route_named(const char *name) {
    for (size_t i = 0; i < sage_routes_count(); i++)
        if (sage_routes[i].write != NULL && strcmp(sage_routes[i].name, name) == 0) return &sage_routes[i];
    return NULL;
}

/* {"search": {...}}: writes {"status": ..., "body": ...}. A batch of the heaviest searches would hold its thread for
 * minutes: what has waited in it for as long as a search may is not begun. */
static void answer_one(const sage_turn *turn, json_t *question, double waited_s, sage_json_out *out) {
    const char *name = json_object_iter_key(json_object_iter(question));
    const sage_route *route = name != NULL && json_object_size(question) == 1 ? route_named(name) : NULL;
    sage_turn own = *turn;
    sage_response response;
    sage_response_init(&response);
    own.route = route;
    if (route == NULL)
        sage_problem_answer(&response, SAGE_PROBLEM_PARAMETER, "requests",
                            "a request of a batch is an object with one member: search, similar, user, image or embed");
    else if (!sage_serve_too_late(turn->serve, waited_s, &response))
        sage_answer_object(&own, json_incref(json_object_get(question, name)), route->params | route->batch_params,
                           &response);
    sage_out_open(out, '{');
    sage_out_whole_at(out, "status", response.status);
    sage_out_json_at(out, "body", response.body.len > 0 ? response.body.data : "{}");
    sage_out_close(out, '}');
    sage_response_free(&response);
}

static json_t *read_questions(const sage_request *request, json_t **root, sage_response *response) {
    if (!sage_ask_body(request, root, response)) return NULL;
    json_t *questions = json_object_get(*root, "requests");
    const size_t n = json_array_size(questions);
    if (json_object_size(*root) == 1 && n >= 1 && n <= SAGE_BATCH_MAX) return questions;
    sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, "requests",
                        "a batch is an object with 'requests', an array of 1 to %d requests", SAGE_BATCH_MAX);
    return NULL;
}

void sage_answer_batch(const sage_turn *turn, const sage_request *request, sage_response *response) {
    json_t *root = NULL, *question;
    size_t i;
    const double began_s = sage_now_s();
    json_t *questions = read_questions(request, &root, response);
    if (questions != NULL) {
        sage_json_out out = {.buf = &response->body};
        sage_out_open(&out, '{');
        sage_out_whole_at(&out, "release", (int64_t)sage_serving_facts(turn->serving)->release);
        sage_out_key(&out, "answers");
        sage_out_open(&out, '[');
        json_array_foreach(questions, i, question) answer_one(turn, question, sage_now_s() - began_s, &out);
        sage_out_close(&out, ']');
        sage_out_close(&out, '}');
        sage_results_finish(&out, response);
    }
    json_decref(root);
}
