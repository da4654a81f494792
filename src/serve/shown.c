/* What the page shows beside results: a product, its picture, the map of all of them, the training. */
#include <math.h>
#include <serve/answer.h>
#include <serve/curves.h>
#include <serve/problem.h>
#include <serve/results.h>
#include <shop/picture_file.h>
#include <string.h>

/* What the path says in place of the route's {id}. */
static const char *id_of(const sage_turn *turn, const sage_request *request) {
    return request->path + strcspn(turn->route->path, "{");
}

/* False: `response` is the problem. */
static bool product_of(const sage_turn *turn, const sage_request *request, const sage_hit **hit,
                       sage_response *response) {
    sage_error error;
    sage_searcher *searcher = sage_serving_searcher(turn->serving, turn->worker);
    const sage_status st = sage_searcher_product(searcher, id_of(turn, request), hit, &error);
    if (st != SAGE_OK) sage_problem_of(response, st, &error, NULL);
    return st == SAGE_OK;
}

void sage_answer_product(const sage_turn *turn, const sage_request *request, sage_response *response) {
    sage_json_out out = {.buf = &response->body};
    const sage_hit *hit;
    if (!product_of(turn, request, &hit, response)) return;
    sage_out_open(&out, '{');
    sage_out_whole_at(&out, "release", (int64_t)sage_serving_facts(turn->serving)->release);
    sage_hit_write(&out, hit);
    sage_out_close(&out, '}');
    sage_results_finish(&out, response);
}

void sage_answer_past(const sage_turn *turn, const sage_request *request, sage_response *response) {
    enum { MOST = 50 };
    sage_json_out out = {.buf = &response->body};
    const sage_hit *hits;
    sage_past_event past[MOST];
    size_t n;
    sage_error error;
    sage_searcher *searcher = sage_serving_searcher(turn->serving, turn->worker);
    const sage_status st = sage_searcher_history(searcher, id_of(turn, request), MOST, &hits, past, &n, &error);
    if (st != SAGE_OK) {
        sage_problem_of(response, st, &error, NULL);
        return;
    }
    sage_out_open(&out, '{');
    sage_out_whole_at(&out, "release", (int64_t)sage_serving_facts(turn->serving)->release);
    sage_out_key(&out, "past");
    sage_out_open(&out, '[');
    for (size_t i = 0; i < n; i++) {
        sage_out_open(&out, '{');
        sage_hit_write(&out, &hits[i]);
        sage_out_text_at(&out, "event", past[i].event);
        if (!isnan(past[i].age_days)) sage_out_real_at(&out, "age_days", past[i].age_days);
        sage_out_close(&out, '}');
    }
    sage_out_close(&out, ']');
    sage_out_close(&out, '}');
    sage_results_finish(&out, response);
}

/* A link of the web can be gone to; anything else, or what would break a header, cannot. */
static bool leads_to_web(const char *link) {
    if (strncmp(link, "https://", 8) != 0 && strncmp(link, "http://", 7) != 0) return false;
    for (; *link; link++)
        if ((unsigned char)*link <= ' ' || (unsigned char)*link >= 0x7F) return false;
    return true;
}

/* Nothing is said of where the files lie. */
static void send_file(const char *path, const char *id, sage_response *response) {
    sage_error error;
    const char *type;
    const sage_status st = sage_picture_bytes(path, &response->body, &type, &error);
    if (st == SAGE_OK)
        response->type = type;
    else
        sage_problem_answer(response, SAGE_PROBLEM_NOT_FOUND, NULL, "the picture of '%.200s' cannot be read", id);
}

/* The request names a product, never a file: which one that is says its link in the release, and it lies below the
 * folder that the shop's pictures were imported from. Where the shop has no file, the link says where the picture is.
 */
void sage_answer_picture(const sage_turn *turn, const sage_request *request, sage_response *response) {
    char path[SAGE_PATH_MAX];
    const sage_hit *hit;
    sage_error error;
    sage_status st = SAGE_OK;
    if (!product_of(turn, request, &hit, response)) return;
    if (sage_picture_of_link(sage_serving_pictures(turn->serving), hit->image_link, path))
        send_file(path, hit->id, response);
    else if (leads_to_web(hit->image_link))
        st = sage_response_redirect(response, hit->image_link, &error);
    else
        sage_problem_answer(response, SAGE_PROBLEM_NOT_FOUND, NULL, "the shop has no picture of '%.200s'", hit->id);
    if (st != SAGE_OK) sage_problem_of(response, st, &error, NULL);
    if (response->status < 400) sage_response_constant(response, "Cache-Control", "private, max-age=300");
}

void sage_answer_map(const sage_turn *turn, const sage_request *request, sage_response *response) {
    sage_error error;
    (void)request;
    const uint64_t release = sage_serving_facts(turn->serving)->release;
    const sage_status st = sage_plane_answer(turn->serve->plane, release, &response->body, &error);
    if (st != SAGE_OK) sage_problem_of(response, st, &error, NULL);
}

void sage_answer_training(const sage_turn *turn, const sage_request *request, sage_response *response) {
    sage_error error;
    (void)request;
    const uint64_t model = sage_serving_facts(turn->serving)->model;
    const sage_status st = sage_curves_write(turn->serve->shop, model, &response->body, &error);
    if (st != SAGE_OK) sage_problem_of(response, st, &error, NULL);
}
