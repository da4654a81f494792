/* Text as the model sees it: NFKC, case folded, default-ignorable code points (soft hyphen, zero-width ones) removed as
 * in Unicode's NFKC_Casefold, white space and control characters collapsed to single blanks and trimmed. */
#ifndef SAGE_TEXT_NORMALISE_H
#define SAGE_TEXT_NORMALISE_H

#include <base/buf.h>

/* Appends the normalised form of text[0..len) to `out`. SAGE_E_FORMAT with the byte position (1-based, as column) where
 * it is not UTF-8. Idempotent. Linear in len; plain ASCII costs one table look-up a byte. */
sage_status sage_normalise(const char *text, size_t len, sage_buf *out, sage_error *error);

/* True where text is valid UTF-8 (no surrogates, no overlong forms); else *bad (nullable) is the first bad byte's
 * offset. */
int sage_utf8_valid(const char *text, size_t len, size_t *bad);

#endif
