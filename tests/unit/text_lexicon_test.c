/* Distinct words keep the numbers in which they came, also while their table grows and after it was cleared. */
#include <base/alloc.h>
#include <stdio.h>
#include <string.h>
#include <support/test.h>
#include <text/lexicon.h>

enum { N = 1000 };

static sage_str word(char text[16], unsigned i) {
    snprintf(text, 16, "%x", i * 2654435761U);
    return (sage_str){text, strlen(text)};
}

static void fill(sage_lexicon *lexicon) {
    char text[16];
    uint32_t number;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < N; i++) {
            assert_int_equal(sage_lexicon_add(lexicon, word(text, i), &number, NULL), SAGE_OK);
            assert_int_equal(number, i);
            assert_int_equal(lexicon->list[i].count, round);
            lexicon->list[i].count++;
        }
    assert_int_equal(lexicon->n, N);
}

static void test_numbers(void **state) {
    (void)state;
    sage_lexicon lexicon = {0};
    char text[16];
    uint32_t order[N];
    sage_lexicon_clear(&lexicon);
    for (int again = 0; again < 2; again++) {
        fill(&lexicon);
        for (unsigned i = 0; i < N; i++) assert_true(sage_str_equal(sage_lexicon_at(&lexicon, i), word(text, i)));
        sage_lexicon_sort(&lexicon, order);
        for (size_t i = 1; i < N; i++)
            assert_true(sage_str_order(sage_lexicon_at(&lexicon, order[i - 1]), sage_lexicon_at(&lexicon, order[i])) <
                        0);
        sage_lexicon_clear(&lexicon);
        assert_int_equal(lexicon.n, 0);
    }
    sage_lexicon_free(&lexicon);
}

/* A word that there was no memory for is not there, and comes with the number that it would have had. */
static void test_allocations_may_fail(void **state) {
    (void)state;
    sage_lexicon lexicon = {0};
    char text[16];
    uint32_t number;
    size_t refused = 0;
    for (unsigned i = 0; i < N; i++) {
        sage_alloc_fail_from(1);
        sage_status st = sage_lexicon_add(&lexicon, word(text, i), &number, NULL);
        sage_alloc_fail_from(0);
        refused += st == SAGE_E_MEMORY;
        if (st == SAGE_E_MEMORY) st = sage_lexicon_add(&lexicon, word(text, i), &number, NULL);
        assert_int_equal(st, SAGE_OK);
        assert_int_equal(number, i);
    }
    assert_true(refused > 3);
    sage_lexicon_free(&lexicon);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_allocations_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
