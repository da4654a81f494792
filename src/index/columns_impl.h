/* Columns that are open, for the files that read them or have them open for changing. */
#ifndef SAGE_INDEX_COLUMNS_IMPL_H
#define SAGE_INDEX_COLUMNS_IMPL_H

#include <index/columns.h>
#include <index/columns_added.h>
#include <io/packed.h>

struct sage_columns {
    sage_packed *file;
    size_t rows, n_lists; /* grow where they are open for changing */
    size_t n, n_texts;
    sage_column *columns; /* [n] */
    const uint32_t *lists;
    const char *texts;
    sage_columns_added *added; /* NULL: all words are the file's */
};

#endif
