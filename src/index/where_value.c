/* Values of an expression: what a column is compared with. */
#include <base/alloc.h>
#include <base/error.h>
#include <index/where_parser.h>
#include <index/where_words.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

sage_status sage_parser_expected(sage_parser *p, const char *what) {
    if (sage_parser_now(p)->kind == SAGE_TOKEN_END)
        return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column, "it ends where %s should stand", what);
    return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column, "\"%.*s\" stands where %s should",
                           sage_parser_shown(sage_parser_now(p)->text), sage_parser_now(p)->text.data, what);
}

sage_status sage_parser_add(sage_parser *p, sage_test test) {
    sage_where *w = p->where;
    p->n_tests += test.kind > SAGE_TEST_NOT;
    if (p->n_tests > SAGE_WHERE_TESTS)
        return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column, "it has more than %d tests", SAGE_WHERE_TESTS);
    if (sage_grow((void **)&w->tests, &w->capacity, w->n + 1, sizeof *w->tests) != 0)
        return sage_fail_memory(p->error, (w->n + 1) * sizeof *w->tests);
    w->tests[w->n++] = test;
    return SAGE_OK;
}

/* Digits alone tell a number; "inf", "nan" and hexadecimal ones are none here. */
static bool read_number(const sage_buf *text, double *number) {
    char copy[64], *end;
    if (text->len == 0 || text->len >= sizeof copy) return false;
    memcpy(copy, text->data, text->len);
    copy[text->len] = '\0';
    if (strspn(copy, "0123456789+-.eE") != text->len || strpbrk(copy, "0123456789") == NULL) return false;
    *number = strtod(copy, &end);
    return *end == '\0' && isfinite(*number);
}

static bool is_value(const sage_parser *p) {
    return sage_parser_now(p)->kind == SAGE_TOKEN_WORD || sage_parser_now(p)->kind == SAGE_TOKEN_TEXT;
}

/* Of a price: its currency is `code`, or, where none is named, the only one that there is. */
static sage_status add_currency(sage_parser *p, const sage_column *column, bool *added) {
    sage_status st = SAGE_OK;
    const sage_column *currency = sage_columns_find(p->where->columns, SAGE_STR("currency"));
    *added = false;
    if (column->kind != SAGE_COLUMN_PRICE || currency == NULL || currency->codes == NULL) return SAGE_OK;
    const bool word = sage_parser_now(p)->kind == SAGE_TOKEN_WORD && !sage_token_is_word(sage_parser_now(p), "and") &&
                      !sage_token_is_word(sage_parser_now(p), "or");
    const bool named = word && sage_parser_now(p)->text.len == 3;
    if (word && !named)
        return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column,
                               "\"%.*s\" is no currency: three letters name one, as in '< 50 EUR'",
                               sage_parser_shown(sage_parser_now(p)->text), sage_parser_now(p)->text.data);
    const size_t n_currencies = sage_column_words(p->where->columns, currency);
    if (!named && n_currencies > 1) {
        const sage_str first = sage_column_text(p->where->columns, currency, 0);
        return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column,
                               "prices are in %zu currencies: say which one is meant, as in '< 50 %.*s'", n_currencies,
                               sage_parser_shown(first), first.data);
    }
    if (!named) return SAGE_OK;
    sage_test test = {.kind = SAGE_TEST_WORDS, .column = currency, .first_range = p->where->n_ranges};
    SAGE_TRY(sage_where_add_word(p->where, &test, sage_parser_now(p)->text, &p->folded, p->error));
    if (test.n_ranges == 0)
        return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column, "no price is in \"%.*s\"",
                               sage_parser_shown(sage_parser_now(p)->text), sage_parser_now(p)->text.data);
    SAGE_TRY(sage_parser_add(p, test));
    *added = true;
    st = sage_parser_next(p);
out:
    return st;
}

/* "1,000" and "1.000,50", outside a list, where a comma ends a value. */
static bool is_comma_in_number(const sage_parser *p) {
    const sage_token *now = sage_parser_now(p);
    const char *next = p->tokens.text + p->tokens.at;
    return !p->in_list && sage_token_is_sign(now, ",") && p->tokens.at < p->tokens.len && *next >= '0' && *next <= '9';
}

sage_status sage_parser_number(sage_parser *p, const sage_column *column, sage_test_kind kind) {
    sage_status st = SAGE_OK;
    sage_test test = {.kind = kind, .column = column};
    bool currency;
    if (!is_value(p)) return sage_parser_expected(p, "a number");
    SAGE_TRY(sage_token_value(sage_parser_now(p), &p->text, p->error));
    if (!read_number(&p->text, &test.number))
        return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column, "%.*s is a column of numbers, and \"%.*s\" is none",
                               sage_parser_shown(column->name), column->name.data,
                               sage_parser_shown(sage_parser_now(p)->text), sage_parser_now(p)->text.data);
    SAGE_TRY(sage_parser_add(p, test));
    SAGE_TRY(sage_parser_next(p));
    if (is_comma_in_number(p))
        return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column,
                               "a number has no comma: 1000.50, not 1,000.50 or 1.000,50");
    SAGE_TRY(add_currency(p, column, &currency));
    if (currency) SAGE_TRY(sage_parser_add(p, (sage_test){.kind = SAGE_TEST_AND}));
out:
    return st;
}

/* The word of a bool's value. */
static sage_status bool_word(sage_parser *p, const sage_column *column, sage_str *word) {
    static const char *const words[2][4] = {{"false", "no", "0", NULL}, {"true", "yes", "1", NULL}};
    for (size_t value = 0; value < 2; value++)
        for (size_t i = 0; words[value][i] != NULL; i++)
            if (sage_token_is_word(sage_parser_now(p), words[value][i])) {
                *word = value == 0 ? SAGE_STR("false") : SAGE_STR("true");
                return SAGE_OK;
            }
    return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column, "%.*s is true or false, not \"%.*s\"",
                           sage_parser_shown(column->name), column->name.data,
                           sage_parser_shown(sage_parser_now(p)->text), sage_parser_now(p)->text.data);
}

sage_status sage_parser_word(sage_parser *p, sage_test *test, bool path) {
    sage_status st = SAGE_OK;
    if (!is_value(p)) return sage_parser_expected(p, "a value");
    SAGE_TRY(sage_token_value(sage_parser_now(p), &p->text, p->error));
    sage_str word = {p->text.len > 0 ? p->text.data : "", p->text.len};
    if (test->column->kind == SAGE_COLUMN_BOOL) SAGE_TRY(bool_word(p, test->column, &word));
    if (path)
        SAGE_TRY(sage_where_add_path(p->where, test, word, &p->folded, p->error));
    else
        SAGE_TRY(sage_where_add_word(p->where, test, word, &p->folded, p->error));
    st = sage_parser_next(p);
out:
    return st;
}
