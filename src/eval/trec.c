#include <base/alloc.h>
#include <base/error.h>
#include <eval/trec.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 6, NUMBER_MAX = 64, ID_MAX = 4 * 255 };

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* Fields of a line; gives how many there are, or FIELDS_MAX + 1 for more. */
static size_t split(sage_str line, sage_str fields[FIELDS_MAX]) {
    size_t n = 0, at = 0;
    for (;;) {
        while (at < line.len && is_blank(line.data[at])) at++;
        if (at == line.len) return n;
        if (n == FIELDS_MAX) return FIELDS_MAX + 1;
        size_t begin = at;
        while (at < line.len && !is_blank(line.data[at])) at++;
        fields[n++] = (sage_str){line.data + begin, at - begin};
    }
}

/* A plain decimal number, as C reads it in its own locale. What follows the text may be the end of the map. */
static bool read_number(sage_str text, double *value) {
    char copy[NUMBER_MAX], *end;
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (strspn(copy, "0123456789+-.eE") != text.len) return false;
    *value = strtod(copy, &end);
    return *end == '\0' && isfinite(*value);
}

/* Values that are the same as floats are equal, as trec_eval has them. */
static int in_order(const void *a, const void *b) {
    const sage_trec_line *x = a, *y = b;
    int order = sage_str_order(x->query, y->query);
    if (order != 0) return order;
    if ((float)x->value != (float)y->value) return x->value > y->value ? -1 : 1;
    return sage_str_order(y->product, x->product);
}

static int by_product(const void *a, const void *b) {
    const sage_trec_line *x = a, *y = b;
    int order = sage_str_order(x->query, y->query);
    if (order == 0) order = sage_str_order(x->product, y->product);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static sage_status add_line(sage_trec_table *table, sage_str line, size_t number, const char *name, sage_trec_kind kind,
                            sage_error *error) {
    sage_str fields[FIELDS_MAX];
    double value = 0;
    size_t wanted = kind == SAGE_TREC_RUN ? 6 : 4, n = split(line, fields);
    if (n == 0) return SAGE_OK;
    if (n != wanted)
        return sage_fail_at(error, SAGE_E_FORMAT, name, number, 0, "%s; a line must be '%s'",
                            n < wanted ? "too few fields" : "too many fields",
                            kind == SAGE_TREC_RUN ? "query Q0 product rank score tag" : "query 0 product grade");
    if (!read_number(kind == SAGE_TREC_RUN ? fields[4] : fields[3], &value))
        return sage_fail_at(error, SAGE_E_FORMAT, name, number, 0, "the %s is no finite number",
                            kind == SAGE_TREC_RUN ? "score" : "grade");
    if (fields[0].len > ID_MAX || fields[2].len > ID_MAX)
        return sage_fail_at(error, SAGE_E_FORMAT, name, number, 0, "an id is longer than %d bytes", ID_MAX);
    if (sage_grow((void **)&table->lines, &table->capacity, table->n + 1, sizeof *table->lines) != 0)
        return sage_fail_memory(error, (table->n + 1) * sizeof *table->lines);
    table->lines[table->n++] = (sage_trec_line){fields[0], fields[2], value, number};
    return SAGE_OK;
}

static sage_status refuse_repeats(sage_trec_table *table, const char *name, sage_error *error) {
    qsort(table->lines, table->n, sizeof *table->lines, by_product);
    for (size_t i = 1; i < table->n; i++) {
        const sage_trec_line *a = &table->lines[i - 1], *b = &table->lines[i];
        if (sage_str_equal(a->query, b->query) && sage_str_equal(a->product, b->product))
            return sage_fail_at(error, SAGE_E_FORMAT, name, b->line, 0,
                                "the query has this product twice, first in line %zu", a->line);
    }
    return SAGE_OK;
}

sage_status sage_trec_begin(const char *bytes, size_t n, const char *name, size_t *at, sage_error *error) {
    *at = n >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (n < 2 || memcmp(bytes, "\x1f\x8b", 2) != 0) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, name, 0, 0, "the file is compressed; unpack it with gunzip first");
}

sage_status sage_trec_parse(const char *bytes, size_t n, const char *name, sage_trec_kind kind, sage_trec_table *table,
                            sage_error *error) {
    sage_status st = SAGE_OK;
    size_t at = 0;
    SAGE_TRY(sage_trec_begin(bytes, n, name, &at, error));
    for (size_t number = 1; at < n; number++) {
        const char *end = memchr(bytes + at, '\n', n - at);
        size_t len = end != NULL ? (size_t)(end - bytes) - at : n - at;
        SAGE_TRY(add_line(table, (sage_str){bytes + at, len}, number, name, kind, error));
        at += len + 1;
    }
    if (table->n == 0) SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, name, 0, 0, "the file is empty"));
    SAGE_TRY(refuse_repeats(table, name, error));
    qsort(table->lines, table->n, sizeof *table->lines, in_order);
out:
    return st;
}

sage_status sage_trec_read(const char *path, sage_trec_kind kind, sage_trec_table *table, sage_error *error) {
    sage_status st = sage_map_open(path, &table->map, error);
    return st == SAGE_OK ? sage_trec_parse((const char *)table->map.data, table->map.size, path, kind, table, error)
                         : st;
}

void sage_trec_free(sage_trec_table *table) {
    sage_free(table->lines);
    sage_map_close(&table->map);
    *table = (sage_trec_table){0};
}

size_t sage_trec_find(const sage_trec_table *table, sage_str query, size_t *begin) {
    size_t low = 0, high = table->n, n = 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sage_str_order(table->lines[middle].query, query) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *begin = low;
    while (low + n < table->n && sage_str_equal(table->lines[low + n].query, query)) n++;
    return n;
}

sage_status sage_trec_encode(sage_str id, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf_clear(out);
    for (size_t i = 0; i < id.len; i++) {
        unsigned char c = (unsigned char)id.data[i];
        if (c <= ' ' || c == '%' || c >= 0x7f)
            SAGE_TRY(sage_buf_printf(out, error, "%%%02X", c));
        else
            SAGE_TRY(sage_buf_add(out, id.data + i, 1, error));
    }
out:
    return st;
}

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

sage_status sage_trec_decode(sage_str field, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf_clear(out);
    for (size_t i = 0; i < field.len; i++) {
        char c = field.data[i];
        if (c == '%' && i + 2 < field.len && hex(field.data[i + 1]) >= 0 && hex(field.data[i + 2]) >= 0) {
            c = (char)(hex(field.data[i + 1]) * 16 + hex(field.data[i + 2]));
            i += 2;
        }
        SAGE_TRY(sage_buf_add(out, &c, 1, error));
    }
out:
    return st;
}
