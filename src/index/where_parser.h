/* For the files that read an expression (where_parse.c): where they are, and what they have made. */
#ifndef SAGE_INDEX_WHERE_PARSER_H
#define SAGE_INDEX_WHERE_PARSER_H

#include <index/where_impl.h>
#include <index/where_token.h>

typedef struct sage_parser {
    sage_where *where;
    sage_tokens tokens;
    size_t depth, n_tests;
    bool in_list;          /* between "in (" and ")" */
    sage_buf text, folded; /* scratch */
    sage_error *error;
} sage_parser;

/* `at`: the byte, from 1 on, from which on something is wrong. */
#define SAGE_WHERE_FAIL(p, at, ...) sage_tokens_fail(&(p)->tokens, at, (p)->error, __VA_ARGS__)

static inline sage_status sage_parser_next(sage_parser *p) {
    return sage_tokens_next(&p->tokens, p->error);
}

static inline const sage_token *sage_parser_now(const sage_parser *p) {
    return &p->tokens.now;
}

/* Bytes of a text as many as may stand in a message. */
static inline int sage_parser_shown(sage_str text) {
    return text.len < 60 ? (int)text.len : 60;
}

/* SAGE_E_ARGUMENT: something else stands here, or nothing. */
sage_status sage_parser_expected(sage_parser *p, const char *what);
sage_status sage_parser_add(sage_parser *p, sage_test test);

/* A number that the column is compared with, and the currency behind it: one test, of the kind. */
sage_status sage_parser_number(sage_parser *p, const sage_column *column, sage_test_kind kind);
/* A word, or with `path` all below it too, added to the test's ranges. */
sage_status sage_parser_word(sage_parser *p, sage_test *test, bool path);

#endif
