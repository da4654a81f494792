/* An index and its keywords under construction: the rows of the catalogue that have a vector. */
#ifndef SAGE_SHOP_INDEX_ROWS_H
#define SAGE_SHOP_INDEX_ROWS_H

#include <catalog/product_set.h>
#include <shop/index_columns.h>
#include <shop/shop.h>

/* A release from which rows may be carried over: products that have not changed since cost a fraction of the others,
 * and what comes of it has the same bytes. */
typedef struct sage_rows_before {
    sage_index *index; /* NULL: none; both verified */
    sage_keywords *keywords;
} sage_rows_before;
/* What of the release cannot be read is no error: then there is none. */
void sage_rows_before_open(const sage_shop *shop, const sage_release *release, sage_rows_before *before);
void sage_rows_before_close(sage_rows_before *before);

typedef struct sage_rows_job {
    const sage_monitor *monitor;
    sage_catalog *catalog; /* must not change meanwhile: the caller holds its lock */
    const sage_vectors *vectors;
    int64_t since; /* rows of a later revision are fresh: they came or changed since `before`, or are counted so */
    sage_rows_before before;
    sage_product_set products; /* as the rows are counted; sage_rows_build frees it */
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

/* One product; without a vector it is left out. */
sage_status sage_rows_add(sage_rows_job *job, const sage_product_row *row, sage_error *error);
/* All products, in place of adding each: those of `before` that are not fresh are carried over. *fits: false where that
 * cannot be, and nothing was added. */
sage_status sage_rows_carry(sage_rows_job *job, bool *fits, sage_error *error);

#endif
