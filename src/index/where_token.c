#include <base/error.h>
#include <index/where_token.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

sage_status sage_tokens_fail(const sage_tokens *tokens, size_t at, sage_error *error, const char *format, ...) {
    char text[256];
    size_t character = 1;
    va_list args;
    for (size_t i = 0; i + 1 < at && i < tokens->len; i++) character += ((unsigned char)tokens->text[i] & 0xC0) != 0x80;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return sage_fail_at(error, SAGE_E_ARGUMENT, NULL, 0, at, "the filter, from character %zu on: %s", character, text);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t sign_at(const char *text, size_t len) {
    if (len == 0 || strchr("(),=<>!", text[0]) == NULL || text[0] == '\0') return 0;
    const bool two = len > 1 && text[1] == '=' && strchr("<>!", text[0]) != NULL;
    return two ? 2 : text[0] == '!' ? 0 : 1;
}

static sage_status read_text(sage_tokens *t, sage_error *error) {
    const char quote = t->text[t->at];
    size_t end = t->at + 1;
    while (end < t->len && (t->text[end] != quote || (end + 1 < t->len && t->text[end + 1] == quote)))
        end += t->text[end] == quote ? 2 : 1;
    if (end >= t->len) return sage_tokens_fail(t, t->at + 1, error, "the quote that opens here is not closed");
    t->now.kind = SAGE_TOKEN_TEXT;
    t->now.quote = quote;
    t->now.text = (sage_str){t->text + t->at + 1, end - t->at - 1};
    t->at = end + 1;
    return SAGE_OK;
}

sage_status sage_tokens_next(sage_tokens *t, sage_error *error) {
    while (t->at < t->len && is_blank(t->text[t->at])) t->at++;
    t->now = (sage_token){.kind = SAGE_TOKEN_END, .text = {"", 0}, .column = t->at + 1};
    if (t->at == t->len) return SAGE_OK;
    if (t->text[t->at] == '"' || t->text[t->at] == '\'') return read_text(t, error);
    size_t n = sign_at(t->text + t->at, t->len - t->at);
    t->now.kind = n > 0 ? SAGE_TOKEN_SIGN : SAGE_TOKEN_WORD;
    if (n == 0)
        for (n = 1; t->at + n < t->len; n++) {
            const char c = t->text[t->at + n];
            if (is_blank(c) || c == '"' || c == '\'' || sign_at(t->text + t->at + n, t->len - t->at - n) > 0) break;
        }
    t->now.text = (sage_str){t->text + t->at, n};
    t->at += n;
    return SAGE_OK;
}

bool sage_token_is_sign(const sage_token *token, const char *sign) {
    return token->kind == SAGE_TOKEN_SIGN && token->text.len == strlen(sign) &&
           memcmp(token->text.data, sign, token->text.len) == 0;
}

bool sage_token_is_word(const sage_token *token, const char *word) {
    return token->kind == SAGE_TOKEN_WORD && token->text.len == strlen(word) &&
           strncasecmp(token->text.data, word, token->text.len) == 0;
}

sage_status sage_token_value(const sage_token *token, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf_clear(out);
    for (size_t i = 0; i < token->text.len; i++) {
        SAGE_TRY(sage_buf_byte(out, token->text.data[i], error));
        if (token->kind == SAGE_TOKEN_TEXT && token->text.data[i] == token->quote) i++;
    }
out:
    return st;
}
