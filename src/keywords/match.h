/* A raw query as an FTS5 MATCH expression. */
#ifndef SAGE_KEYWORDS_MATCH_H
#define SAGE_KEYWORDS_MATCH_H

#include <base/buf.h>
#include <sqlite3.h>

/* The tokenizer `unicode61`, asked of SQLite itself so that both sides agree on what a word is. */
typedef struct sage_match sage_match;
sage_status sage_match_new(sqlite3 *db, sage_match **match, sage_error *error);
void sage_match_free(sage_match *match);
/* Replaces *out by `"word" OR "next" ...`; empty where the text has no word. Every word is quoted, so nothing in the
 * text can be an operator. */
sage_status sage_match_expression(sage_match *match, const char *text, size_t len, sage_buf *out, sage_error *error);

#endif
