/* Paging: `next` names the release, where the page begins, and the question it belongs to. Each page searches for the
 * same `depth` results on the same release, so that pages neither repeat nor miss anything; nothing is kept between
 * them. */
#ifndef SAGE_SERVE_PAGE_H
#define SAGE_SERVE_PAGE_H

#include <serve/ask.h>
#include <serve/routes.h>

enum { SAGE_PAGE_BYTES = 80 };

/* Where the page that is asked for begins, 0 without one, and the query's n as it has to be searched. False: `response`
 * is the problem. */
bool sage_page_begin(const sage_turn *turn, sage_ask *ask, size_t *offset, sage_response *response);
/* The token of the page at `offset`. */
void sage_page_next(const sage_turn *turn, const sage_ask *ask, size_t offset, char token[SAGE_PAGE_BYTES]);

#endif
