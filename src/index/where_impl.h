/* An expression as a program: tests and the operators between them, operands first. */
#ifndef SAGE_INDEX_WHERE_IMPL_H
#define SAGE_INDEX_WHERE_IMPL_H

#include <index/where.h>

typedef enum sage_test_kind {
    SAGE_TEST_AND, /* of the last two */
    SAGE_TEST_OR,
    SAGE_TEST_NOT, /* of the last one */
    SAGE_TEST_NEVER,
    SAGE_TEST_HAS,
    SAGE_TEST_EQUAL, /* numbers */
    SAGE_TEST_LESS,
    SAGE_TEST_AT_MOST,
    SAGE_TEST_MORE,
    SAGE_TEST_AT_LEAST,
    SAGE_TEST_WORDS /* one of the ranges */
} sage_test_kind;

/* Words by their numbers, `end` not among them. */
typedef struct sage_word_range {
    uint32_t begin, end;
} sage_word_range;

typedef struct sage_test {
    sage_test_kind kind;
    const sage_column *column;
    double number;
    size_t first_range, n_ranges; /* ascending, apart */
} sage_test;

/* Each level of parentheses and "not" leaves two masks at most to wait. */
enum { SAGE_WHERE_STACK = 3 * (SAGE_WHERE_DEPTH + 2) };

struct sage_where {
    const sage_columns *columns;
    sage_test *tests; /* [n] */
    size_t n, capacity;
    sage_word_range *ranges; /* [n_ranges] of all tests */
    size_t n_ranges, ranges_capacity;
};

#endif
