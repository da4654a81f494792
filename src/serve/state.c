/* /healthz, /readyz and /metrics. */
#include <serve/answer.h>
#include <serve/problem.h>

static void say(sage_response *response, const char *text) {
    response->type = "text/plain; charset=utf-8";
    response->fixed = (sage_str){text, strlen(text)};
}

void sage_answer_healthy(const sage_turn *turn, const sage_request *request, sage_response *response) {
    (void)turn;
    (void)request;
    say(response, "ok\n");
}

void sage_answer_ready(const sage_turn *turn, const sage_request *request, sage_response *response) {
    (void)request;
    if (turn->serve->drains)
        sage_problem_answer(response, SAGE_PROBLEM_BUSY, NULL, "the server ends");
    else
        say(response, "ready\n");
}

void sage_serve_measure(sage_serve *serve, sage_gauges *gauges) {
    if (serve->measure != NULL) serve->measure(serve->measure_ctx, gauges);
    gauges->recent = sage_recent_count(sage_intake_recent(serve->intake));
    sage_changes_read(serve->changes, &gauges->changes);
    sage_releases_read(serve->releases, &gauges->releases);
}

void sage_answer_metrics(const sage_turn *turn, const sage_request *request, sage_response *response) {
    sage_gauges gauges = {.up_s = 0};
    sage_error error;
    (void)request;
    sage_serve_measure(turn->serve, &gauges);
    response->type = "text/plain; version=0.0.4; charset=utf-8";
    sage_status st = sage_metrics_write(turn->serve->metrics, &gauges, &response->body, &error);
    if (st != SAGE_OK) sage_problem_of(response, st, &error, NULL);
}
