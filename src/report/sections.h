/* The sections of the page, in its order. Each writes nothing where the data has nothing of it. */
#ifndef SAGE_REPORT_SECTIONS_H
#define SAGE_REPORT_SECTIONS_H

#include <report/page.h>
#include <report/report.h>

extern const char *const sage_report_style;

void sage_report_head_of(sage_page *page, const sage_report_data *data);     /* head.c */
void sage_report_verdict(sage_page *page, const sage_report_data *data);     /* verdict.c */
void sage_report_methods(sage_page *page, const sage_report_data *data);     /* methods.c, in the verdict */
void sage_report_recall(sage_page *page, const sage_report_data *data);      /* recall.c */
void sage_report_curves(sage_page *page, const sage_report_data *data);      /* curves.c */
void sage_report_differences(sage_page *page, const sage_report_data *data); /* differences.c */
void sage_report_slices(sage_page *page, const sage_report_data *data);
void sage_report_reach(sage_page *page, const sage_report_data *data);
void sage_report_calibration(sage_page *page, const sage_report_data *data);
void sage_report_queries(sage_page *page, const sage_report_data *data);
bool sage_report_has_queries(const sage_report_data *data);
void sage_report_training(sage_page *page, const sage_report_data *data);
void sage_report_map(sage_page *page, const sage_report_data *data);
bool sage_report_has_weighted(const sage_report_data *data);
void sage_report_graded(sage_page *page, const sage_report_data *data);   /* graded.c, and weights by position */
void sage_report_ablation(sage_page *page, const sage_report_data *data); /* ablation.c */
void sage_report_figures(sage_page *page, const sage_report_data *data);  /* figures.c */

/* A task in words: "searches", "people". Of "search/click" itself. */
const char *sage_report_task(const char *task);

#endif
