/* What a search found, as JSON. */
#ifndef SAGE_SERVE_RESULTS_H
#define SAGE_SERVE_RESULTS_H

#include <serve/ask.h>
#include <serve/json_out.h>
#include <serve/routes.h>

/* Searches for what `ask` says and writes the object that answers it. False: `response` is the problem. */
bool sage_results_write(const sage_turn *turn, sage_ask *ask, sage_json_out *out, sage_response *response);
/* After the last byte: where something did not fit, `response` is the problem. */
void sage_results_finish(const sage_json_out *out, sage_response *response);

/* The members that say what a product is: its id, and what is shown of it. */
void sage_hit_write(sage_json_out *out, const sage_hit *hit);

#endif
