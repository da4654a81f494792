/* Sections and records of columns.bin, which columns.h tells. */
#ifndef SAGE_INDEX_COLUMNS_FILE_H
#define SAGE_INDEX_COLUMNS_FILE_H

#include <index/columns.h>

#define SAGE_COLUMNS_MAGIC "SAGEICOL"
enum { SAGE_COLUMNS_VERSION = 1, SAGE_COLUMNS_SECTIONS = 7 };

typedef struct sage_columns_shape {
    uint64_t rows, columns;
} sage_columns_shape;

typedef struct sage_column_record {
    uint64_t name, name_end, kind, at, first_word, words;
} sage_column_record;

static inline bool sage_column_is_number(uint64_t kind) {
    return kind == SAGE_COLUMN_NUMBER || kind == SAGE_COLUMN_PRICE;
}

#endif
