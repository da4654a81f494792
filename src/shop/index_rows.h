/* An index and its keywords under construction: the rows of the catalogue that have a vector. */
#ifndef SAGE_SHOP_INDEX_ROWS_H
#define SAGE_SHOP_INDEX_ROWS_H

#include <shop/index_columns.h>
#include <shop/shop.h>

typedef struct sage_rows_job {
    const sage_monitor *monitor;
    sage_catalog *catalog; /* must not change meanwhile: the caller holds its lock */
    const sage_vectors *vectors;
    int64_t since; /* rows of a later revision count as fresh */
    char index_dir[SAGE_PATH_MAX], keywords_dir[SAGE_PATH_MAX];
    size_t rows, missing, fresh; /* counted: with a vector, without one, fresh ones of the former */
    bool warned;                 /* of those that are missing */
    sage_index_writer *index;    /* while it is being written */
    sage_product_columns *columns;
    sage_keywords_writer *keywords;
} sage_rows_job;

/* Into index_dir and keywords_dir, folders of versions under construction. SAGE_E_STATE where too many products lack a
 * vector; those that do are left out, with a warning. */
sage_status sage_rows_build(sage_rows_job *job, sage_error *error);

#endif
