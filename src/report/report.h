/* The report of `itemsage eval --report`: plain structs in, one page out, which holds all that it shows. */
#ifndef SAGE_REPORT_REPORT_H
#define SAGE_REPORT_REPORT_H

#include <base/buf.h>
#include <eval/findings.h>
#include <stdbool.h>

enum { SAGE_REPORT_MAX_BYTES = 5 << 20 };

typedef struct sage_report_head {
    char shop[256];                                      /* its folder's name */
    uint64_t products, dimensions;                       /* of the index */
    uint64_t model, index, keywords, dataset;            /* numbers of versions; dataset 0: none */
    uint64_t before_model, before_index, before_dataset; /* of the release before, which is judged beside; index 0:
                                                             there is none */
    char before_fault[1024]; /* why it is not judged beside, though there was one; "": there was none */
    int64_t catalogue_revision;
    int64_t newest_event_ms; /* of the catalogue; INT64_MIN: not known */
} sage_report_head;

/* ---- how the model was trained ---- */
enum { SAGE_TRAINING_POINTS = 400, SAGE_TRAINING_LINES = 20 };
typedef struct sage_training_line {
    char name[32];
    size_t n;
    double step[SAGE_TRAINING_POINTS], value[SAGE_TRAINING_POINTS];
} sage_training_line;
typedef struct sage_training {
    size_t n_losses, n_validations;
    sage_training_line losses[SAGE_TRAINING_LINES];      /* means of neighbouring steps */
    sage_training_line validations[SAGE_TRAINING_LINES]; /* recall at 10: of all, then of each task */
} sage_training;

/* ---- the products on a plane ---- */
enum { SAGE_MAP_GROUPS = 10 }; /* the last: all others */
typedef struct sage_map_point {
    float x, y;
    uint8_t group;
    const char *title, *id;
} sage_map_point;
typedef struct sage_product_map {
    char by[32];     /* what the groups are: "category", "brand"; "": there are none */
    uint64_t of;     /* products of the index */
    size_t n_groups; /* group n_groups - 1 is all others where `others` */
    bool others;
    char groups[SAGE_MAP_GROUPS][48];
    size_t n;
    sage_map_point *points;
} sage_product_map;

/* ---- single queries ---- */
enum { SAGE_SHOWN_PRODUCTS = 5 };
typedef struct sage_shown_product {
    const char *title, *id; /* NULL: the product is not in the index */
    uint32_t place, before; /* from 1, in the method's list and in that of the release before; 0: not among the first
                               100 */
    bool wanted;
    sage_str thumbnail; /* a JPEG's bytes; len 0: none */
} sage_shown_product;
typedef struct sage_shown_query {
    sage_str text;
    uint64_t pairs, found, found_before; /* among the first k; before: by the release before */
    size_t n_wanted, n_results;
    sage_shown_product wanted[SAGE_SHOWN_PRODUCTS], results[SAGE_SHOWN_PRODUCTS];
} sage_shown_query;
typedef struct sage_shown_queries {
    size_t n;
    sage_shown_query *list;
} sage_shown_queries;

/* What is NULL, or of which there are none, is left out of the page. */
typedef struct sage_report_data {
    sage_report_head head;
    const sage_eval_report *eval;
    const sage_comparison *comparisons;
    size_t n_comparisons;
    const sage_recall_curve *curves;
    size_t n_curves;
    const sage_sliced *sliced;
    size_t n_sliced;
    const sage_reach *reaches;
    size_t n_reaches;
    const sage_calibration *calibrations;
    size_t n_calibrations;
    const sage_training *training;
    const sage_product_map *map;
    const sage_shown_queries *worst, *gained, *lost;
    const char *ablation; /* the text of the last ablation's table.json */
} sage_report_data;

/* Adds the page to `out`, whose maximum is the page's. The same data gives the same bytes. */
sage_status sage_report_write(const sage_report_data *data, sage_buf *out, sage_error *error);

#endif
