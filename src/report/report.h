/* The report of `itemsage eval --report`: plain structs in, one page out, which holds all that it shows. */
#ifndef SAGE_REPORT_REPORT_H
#define SAGE_REPORT_REPORT_H

#include <base/buf.h>
#include <eval/findings.h>

enum { SAGE_REPORT_MAX_BYTES = 5 << 20 };

typedef struct sage_report_head {
    char shop[256];                           /* its folder's name */
    uint64_t products, dimensions;            /* of the index */
    uint64_t model, index, keywords, dataset; /* numbers of versions; dataset 0: none */
    int64_t catalogue_revision;
    int64_t newest_event_ms; /* of the catalogue; INT64_MIN: not known */
} sage_report_head;

/* A training's course: its loss, means of neighbouring steps, and recall@10 of its validations. */
typedef struct sage_report_course {
    const double *step, *loss; /* [n] */
    size_t n;
    const double *at, *recall; /* [n_validations] */
    size_t n_validations;
} sage_report_course;

/* What is NULL, or of which there are none, is left out of the page. */
typedef struct sage_report_data {
    sage_report_head head;
    const sage_eval_report *eval;
    const sage_comparison *comparisons;
    size_t n_comparisons;
    const sage_recall_curve *curves;
    size_t n_curves;
    sage_report_course course;
    const char *ablation; /* the text of the last ablation's table.json */
} sage_report_data;

/* Adds the page to `out`, whose maximum is the page's. The same data gives the same bytes. */
sage_status sage_report_write(const sage_report_data *data, sage_buf *out, sage_error *error);

#endif
