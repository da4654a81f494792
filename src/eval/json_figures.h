/* Figures by cut-off in JSON: {"10": .., "100": ..}; NULL where memory is short. */
#ifndef SAGE_EVAL_JSON_FIGURES_H
#define SAGE_EVAL_JSON_FIGURES_H

#include <io/json.h>
#include <itemsage/eval.h>

typedef enum sage_json_form {
    SAGE_JSON_VALUE,   /* 0.5 */
    SAGE_JSON_BOUNDS,  /* [0.4, 0.6] */
    SAGE_JSON_TRIPLE,  /* [0.5, 0.4, 0.6] */
    SAGE_JSON_INTERVAL /* {"value": 0.5, "low": 0.4, "high": 0.6} */
} sage_json_form;
/* intervals [n_k] */
json_t *sage_json_figures(const size_t *k, size_t n_k, const sage_interval *intervals, sage_json_form form);

#endif
