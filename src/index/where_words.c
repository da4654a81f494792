#include <base/alloc.h>
#include <base/error.h>
#include <index/columns_impl.h>
#include <index/where_words.h>
#include <stdlib.h>
#include <string.h>

static sage_status add_range(sage_where *where, sage_test *test, size_t begin, size_t end, sage_error *error) {
    if (begin >= end) return SAGE_OK;
    if (sage_grow((void **)&where->ranges, &where->ranges_capacity, where->n_ranges + 1, sizeof *where->ranges) != 0)
        return sage_fail_memory(error, where->n_ranges * sizeof *where->ranges);
    where->ranges[where->n_ranges++] = (sage_word_range){(uint32_t)begin, (uint32_t)end};
    test->n_ranges++;
    return SAGE_OK;
}

static sage_status fold(sage_str word, sage_buf *folded, sage_error *error) {
    sage_status st = sage_column_fold(word, folded, error);
    if (st != SAGE_E_FORMAT) return st;
    return sage_fail(error, SAGE_E_ARGUMENT, "the filter is not UTF-8; give it in UTF-8");
}

static sage_str view(const sage_buf *buf) {
    return (sage_str){buf->len > 0 ? buf->data : "", buf->len};
}

sage_status sage_where_add_word(sage_where *where, sage_test *test, sage_str word, sage_buf *folded,
                                sage_error *error) {
    sage_status st = fold(word, folded, error);
    if (st != SAGE_OK) return st;
    const uint32_t number = sage_column_find(where->columns, test->column, view(folded));
    return number == SAGE_NO_WORD ? SAGE_OK : add_range(where, test, number, (size_t)number + 1, error);
}

/* How many of the column's words in the file come before all that begin with `prefix`, or, with `after`, before what
 * comes after those. */
static size_t place(const sage_where *where, const sage_column *column, sage_str prefix, bool after) {
    size_t low = 0, high = column->n_words;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const sage_str word = sage_column_text(where->columns, column, middle);
        const bool begins = word.len >= prefix.len && memcmp(word.data, prefix.data, prefix.len) == 0;
        if (begins ? after : sage_str_order(word, prefix) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Those of the words that came since that begin with `prefix`: they are in no order. */
static sage_status add_added(sage_where *where, sage_test *test, sage_str prefix, sage_error *error) {
    const sage_columns_added *added = where->columns->added;
    const size_t n = added != NULL ? sage_added_count(added) : 0;
    const size_t column = (size_t)(test->column - where->columns->columns);
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < n && st == SAGE_OK; i++) {
        const size_t number = added->first + i;
        const sage_str word = sage_added_text(added, (uint32_t)number);
        if (sage_added_column(added, i) == column && word.len >= prefix.len &&
            memcmp(word.data, prefix.data, prefix.len) == 0)
            st = add_range(where, test, number, number + 1, error);
    }
    return st;
}

sage_status sage_where_add_path(sage_where *where, sage_test *test, sage_str path, sage_buf *folded,
                                sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_where_add_word(where, test, path, folded, error));
    SAGE_TRY(sage_buf_text(folded, " > ", error));
    SAGE_TRY(add_range(where, test, place(where, test->column, view(folded), false),
                       place(where, test->column, view(folded), true), error));
    st = add_added(where, test, view(folded), error);
out:
    return st;
}

static int by_begin(const void *a, const void *b) {
    const sage_word_range *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

void sage_where_sort_ranges(sage_where *where, sage_test *test) {
    size_t n = 0;
    if (test->n_ranges == 0) return;
    sage_word_range *ranges = where->ranges + test->first_range;
    qsort(ranges, test->n_ranges, sizeof *ranges, by_begin);
    for (size_t i = 0; i < test->n_ranges; i++) {
        if (n > 0 && ranges[i].begin <= ranges[n - 1].end) {
            if (ranges[i].end > ranges[n - 1].end) ranges[n - 1].end = ranges[i].end;
        } else {
            ranges[n++] = ranges[i];
        }
    }
    test->n_ranges = n;
    where->n_ranges = test->first_range + n;
}
