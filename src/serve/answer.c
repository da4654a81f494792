#include <serve/answer.h>
#include <serve/own_host.h>
#include <serve/problem.h>
#include <stdio.h>

static void allow(const sage_route *route, sage_response *response) {
    char text[SAGE_HEADER_BYTES] = "";
    static const char *const names[] = {"GET, HEAD", "POST", "PUT", "DELETE", "PATCH"};
    const unsigned verbs = sage_route_verbs(route);
    size_t at = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (verbs & 1u << i) at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at > 0 ? ", " : "", names[i]);
    sage_problem_answer(response, SAGE_PROBLEM_METHOD, NULL, "%s takes %s", route->path, text);
    sage_response_header(response, "Allow", "%s", text);
}

static bool may_ask(const sage_serve *serve, const sage_route *route, const sage_request *request,
                    sage_response *response) {
    if (route->role == SAGE_ROLE_ANYBODY) return true;
    if (serve->listen != NULL && !sage_host_is_own(request->host, serve->listen)) {
        sage_problem_answer(response, SAGE_PROBLEM_HOST, NULL,
                            "without tokens only requests to this machine's own names are answered, not to '%.200s'; "
                            "set serve_tokens, or, behind something that checks who asks, --no-auth",
                            request->host);
        return false;
    }
    const sage_role role = sage_bearers_role(serve->tokens, request->authorization);
    if (role == SAGE_ROLE_ANYBODY)
        sage_problem_answer(response, SAGE_PROBLEM_TOKEN, NULL,
                            "send 'Authorization: Bearer TOKEN' with a valid token");
    else if (role < route->role)
        sage_problem_answer(response, SAGE_PROBLEM_ROLE, NULL, "this token may only read");
    return role >= route->role;
}

bool sage_serve_admit(sage_serve *serve, const sage_request *request, sage_response *response) {
    const sage_route *route = sage_route_find(request->path, request->verb);
    response->route = route != NULL ? (size_t)(route - sage_routes) : sage_routes_count();
    if (route == NULL) {
        sage_problem_answer(response, SAGE_PROBLEM_NO_ROUTE, NULL, "no route '%.200s'; /openapi.json lists them",
                            request->path);
        return false;
    }
    if (!(route->verbs & request->verb)) {
        allow(route, response);
        return false;
    }
    return may_ask(serve, route, request, response);
}

bool sage_serve_searches(const sage_request *request) {
    const sage_route *route = sage_route_find(request->path, request->verb);
    return route != NULL && route->searches;
}

bool sage_serve_too_late(const sage_serve *serve, double waited_s, sage_response *response) {
    if (serve->late)
        sage_problem_answer(response, SAGE_PROBLEM_BUSY, NULL, "the server ends");
    else if (serve->wait_s > 0 && waited_s > serve->wait_s)
        sage_problem_answer(response, SAGE_PROBLEM_BUSY, NULL, "the search waited for %.0f ms, which is too long",
                            waited_s * 1000);
    else
        return false;
    return true;
}

void sage_serve_answer(sage_serve *serve, size_t worker, const sage_request *request, sage_response *response) {
    if (!sage_serve_admit(serve, request, response)) return;
    const sage_route *route = &sage_routes[response->route];
    sage_turn turn = {.serve = serve, .route = route, .worker = worker};
    if (!route->searches) {
        route->answer(&turn, request, response);
        return;
    }
    turn.serving = sage_releases_take(serve->releases);
    response->release = sage_serving_facts(turn.serving)->release;
    route->answer(&turn, request, response);
    sage_releases_give(serve->releases, turn.serving);
}
