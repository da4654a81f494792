/* The rows of an ablation's tables, as texts. */
#ifndef SAGE_SHOP_ABLATE_ROWS_H
#define SAGE_SHOP_ABLATE_ROWS_H

#include <shop/ablate_plan.h>

enum { SAGE_ROW_NAME = 64, SAGE_ROW_TEXT = 512, SAGE_ROW_SETTINGS = 16 };

/* Each setting is key=value; "" ends them. */
typedef struct sage_row_text {
    char name[SAGE_ROW_NAME];
    char settings[SAGE_ROW_TEXT]; /* zero bytes between them, two at the end */
} sage_row_text;

typedef struct sage_table_text {
    const char *name, *title;
    size_t n_rows;
    sage_row_text rows[SAGE_ABLATE_ROWS_MAX];
} sage_table_text;

/* "name:key=value,key=value". A piece between commas without '=' belongs to the value before it, so that values may
 * have commas (matryoshka=16,32). SAGE_E_ARGUMENT. */
sage_status sage_row_parse(const char *text, sage_row_text *row, sage_error *error);
/* The settings with blanks between; NULL: no memory. */
char *sage_row_shown(const sage_row_text *row);
/* The base's options with the row's settings; SAGE_E_ARGUMENT names the row. */
sage_status sage_row_options(const sage_row_text *row, const sage_options *base, sage_options **options,
                             sage_error *error);

/* Names of tables, with commas between; NULL is fine. */
sage_status sage_tables_check(const char *names, sage_error *error);
/* Table number t of SAGE_PLAN_TABLES_MAX; *fits is false where it is not wanted, or, with a note, does not fit the
 * dataset. */
sage_status sage_table_read(size_t t, const sage_ablate_options *wanted, const sage_options *base,
                            const sage_dataset *dataset, const sage_monitor *monitor, sage_table_text *table,
                            bool *fits, sage_error *error);

#endif
