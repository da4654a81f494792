#include <inttypes.h>
#include <serve/page.h>
#include <serve/problem.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

enum { DIVERSE_MOST = 1000 }; /* each choice is compared with every candidate: deeper, a request would take seconds */

/* Of the route and all parameters but the page. */
static uint64_t question_of(const sage_turn *turn, const sage_ask *ask) {
    json_t *question = json_copy(ask->root);
    json_object_del(question, "page");
    char *text = json_dumps(question, JSON_COMPACT | JSON_SORT_KEYS);
    const uint64_t hash =
        text != NULL ? XXH3_64bits_withSeed(text, strlen(text), (uint64_t)(turn->route - sage_routes)) : 0;
    free(text);
    json_decref(question);
    return hash;
}

static bool wrong(sage_response *response) {
    sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, "page",
                        "'page' is not the `next` of a page before it with the same parameters");
    return false;
}

bool sage_page_begin(const sage_turn *turn, sage_ask *ask, size_t *offset, sage_response *response) {
    uint64_t release, at, question;
    int end = 0;
    *offset = 0;
    if (ask->depth > 0 && ask->depth < ask->query.n) {
        sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, "depth", "'depth' must be at least 'n'");
        return false;
    }
    if (ask->depth > DIVERSE_MOST && ask->query.diversity > 0) {
        sage_problem_answer(response, SAGE_PROBLEM_PARAMETER, "depth", "with 'diversity' 'depth' is at most %d",
                            DIVERSE_MOST);
        return false;
    }
    if (ask->page != NULL) {
        if (sscanf(ask->page, "%20" SCNu64 "-%8" SCNu64 "-%16" SCNx64 "%n", &release, &at, &question, &end) != 3 ||
            ask->page[end] != '\0' || ask->depth == 0 || at >= ask->depth || question != question_of(turn, ask))
            return wrong(response);
        if (release != sage_serving_facts(turn->serving)->release) {
            sage_problem_answer(response, SAGE_PROBLEM_PAGE, "page",
                                "release %" PRIu64 " is no longer in service; begin at the first page again", release);
            return false;
        }
        *offset = (size_t)at;
    }
    if (ask->depth > 0) ask->query.n = ask->depth;
    return true;
}

void sage_page_next(const sage_turn *turn, const sage_ask *ask, size_t offset, char token[SAGE_PAGE_BYTES]) {
    snprintf(token, SAGE_PAGE_BYTES, "%" PRIu64 "-%zu-%016" PRIx64, sage_serving_facts(turn->serving)->release, offset,
             question_of(turn, ask));
}
