#include <base/alloc.h>
#include <index/where_impl.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 64 };

static double number_at(const double *number) {
    double value;
    __atomic_load(number, &value, __ATOMIC_RELAXED);
    return value;
}

static bool in_ranges(const sage_word_range *ranges, size_t n, uint32_t word) {
    size_t low = 0;
    while (n > 1) {
        size_t half = n / 2;
        low += ranges[low + half].begin <= word ? half : 0;
        n -= half;
    }
    return n > 0 && word - ranges[low].begin < ranges[low].end - ranges[low].begin;
}

static bool list_has(const sage_where *w, const sage_test *test, uint32_t element) {
    size_t n;
    const uint32_t *list = sage_columns_list(w->columns, element, &n);
    for (size_t i = 0; i < n; i++)
        if (in_ranges(w->ranges + test->first_range, test->n_ranges, list[i])) return true;
    return false;
}

static bool compare(sage_test_kind kind, double a, double b) {
    switch (kind) {
    case SAGE_TEST_EQUAL: return a >= b && a <= b;
    case SAGE_TEST_LESS: return a < b;
    case SAGE_TEST_AT_MOST: return a <= b;
    case SAGE_TEST_MORE: return a > b;
    case SAGE_TEST_AT_LEAST: return a >= b;
    default: return false;
    }
}

/* Bit i: whether row + i passes. */
static uint64_t test_numbers(const sage_test *test, size_t row, size_t n) {
    uint64_t mask = 0;
    for (size_t i = 0; i < n; i++) {
        const double number = number_at(&test->column->numbers[row + i]);
        const bool passes = test->kind == SAGE_TEST_HAS ? !isnan(number) : compare(test->kind, number, test->number);
        mask |= (uint64_t)passes << i;
    }
    return mask;
}

/* Lists are few, and looked at one by one; nothing else is a branch that could be guessed wrong. */
static uint64_t test_words(const sage_where *w, const sage_test *test, size_t row, size_t n) {
    uint64_t mask = 0, lists = 0;
    uint32_t elements[BLOCK];
    const bool has = test->kind == SAGE_TEST_HAS;
    static const sage_word_range none;
    const sage_word_range *ranges = test->n_ranges > 0 ? w->ranges + test->first_range : &none;
    const uint32_t begin = ranges->begin, words = ranges->end - begin;
    for (size_t i = 0; i < n; i++) {
        const uint32_t element = elements[i] = __atomic_load_n(&test->column->codes[row + i], __ATOMIC_ACQUIRE);
        const bool list = (element & SAGE_WORD_LIST) != 0 && element != SAGE_NO_WORD;
        const bool passes = has                   ? element != SAGE_NO_WORD
                            : test->n_ranges <= 1 ? element - begin < words
                                                  : in_ranges(ranges, test->n_ranges, element);
        mask |= (uint64_t)passes << i;
        lists |= (uint64_t)list << i;
    }
    for (; !has && lists != 0; lists &= lists - 1) {
        const size_t i = (size_t)__builtin_ctzll(lists);
        mask |= (uint64_t)list_has(w, test, elements[i]) << i;
    }
    return mask;
}

static uint64_t run(const sage_where *w, size_t row, size_t n) {
    uint64_t stack[SAGE_WHERE_STACK];
    size_t depth = 0;
    for (size_t i = 0; i < w->n; i++) {
        const sage_test *test = &w->tests[i];
        switch (test->kind) {
        case SAGE_TEST_AND:
            depth--;
            stack[depth - 1] &= stack[depth];
            break;
        case SAGE_TEST_OR:
            depth--;
            stack[depth - 1] |= stack[depth];
            break;
        case SAGE_TEST_NOT: stack[depth - 1] = ~stack[depth - 1]; break;
        case SAGE_TEST_NEVER: stack[depth++] = 0; break;
        default:
            stack[depth++] = test->column->numbers != NULL ? test_numbers(test, row, n) : test_words(w, test, row, n);
        }
    }
    return stack[0] & (n < BLOCK ? ((uint64_t)1 << n) - 1 : ~(uint64_t)0);
}

bool sage_where_accepts(const sage_where *where, uint32_t row) {
    return run(where, row, 1) != 0;
}

uint64_t sage_where_word(const sage_where *where, size_t row, size_t n) {
    return run(where, row, n);
}

size_t sage_where_bits(const sage_where *where, uint64_t *bits) {
    const size_t rows = sage_columns_rows(where->columns);
    size_t n = 0;
    for (size_t row = 0; row < rows; row += BLOCK) {
        bits[row / BLOCK] = run(where, row, rows - row < BLOCK ? rows - row : BLOCK);
        n += (size_t)__builtin_popcountll(bits[row / BLOCK]);
    }
    return n;
}

size_t sage_where_guess(const sage_where *where, size_t rows) {
    enum { LOOKS = 64 };
    const size_t blocks = rows / BLOCK, looks = blocks < LOOKS ? blocks : LOOKS;
    size_t n = 0;
    if (looks == 0) return rows == 0 ? 0 : (size_t)__builtin_popcountll(run(where, 0, rows));
    for (size_t i = 0; i < looks; i++) n += (size_t)__builtin_popcountll(run(where, i * blocks / looks * BLOCK, BLOCK));
    return (size_t)((double)n / (double)(looks * BLOCK) * (double)rows);
}

void sage_where_free(sage_where *where) {
    if (where == NULL) return;
    sage_free(where->tests);
    sage_free(where->ranges);
    sage_free(where);
}
