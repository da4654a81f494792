#include <base/alloc.h>
#include <serve/answer.h>
#include <serve/page.h>
#include <serve/problem.h>
#include <serve/results.h>
#include <string.h>
#include <time.h>

static void write_parts(sage_json_out *out, const sage_parts *parts) {
    const struct {
        const char *name;
        float value;
    } all[] = {
        {"vectors", parts->vectors}, {"keywords", parts->keywords}, {"own", parts->own}, {"together", parts->together}};
    sage_out_key(out, "parts");
    sage_out_open(out, '{');
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].value == 0) continue;
        sage_out_key(out, all[i].name);
        sage_out_float(out, (double)all[i].value);
    }
    sage_out_close(out, '}');
}

void sage_hit_write(sage_json_out *out, const sage_hit *hit) {
    const char *const texts[][2] = {{"title", hit->title},
                                    {"brand", hit->brand},
                                    {"category", hit->category},
                                    {"price", hit->price},
                                    {"availability", hit->availability},
                                    {"link", hit->link},
                                    {"image_link", hit->image_link}};
    sage_out_text_at(out, "id", hit->id);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (*texts[i][1]) sage_out_text_at(out, texts[i][0], texts[i][1]);
}

static void write_hit(sage_json_out *out, const sage_ask *ask, const sage_hit *hit, size_t rank) {
    sage_out_open(out, '{');
    sage_out_whole_at(out, "rank", (int64_t)rank);
    sage_out_key(out, "score");
    sage_out_float(out, (double)hit->score);
    sage_hit_write(out, hit);
    if (ask->explain) write_parts(out, &hit->parts);
    if (hit->interest >= 0) {
        sage_out_whole_at(out, "interest", hit->interest);
        sage_out_text_at(out, "interest_id", hit->interest_id);
    }
    sage_out_close(out, '}');
}

/* Which parameter an error of the search is about. */
static const char *field_of(const sage_ask *ask, const sage_error *error) {
    static const char *const said[][2] = {{"results cannot be limited by ", "at_most"},
                                          {" are found by ", "method"},
                                          {" for a user are found by ", "method"},
                                          {"the hybrid of users ", "method"}};
    if (ask->query.image != NULL && (error->code == SAGE_E_FORMAT || error->code == SAGE_E_LIMIT)) return "image";
    if (error->code != SAGE_E_ARGUMENT) return NULL;
    if (error->column > 0 && ask->query.where != NULL) return "where";
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (strstr(error->text, said[i][0]) != NULL) return said[i][1];
    return NULL;
}

static void write_page(const sage_turn *turn, const sage_ask *ask, size_t wanted, size_t offset, const sage_hit *hits,
                       size_t n, sage_json_out *out) {
    char next[SAGE_PAGE_BYTES];
    const size_t end = n - offset < wanted ? n : offset + wanted;
    sage_out_key(out, "results");
    sage_out_open(out, '[');
    for (size_t i = offset; i < end; i++) write_hit(out, ask, &hits[i], i + 1);
    sage_out_close(out, ']');
    if (end == n) return;
    sage_page_next(turn, ask, end, next);
    sage_out_text_at(out, "next", next);
}

/* What the user did lately, before what the request says. Where memory is short it is left out. */
static void join_recent(const sage_turn *turn, sage_ask *ask) {
    struct timespec now;
    sage_session_event *events = NULL;
    if (ask->query.user_id == NULL) return;
    clock_gettime(CLOCK_REALTIME, &now);
    const double now_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    const size_t given = ask->query.n_session, n = sage_recent_of(sage_intake_recent(turn->serve->intake),
                                                                  ask->query.user_id, now_s, &events, &ask->remembered);
    sage_session_event *all = n > 0 ? sage_alloc((n + given) * sizeof *all) : NULL;
    if (all != NULL) {
        memcpy(all, events, n * sizeof *all);
        if (given > 0) memcpy(all + n, ask->events, given * sizeof *all);
        sage_free(ask->events);
        ask->query.session = ask->events = all;
        ask->query.n_session = n + given;
    }
    sage_free(events);
}

bool sage_results_write(const sage_turn *turn, sage_ask *ask, sage_json_out *out, sage_response *response) {
    sage_searcher *searcher = sage_serving_searcher(turn->serving, turn->worker);
    const size_t wanted = ask->query.n;
    const sage_hit *hits;
    size_t n, offset;
    sage_error error;
    if (!sage_page_begin(turn, ask, &offset, response)) return false;
    join_recent(turn, ask);
    sage_status st = sage_search(searcher, &ask->query, &hits, &n, &error);
    if (st != SAGE_OK) {
        sage_problem_of(response, st, &error, field_of(ask, &error));
        return false;
    }
    sage_out_open(out, '{');
    sage_out_whole_at(out, "release", (int64_t)sage_serving_facts(turn->serving)->release);
    sage_out_text_at(out, "method", sage_method_name(sage_searcher_method(searcher)));
    sage_out_bool_at(out, "complete", sage_searcher_complete(searcher));
    write_page(turn, ask, wanted, offset < n ? offset : n, hits, n, out);
    sage_out_close(out, '}');
    return true;
}

void sage_results_finish(const sage_json_out *out, sage_response *response) {
    if (out->st == SAGE_OK) return;
    sage_problem_answer(response, sage_problem_for(out->st), NULL, "the answer is too large, or memory is short");
}
