/* What a filter can ask of the products: columns of numbers and of words, by row of the index. index/<n>/columns.bin,
 * "SAGEICOL", stands beside the vectors:
 *   shape    u64 {rows, columns}
 *   columns  {u64 name's begin and end in texts, u64 kind, u64 at, u64 first word, u64 words} [columns]
 *   numbers  f64 [columns of numbers][rows]; NaN: the product has none. A column's `at` says which of these is its own
 *   codes    u32 [other columns][rows], likewise: the word's number within the column; SAGE_NO_WORD; or, with the
 *            highest bit set, the place of a list
 *   lists    u32: of each list its length, and then numbers of words
 *   words    {u64 begin and end in texts, u64 products that have it} [..]: each column's in the order of their bytes
 *   texts    names as they are, and folded words
 * Elements have one width and are read atomically, so that one that is open for changing may store into them. */
#ifndef SAGE_INDEX_COLUMNS_H
#define SAGE_INDEX_COLUMNS_H

#include <base/buf.h>
#include <itemsage/monitor.h>
#include <stdint.h>

#define SAGE_COLUMNS_FILE "columns.bin"

enum { SAGE_COLUMNS_MAX = 256, SAGE_COLUMN_NAME_MAX = 127 };
#define SAGE_NO_WORD   0xffffffffU
#define SAGE_WORD_LIST 0x80000000U /* set: the rest is the place of a list */

typedef enum sage_column_kind {
    SAGE_COLUMN_NUMBER,
    SAGE_COLUMN_PRICE, /* numbers, in the currency that the column "currency" names */
    SAGE_COLUMN_WORDS, /* any number of words a row */
    SAGE_COLUMN_BOOL,  /* the words "false" and "true" */
    SAGE_COLUMN_KINDS
} sage_column_kind;
extern const char *const sage_column_kind_names[SAGE_COLUMN_KINDS];

/* A word as it is kept and compared: normalised (text/normalise.h), so that Red, RED and red are one; "_" is a blank
 * (in_stock, "in stock"), and a ">" inside stands between blanks, so that a path is one however it is written. Into
 * `out`, whatever was there. */
sage_status sage_column_fold(sage_str word, sage_buf *out, sage_error *error);

/* ---- writing ---- */

typedef struct sage_column_spec {
    const char *name; /* no two alike but for the case of ASCII letters */
    sage_column_kind kind;
} sage_column_spec;

typedef struct sage_columns_writer sage_columns_writer;
/* Rows come one after another: what the row has, then sage_columns_row. Elements wait in temporary files in `dir`, a
 * version directory under construction; distinct words (some 60 bytes each and their texts) and lists in memory. */
sage_status sage_columns_create(const char *dir, const sage_column_spec *specs, size_t n_specs,
                                sage_columns_writer **writer, sage_error *error);
/* Of several the first counts; one that is not finite is none. */
void sage_columns_number(sage_columns_writer *writer, size_t column, double number);
/* One word more, however often it is given; blank ones are none. SAGE_E_FORMAT: not UTF-8. */
sage_status sage_columns_word(sage_columns_writer *writer, size_t column, sage_str word, sage_error *error);
/* The same of a word that is folded already. */
sage_status sage_columns_folded(sage_columns_writer *writer, size_t column, sage_str word, sage_error *error);
sage_status sage_columns_row(sage_columns_writer *writer, sage_error *error);
/* In place of these, a row of another version, whose columns are the same; always the same one. */
typedef struct sage_columns sage_columns;
sage_status sage_columns_carry(sage_columns_writer *writer, const sage_columns *before, size_t row, sage_error *error);
sage_status sage_columns_finish(sage_columns_writer *writer, sage_error *error); /* frees the writer in any case */
void sage_columns_abandon(sage_columns_writer *writer);                          /* NULL is fine */

/* ---- reading ---- */

typedef struct sage_column_word {
    uint64_t begin, end; /* in texts */
    uint64_t rows;       /* that have it */
} sage_column_word;

typedef struct sage_column {
    sage_str name;
    sage_column_kind kind;
    const double *numbers;         /* [rows] of numbers and prices, else NULL */
    const uint32_t *codes;         /* [rows] of the others, else NULL */
    const sage_column_word *words; /* [n_words]: the file's */
    size_t n_words;
} sage_column;

/* Read-only, for any number of threads. SAGE_E_NOT_FOUND: there is no such file. Sizes are checked in any case, and
 * what an element names where it is used; `verify`: checksums too. SAGE_E_FORMAT also where it has not `rows` rows. */
sage_status sage_columns_open(const char *path, size_t rows, bool verify, sage_columns **columns, sage_error *error);
/* The checksums, of columns that are open (sage_packed_verify). */
sage_status sage_columns_verify(const sage_columns *columns, const sage_monitor *monitor, sage_error *error);
void sage_columns_close(sage_columns *columns); /* NULL is fine */
size_t sage_columns_count(const sage_columns *columns);
const sage_column *sage_columns_at(const sage_columns *columns, size_t column);
/* By its name in any case of ASCII letters, with blanks or "-" in place of "_" too; NULL: there is none. */
const sage_column *sage_columns_find(const sage_columns *columns, sage_str name);
size_t sage_columns_rows(const sage_columns *columns);
/* Folded; empty where a damaged file has none. */
sage_str sage_column_text(const sage_columns *columns, const sage_column *column, size_t word);
/* How many, with those that came since where columns are open for changing. */
size_t sage_column_words(const sage_columns *columns, const sage_column *column);
/* The number of a folded word within the column; SAGE_NO_WORD: it has none such. */
uint32_t sage_column_find(const sage_columns *columns, const sage_column *column, sage_str word);
/* The words of a list element (SAGE_WORD_LIST set): *n of them, 0 where a damaged file has none. */
const uint32_t *sage_columns_list(const sage_columns *columns, uint32_t element, size_t *n);

#endif
