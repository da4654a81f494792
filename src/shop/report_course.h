/* The course of a model's training, from models/<n>/metrics.jsonl. */
#ifndef SAGE_SHOP_REPORT_COURSE_H
#define SAGE_SHOP_REPORT_COURSE_H

#include <report/report.h>

enum { SAGE_COURSE_POINTS = 120, SAGE_COURSE_VALIDATIONS = 400 };

typedef struct sage_course {
    double step[SAGE_COURSE_POINTS], loss[SAGE_COURSE_POINTS];
    double at[SAGE_COURSE_VALIDATIONS], recall[SAGE_COURSE_VALIDATIONS];
    size_t n, n_validations;
} sage_course;

/* As far as it can be read: lines that are none of ours count for nothing, and a file that is not there gives an empty
 * course. SAGE_E_MEMORY alone is an error. */
sage_status sage_course_read(const char *path, sage_course *course, sage_error *error);
sage_report_course sage_course_shown(const sage_course *course);

#endif
