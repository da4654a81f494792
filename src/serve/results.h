/* What a route writes of a question, as JSON. */
#ifndef SAGE_SERVE_RESULTS_H
#define SAGE_SERVE_RESULTS_H

#include <serve/ask.h>
#include <serve/json_out.h>
#include <serve/routes.h>

enum { SAGE_BATCH_MAX = 100 };

/* Write the object that answers `ask`. False: `response` is the problem, and nothing was written. */
bool sage_results_write(const sage_turn *turn, sage_ask *ask, sage_json_out *out, sage_response *response);
bool sage_vector_write(const sage_turn *turn, sage_ask *ask, sage_json_out *out, sage_response *response);
/* After the last byte: where something did not fit, `response` is the problem. */
void sage_results_finish(const sage_json_out *out, sage_response *response);

/* The members that say what a product is: its id, and what is shown of it. */
void sage_hit_write(sage_json_out *out, const sage_hit *hit);

/* Answers the question that an object is, which is taken over. */
void sage_answer_object(const sage_turn *turn, json_t *root, sage_ask_param_set allowed, sage_response *response);

#endif
