/* The words of a text, as SQLite's FTS5 cuts them: `unicode61` folds case and accents, `porter` stems what it gives. */
#ifndef SAGE_KEYWORDS_CUTTER_H
#define SAGE_KEYWORDS_CUTTER_H

#include <itemsage/status.h>

/* Longer ones are cut, as FTS5 does. */
enum { SAGE_TOKEN_BYTES_MAX = 32768 };

typedef enum sage_token_form { SAGE_TOKEN_FOLDED, SAGE_TOKEN_STEMMED, SAGE_TOKEN_FORMS } sage_token_form;

/* `bytes` live for the callback; the word stands in the text from `begin` to `end`. */
typedef sage_status (*sage_token_fn)(void *ctx, const char *bytes, size_t len, size_t begin, size_t end,
                                     sage_error *error);

typedef struct sage_cutter sage_cutter; /* one thread at a time */
sage_status sage_cutter_new(sage_cutter **cutter, sage_error *error);
void sage_cutter_free(sage_cutter *cutter); /* NULL is fine */
/* fn's first status that is not SAGE_OK ends it. `len` is below 2^31; bytes of any kind. */
sage_status sage_cutter_each(sage_cutter *cutter, sage_token_form form, const char *text, size_t len, sage_token_fn fn,
                             void *ctx, sage_error *error);

#endif
