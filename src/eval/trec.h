/* TREC's files: runs ("query Q0 product rank score tag"), judgements ("query 0 product grade") and our list of queries
 * ("number<tab>text"). Fields stand between blanks or tabs. Bytes of a
 * product's id that are blanks, control characters, "%" or not ASCII (some readers take U+00A0 for a blank) are written
 * as %XX; any %XX is read back so. */
#ifndef SAGE_EVAL_TREC_H
#define SAGE_EVAL_TREC_H

#include <base/buf.h>
#include <io/map.h>
#include <stdbool.h>

/* ---- runs and judgements ---- */
typedef enum sage_trec_kind { SAGE_TREC_RUN, SAGE_TREC_QRELS } sage_trec_kind;

typedef struct sage_trec_line {
    sage_str query, product; /* as they stand in the file, in the table's map */
    double value;            /* score or grade, finite */
    size_t line;
} sage_trec_line;

/* By query; within one by value, falling, and ones that are equal as floats by product, falling: the order in which
 * trec_eval takes a run, whatever its ranks say. Zero-initialise; free with sage_trec_free. */
typedef struct sage_trec_table {
    sage_map map;
    sage_trec_line *lines;
    size_t n, capacity;
} sage_trec_table;

/* SAGE_E_FORMAT, with file and line, where a line has not 6 (4) fields, a value is no finite number, a product comes
 * twice for a query, or there is no line at all. Empty lines are none. */
sage_status sage_trec_read(const char *path, sage_trec_kind kind, sage_trec_table *table, sage_error *error);
/* The same from bytes that live as long as the table; `name` stands in errors. */
sage_status sage_trec_parse(const char *bytes, size_t n, const char *name, sage_trec_kind kind, sage_trec_table *table,
                            sage_error *error);
void sage_trec_free(sage_trec_table *table);
/* The lines of one query: from lines[*begin] on; gives how many. */
size_t sage_trec_find(const sage_trec_table *table, sage_str query, size_t *begin);
/* Where the text of any of these files begins: behind a byte order mark. SAGE_E_FORMAT where it is compressed. */
sage_status sage_trec_begin(const char *bytes, size_t n, const char *name, size_t *at, sage_error *error);
/* Ids as they stand in files, and back: `out` is emptied first. */
sage_status sage_trec_encode(sage_str id, sage_buf *out, sage_error *error);
sage_status sage_trec_decode(sage_str field, sage_buf *out, sage_error *error);

/* ---- queries ---- */
typedef struct sage_trec_query {
    sage_str id;  /* in the map */
    sage_str key; /* the normalised text */
    size_t line;
} sage_trec_query;

typedef struct sage_trec_queries {
    sage_map map;
    sage_buf keys;
    sage_trec_query *by_key, *by_id; /* [n] each in its order */
    size_t n, capacity;
} sage_trec_queries;

/* SAGE_E_FORMAT where a line has no tab or no id, its text is not UTF-8 or
 * nothing is left of it, an id or a text comes twice, or there is no line at all. */
sage_status sage_trec_read_queries(const char *path, sage_trec_queries *queries, sage_error *error);
/* The same from bytes that live as long as the queries; `name` stands in errors. */
sage_status sage_trec_parse_queries(const char *bytes, size_t n, const char *name, sage_trec_queries *queries,
                                    sage_error *error);
void sage_trec_queries_free(sage_trec_queries *queries);
const sage_trec_query *sage_trec_query_of_key(const sage_trec_queries *queries, sage_str key); /* NULL: none */
const sage_trec_query *sage_trec_query_of_id(const sage_trec_queries *queries, sage_str id);

#endif
