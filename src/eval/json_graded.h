/* Parts of `eval --json`; NULL where memory is short. */
#ifndef SAGE_EVAL_JSON_GRADED_H
#define SAGE_EVAL_JSON_GRADED_H

#include <io/json.h>
#include <itemsage/eval.h>

json_t *sage_graded_json(const sage_eval_report *report, json_t *source); /* `source` is taken */
json_t *sage_runs_json(const sage_eval_report *report);

#endif
