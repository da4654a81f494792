/* Text as the model sees it: NFKC, case folded, white space collapsed to single blanks and trimmed. */
#ifndef SAGE_TEXT_NORMALISE_H
#define SAGE_TEXT_NORMALISE_H

#include <base/buf.h>

/* Appends the normalised form of text[0..len) to `out`. SAGE_E_FORMAT with the byte position (as column) where it is
 * not UTF-8. Idempotent. */
sage_status sage_normalise(const char *text, size_t len, sage_buf *out, sage_error *error);

/* True where text is valid UTF-8 (no surrogates, no overlong forms); else *bad is the first bad byte's offset. */
int sage_utf8_valid(const char *text, size_t len, size_t *bad);

#endif
