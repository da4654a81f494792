/* Recursive descent; what is read becomes tests of the program at once, operands before operators. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/option_value.h>
#include <index/where_parser.h>
#include <index/where_words.h>
#include <string.h>

static sage_status parse_any(sage_parser *p);

static sage_status add_operator(sage_parser *p, sage_test_kind kind) {
    return sage_parser_add(p, (sage_test){.kind = kind});
}

/* ---- columns ---- */

static sage_status unknown_column(sage_parser *p, sage_str name) {
    const sage_columns *columns = p->where->columns;
    size_t least = SIZE_MAX, len = (size_t)sage_parser_shown(name);
    sage_str nearest = SAGE_STR("");
    for (size_t i = 0; i < sage_columns_count(columns); i++) {
        const sage_str here = sage_columns_at(columns, i)->name;
        char text[SAGE_COLUMN_NAME_MAX + 1];
        if (here.len > SAGE_COLUMN_NAME_MAX) continue;
        memcpy(text, here.data, here.len);
        text[here.len] = '\0';
        const size_t distance = sage_edit_distance(name.data, len, text);
        if (distance < least) {
            least = distance;
            nearest = here;
        }
    }
    if (2 * least > len)
        return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column,
                               "there is no column \"%.*s\"; 'itemsage status --columns' lists them", (int)len,
                               name.data);
    return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column, "there is no column \"%.*s\"; did you mean %.*s?", (int)len,
                           name.data, (int)nearest.len, nearest.data);
}

static sage_status take_column(sage_parser *p, const sage_column **column) {
    sage_status st = SAGE_OK;
    if (sage_parser_now(p)->kind != SAGE_TOKEN_WORD && sage_parser_now(p)->kind != SAGE_TOKEN_TEXT)
        return sage_parser_expected(p, "a column's name");
    SAGE_TRY(sage_token_value(sage_parser_now(p), &p->text, p->error));
    const sage_str name = {p->text.len > 0 ? p->text.data : "", p->text.len};
    *column = sage_columns_find(p->where->columns, name);
    if (*column == NULL) return unknown_column(p, name);
    st = sage_parser_next(p);
out:
    return st;
}

/* ---- tests ---- */

static sage_status add_words(sage_parser *p, sage_test *test) {
    sage_where_sort_ranges(p->where, test);
    if (test->n_ranges == 0) return add_operator(p, SAGE_TEST_NEVER);
    return sage_parser_add(p, *test);
}

static sage_status take_list(sage_parser *p, const sage_column *column) {
    sage_status st = SAGE_OK;
    sage_test test = {.kind = SAGE_TEST_WORDS, .column = column, .first_range = p->where->n_ranges};
    if (!sage_token_is_sign(sage_parser_now(p), "(")) return sage_parser_expected(p, "\"(\" and a list of values");
    p->in_list = true;
    for (size_t n = 0;; n++) {
        SAGE_TRY(sage_parser_next(p));
        if (column->codes != NULL)
            SAGE_TRY(sage_parser_word(p, &test, false));
        else
            SAGE_TRY(sage_parser_number(p, column, SAGE_TEST_EQUAL));
        if (column->codes == NULL && n > 0) SAGE_TRY(add_operator(p, SAGE_TEST_OR));
        if (!sage_token_is_sign(sage_parser_now(p), ",")) break;
    }
    p->in_list = false;
    if (!sage_token_is_sign(sage_parser_now(p), ")")) return sage_parser_expected(p, "\",\" or \")\"");
    if (column->codes != NULL) SAGE_TRY(add_words(p, &test));
    st = sage_parser_next(p);
out:
    return st;
}

static sage_status compare_words(sage_parser *p, const sage_column *column, bool path) {
    sage_status st = SAGE_OK;
    sage_test test = {.kind = SAGE_TEST_WORDS, .column = column, .first_range = p->where->n_ranges};
    SAGE_TRY(sage_parser_word(p, &test, path));
    st = add_words(p, &test);
out:
    return st;
}

static sage_status take_comparison(sage_parser *p, const sage_column *column) {
    static const struct {
        const char *sign;
        sage_test_kind kind;
    } signs[] = {{"=", SAGE_TEST_EQUAL},    {"!=", SAGE_TEST_EQUAL}, {"<", SAGE_TEST_LESS},
                 {"<=", SAGE_TEST_AT_MOST}, {">", SAGE_TEST_MORE},   {">=", SAGE_TEST_AT_LEAST}};
    sage_status st = SAGE_OK;
    size_t i = 0;
    while (i < 6 && !sage_token_is_sign(sage_parser_now(p), signs[i].sign)) i++;
    if (i == 6) return sage_parser_expected(p, "a comparison (=, !=, <, <=, >, >=, in, under, is missing)");
    if (column->codes != NULL && i > 1)
        return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column,
                               "%.*s has words, which are compared by =, !=, in and under",
                               sage_parser_shown(column->name), column->name.data);
    SAGE_TRY(sage_parser_next(p));
    if (column->codes != NULL)
        SAGE_TRY(compare_words(p, column, false));
    else
        SAGE_TRY(sage_parser_number(p, column, signs[i].kind));
    if (i == 1) SAGE_TRY(add_operator(p, SAGE_TEST_NOT));
out:
    return st;
}

/* "is missing", "is not missing" */
static sage_status take_missing(sage_parser *p, const sage_column *column) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_parser_next(p));
    const bool has = sage_token_is_word(sage_parser_now(p), "not");
    if (has) SAGE_TRY(sage_parser_next(p));
    if (!sage_token_is_word(sage_parser_now(p), "missing")) return sage_parser_expected(p, "\"missing\"");
    SAGE_TRY(sage_parser_next(p));
    SAGE_TRY(sage_parser_add(p, (sage_test){.kind = SAGE_TEST_HAS, .column = column}));
    if (!has) SAGE_TRY(add_operator(p, SAGE_TEST_NOT));
out:
    return st;
}

static bool ends_here(const sage_parser *p) {
    return sage_parser_now(p)->kind == SAGE_TOKEN_END || sage_token_is_sign(sage_parser_now(p), ")") ||
           sage_token_is_word(sage_parser_now(p), "and") || sage_token_is_word(sage_parser_now(p), "or");
}

static sage_status take_alone(sage_parser *p, const sage_column *column) {
    if (column->kind != SAGE_COLUMN_BOOL)
        return SAGE_WHERE_FAIL(
            p, sage_parser_now(p)->column, "%.*s is not true or false: compare it, or say 'has %.*s'",
            sage_parser_shown(column->name), column->name.data, sage_parser_shown(column->name), column->name.data);
    sage_test test = {.kind = SAGE_TEST_WORDS, .column = column, .first_range = p->where->n_ranges};
    sage_status st = sage_where_add_word(p->where, &test, SAGE_STR("true"), &p->folded, p->error);
    return st == SAGE_OK ? add_words(p, &test) : st;
}

static sage_status parse_test(sage_parser *p) {
    sage_status st = SAGE_OK;
    const sage_column *column = NULL;
    const bool has = sage_token_is_word(sage_parser_now(p), "has");
    if (has) SAGE_TRY(sage_parser_next(p));
    SAGE_TRY(take_column(p, &column));
    if (has) return sage_parser_add(p, (sage_test){.kind = SAGE_TEST_HAS, .column = column});
    if (ends_here(p)) return take_alone(p, column);
    if (sage_token_is_word(sage_parser_now(p), "is")) return take_missing(p, column);
    if (sage_token_is_word(sage_parser_now(p), "under")) {
        if (column->codes == NULL) return sage_parser_expected(p, "a comparison of numbers");
        SAGE_TRY(sage_parser_next(p));
        return compare_words(p, column, true);
    }
    const bool negated = sage_token_is_word(sage_parser_now(p), "not");
    if (negated) SAGE_TRY(sage_parser_next(p));
    if (negated && !sage_token_is_word(sage_parser_now(p), "in")) return sage_parser_expected(p, "\"in\"");
    if (!sage_token_is_word(sage_parser_now(p), "in")) return take_comparison(p, column);
    SAGE_TRY(sage_parser_next(p));
    SAGE_TRY(take_list(p, column));
    if (negated) SAGE_TRY(add_operator(p, SAGE_TEST_NOT));
out:
    return st;
}

/* ---- what joins them ---- */

static sage_status parse_one(sage_parser *p) {
    sage_status st = SAGE_OK;
    const bool negated = sage_token_is_word(sage_parser_now(p), "not");
    if (!negated && !sage_token_is_sign(sage_parser_now(p), "(")) return parse_test(p);
    if (p->depth == SAGE_WHERE_DEPTH)
        return SAGE_WHERE_FAIL(p, sage_parser_now(p)->column, "parentheses and \"not\" stand more than %d deep",
                               SAGE_WHERE_DEPTH);
    p->depth++;
    SAGE_TRY(sage_parser_next(p));
    if (negated) {
        SAGE_TRY(parse_one(p));
        SAGE_TRY(add_operator(p, SAGE_TEST_NOT));
    } else {
        SAGE_TRY(parse_any(p));
        if (!sage_token_is_sign(sage_parser_now(p), ")")) return sage_parser_expected(p, "\"and\", \"or\" or \")\"");
        SAGE_TRY(sage_parser_next(p));
    }
    p->depth--;
out:
    return st;
}

static sage_status parse_all(sage_parser *p) {
    sage_status st = parse_one(p);
    while (st == SAGE_OK && sage_token_is_word(sage_parser_now(p), "and")) {
        SAGE_TRY(sage_parser_next(p));
        SAGE_TRY(parse_one(p));
        SAGE_TRY(add_operator(p, SAGE_TEST_AND));
    }
out:
    return st;
}

static sage_status parse_any(sage_parser *p) {
    sage_status st = parse_all(p);
    while (st == SAGE_OK && sage_token_is_word(sage_parser_now(p), "or")) {
        SAGE_TRY(sage_parser_next(p));
        SAGE_TRY(parse_all(p));
        SAGE_TRY(add_operator(p, SAGE_TEST_OR));
    }
out:
    return st;
}

static sage_status parse_whole(sage_parser *p) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_parser_next(p));
    SAGE_TRY(parse_any(p));
    if (sage_parser_now(p)->kind != SAGE_TOKEN_END)
        st = sage_parser_expected(p, "\"and\", \"or\" or the end (values of several words are quoted)");
out:
    return st;
}

sage_status sage_where_parse(const sage_columns *columns, const char *text, size_t len, sage_where **where,
                             sage_error *error) {
    *where = NULL;
    if (len > SAGE_WHERE_BYTES)
        return sage_fail(error, SAGE_E_ARGUMENT, "the filter has %zu bytes; %d are allowed", len, SAGE_WHERE_BYTES);
    sage_parser p = {.tokens = {.text = text, .len = len}, .error = error};
    p.where = sage_alloc_zero(1, sizeof *p.where);
    if (p.where == NULL) return sage_fail_memory(error, sizeof *p.where);
    p.where->columns = columns;
    sage_buf_init(&p.text, SIZE_MAX);
    sage_buf_init(&p.folded, SIZE_MAX);
    sage_status st = parse_whole(&p);
    sage_buf_free(&p.text);
    sage_buf_free(&p.folded);
    if (st == SAGE_OK)
        *where = p.where;
    else
        sage_where_free(p.where);
    return st;
}
