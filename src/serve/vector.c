/* /v1/embed: the vector of a text, a picture or a product. */
#include <base/alloc.h>
#include <serve/problem.h>
#include <serve/results.h>

bool sage_vector_write(const sage_turn *turn, sage_ask *ask, sage_json_out *out, sage_response *response) {
    const sage_release_facts *facts = sage_serving_facts(turn->serving);
    sage_error error;
    float *vector = sage_alloc(facts->dims * sizeof *vector);
    if (vector == NULL) {
        sage_problem_answer(response, SAGE_PROBLEM_BUSY, NULL, "out of memory");
        return false;
    }
    sage_status st =
        sage_search_vector(sage_serving_searcher(turn->serving, turn->worker), &ask->query, vector, &error);
    if (st == SAGE_OK) {
        sage_out_open(out, '{');
        sage_out_whole_at(out, "release", (int64_t)facts->release);
        sage_out_whole_at(out, "model", (int64_t)facts->model);
        sage_out_key(out, "vector");
        sage_out_open(out, '[');
        for (size_t i = 0; i < facts->dims; i++) sage_out_float(out, (double)vector[i]);
        sage_out_close(out, ']');
        sage_out_close(out, '}');
    } else {
        sage_problem_of(response, st, &error, ask->query.image != NULL && st != SAGE_E_STATE ? "image" : NULL);
    }
    sage_free(vector);
    return st == SAGE_OK;
}
