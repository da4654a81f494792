/* How recommendations spread over a catalogue. */
#ifndef SAGE_EVAL_REACH_H
#define SAGE_EVAL_REACH_H

#include <eval/findings.h>
#include <stdint.h>

/* shown [n >= 1] how often each product is shown; sorted by the call. The Gini coefficient is that of the Lorenz curve
 * through the n products (Gini 1912): (2 sum_i i x_i / (n sum_i x_i)) - (n + 1) / n, x ascending, i from 1. Of nothing
 * shown all is 0. The names are the caller's. */
void sage_reach_of(uint32_t *shown, size_t n, sage_reach *reach);

#endif
