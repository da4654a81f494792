/* The tokens of an expression. */
#ifndef SAGE_INDEX_WHERE_TOKEN_H
#define SAGE_INDEX_WHERE_TOKEN_H

#include <base/buf.h>

typedef enum sage_token_kind {
    SAGE_TOKEN_END,
    SAGE_TOKEN_SIGN, /* ( ) , = != < <= > >= */
    SAGE_TOKEN_WORD,
    SAGE_TOKEN_TEXT /* quoted */
} sage_token_kind;

typedef struct sage_token {
    sage_token_kind kind;
    sage_str text; /* of a quoted text without its quotes, doubled ones inside as they are */
    char quote;
    size_t column; /* 1-based byte where it begins */
} sage_token;

typedef struct sage_tokens {
    const char *text;
    size_t len, at;
    sage_token now;
} sage_tokens;

/* SAGE_E_ARGUMENT from byte `at`, from 1 on, which people are told as a character. */
sage_status sage_tokens_fail(const sage_tokens *tokens, size_t at, sage_error *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Reads the next token into `now`. SAGE_E_ARGUMENT: a quote that does not end. */
sage_status sage_tokens_next(sage_tokens *tokens, sage_error *error);
bool sage_token_is_sign(const sage_token *token, const char *sign);
bool sage_token_is_word(const sage_token *token, const char *word); /* unquoted, in any case */
/* A value's text, doubled quotes made one, into `out`, whatever was there. */
sage_status sage_token_value(const sage_token *token, sage_buf *out, sage_error *error);

#endif
