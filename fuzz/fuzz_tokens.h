/* Text of a language made from the input: a small byte stands for a whole token, others for themselves. Gets a fuzzer
 * past the parser of a library that it cannot look into. */
#ifndef SAGE_FUZZ_TOKENS_H
#define SAGE_FUZZ_TOKENS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* At most `room` bytes into out; returns how many. Tokens numbered from 0; n of them, at most 128. */
static inline size_t fuzz_tokens(const char *const *tokens, size_t n, const uint8_t *data, size_t size, char *out,
                                 size_t room) {
    size_t len = 0;
    for (size_t i = 0; i < size; i++) {
        const char plain[2] = {(char)data[i], 0}, *token = data[i] < n ? tokens[data[i]] : plain;
        size_t bytes = data[i] < n ? strlen(token) : 1;
        if (bytes > room - len) break;
        memcpy(out + len, token, bytes);
        len += bytes;
    }
    return len;
}

#endif
