#include <base/error.h>
#include <index/live_values.h>
#include <inttypes.h>
#include <string.h>

/* Behind it: a number's 8 bytes; or words, each with its length before it. */
typedef struct head {
    uint32_t column, n;
} head;

/* ---- writing ---- */

static sage_status write_value(const sage_column *column, const sage_live_value *value, sage_buf *out,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    const bool number = column->numbers != NULL;
    const head h = {(uint32_t)value->column, number ? 1 : (uint32_t)value->n_words};
    if (value->n_words > UINT32_MAX) return sage_fail(error, SAGE_E_LIMIT, "%zu words of a product", value->n_words);
    SAGE_TRY(sage_buf_add(out, &h, sizeof h, error));
    if (number) return sage_buf_add(out, &value->number, sizeof value->number, error);
    for (size_t i = 0; i < value->n_words; i++) {
        const uint32_t len = (uint32_t)value->words[i].len;
        if (value->words[i].len > UINT32_MAX) return sage_fail(error, SAGE_E_LIMIT, "a word of a product passes 4 GiB");
        SAGE_TRY(sage_buf_add(out, &len, sizeof len, error));
        if (len > 0) SAGE_TRY(sage_buf_add(out, value->words[i].data, len, error));
    }
out:
    return st;
}

sage_status sage_live_values_write(const sage_columns_live *columns, const sage_live_value *values, size_t n,
                                   sage_buf *out, sage_error *error) {
    const sage_columns *view = columns != NULL ? sage_columns_live_view(columns) : NULL;
    const size_t n_columns = view != NULL ? sage_columns_count(view) : 0;
    sage_status st = SAGE_OK;
    for (size_t i = 0; i < n && st == SAGE_OK; i++) {
        if (values[i].column >= n_columns)
            return sage_fail(error, SAGE_E_ARGUMENT, "a value of column %zu, where the index has %zu", values[i].column,
                             n_columns);
        st = write_value(sage_columns_at(view, values[i].column), &values[i], out, error);
    }
    return st;
}

/* ---- reading ---- */

typedef struct cursor {
    const char *data;
    size_t left;
} cursor;

static bool take(cursor *c, void *to, size_t bytes) {
    if (c->left < bytes) return false;
    memcpy(to, c->data, bytes);
    c->data += bytes;
    c->left -= bytes;
    return true;
}

static sage_status none(sage_error *error) {
    return sage_fail(error, SAGE_E_FORMAT, "the log's values of a product are none");
}

static sage_status read_words(sage_columns_live *columns, const head *h, cursor *c, sage_error *error) {
    sage_status st = SAGE_OK;
    for (uint32_t i = 0; i < h->n; i++) {
        uint32_t len;
        if (!take(c, &len, sizeof len) || len > c->left) return none(error);
        const sage_str word = {c->data, len};
        c->data += len;
        c->left -= len;
        SAGE_TRY(sage_columns_live_word(columns, h->column, word, error));
    }
    st = sage_columns_live_words(columns, h->column, error);
out:
    return st;
}

sage_status sage_live_values_read(sage_columns_live *columns, const char *data, size_t bytes, sage_error *error) {
    const sage_columns *view = columns != NULL ? sage_columns_live_view(columns) : NULL;
    cursor c = {data, bytes};
    while (c.left > 0) {
        sage_status st = SAGE_OK;
        head h;
        double number;
        if (view == NULL || !take(&c, &h, sizeof h) || h.column >= sage_columns_count(view)) return none(error);
        if (sage_columns_at(view, h.column)->numbers == NULL) {
            st = read_words(columns, &h, &c, error);
        } else {
            if (h.n != 1 || !take(&c, &number, sizeof number)) return none(error);
            sage_columns_live_number(columns, h.column, number);
        }
        if (st != SAGE_OK) return st;
    }
    return SAGE_OK;
}
