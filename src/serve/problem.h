/* Faults as answers: RFC 9457's application/problem+json, in which `field` names the parameter that is at fault. */
#ifndef SAGE_SERVE_PROBLEM_H
#define SAGE_SERVE_PROBLEM_H

#include <serve/request.h>

/* What `type` ends in, "urn:itemsage:" before it; each has one title and status. */
typedef enum sage_problem {
    SAGE_PROBLEM_PARAMETER,    /* 400: a parameter is unknown, missing, of another type, or out of its bounds */
    SAGE_PROBLEM_JSON,         /* 400: the body is not what it claims to be */
    SAGE_PROBLEM_TOKEN,        /* 401 */
    SAGE_PROBLEM_ROLE,         /* 403 */
    SAGE_PROBLEM_HOST,         /* 403 */
    SAGE_PROBLEM_NO_ROUTE,     /* 404 */
    SAGE_PROBLEM_NOT_FOUND,    /* 404: no such product, user */
    SAGE_PROBLEM_METHOD,       /* 405 */
    SAGE_PROBLEM_UNAVAILABLE,  /* 409: the release cannot answer such questions */
    SAGE_PROBLEM_PAGE,         /* 410: the page's release has gone */
    SAGE_PROBLEM_TOO_LARGE,    /* 413 */
    SAGE_PROBLEM_CONTENT_TYPE, /* 415 */
    SAGE_PROBLEM_INTERNAL,     /* 500 */
    SAGE_PROBLEM_BUSY,         /* 503, with Retry-After */
    SAGE_PROBLEM_FULL,         /* 503, with Retry-After: changes of products wait for the next release */
    SAGE_PROBLEMS
} sage_problem;

typedef struct sage_problem_kind {
    int status;
    const char *type, *title;
} sage_problem_kind;
extern const sage_problem_kind sage_problem_kinds[SAGE_PROBLEMS];

/* Makes `response` this problem, whatever was written to it before. `field` may be NULL. */
void sage_problem_answer(sage_response *response, sage_problem problem, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same of a call that failed; `field` where the fault lies in what was given. */
void sage_problem_of(sage_response *response, sage_status st, const sage_error *error, const char *field);
/* The problem that a failed call is. */
sage_problem sage_problem_for(sage_status st);

#endif
