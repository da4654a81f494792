/* All rows of one list, as reports have them. */
#include <base/error.h>
#include <eval/judge.h>

sage_status sage_judge_rows(const sage_judge *judge, size_t list, const char *method, const char *all,
                            sage_eval_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    for (int task = -1; task < (int)SAGE_TASKS; task++) {
        const sage_judge_which which = {.name = task < 0 ? all : NULL, .task = task};
        if (task >= 0 && !sage_judge_occurs(judge, &which)) continue;
        if (report->n_rows == SAGE_EVAL_ROWS_MAX)
            return sage_fail(error, SAGE_E_LIMIT, "a report holds no more than %d rows", SAGE_EVAL_ROWS_MAX);
        SAGE_TRY(
            sage_judge_row(judge, list, method, &which, report->k, report->n_k, &report->rows[report->n_rows], error));
        if (report->hits != NULL)
            SAGE_TRY(sage_judge_hits(judge, list, method, &which, report->k, report->n_k, report->hits, error));
        report->n_rows++;
    }
out:
    return st;
}

uint64_t sage_judge_unknown(const sage_judge *judge, const sage_index *index) {
    uint64_t unknown = 0;
    size_t row;
    for (size_t e = 0; e < judge->n_entries; e++)
        unknown += judge->entries[e].first && !sage_index_find(index, judge->entries[e].pid, &row);
    return unknown;
}
