/* Base64 (RFC 4648), as pictures come in JSON. */
#ifndef SAGE_SERVE_BASE64_H
#define SAGE_SERVE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of n characters, at most. */
static inline size_t sage_base64_room(size_t n) {
    return n / 4 * 3 + 3;
}
/* Either alphabet, with padding or without, nothing else in between. out has the room; false: it is not that. */
bool sage_base64_decode(const char *text, size_t n, unsigned char *out, size_t *n_out);

#endif
