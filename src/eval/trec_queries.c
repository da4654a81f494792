/* Which text a query's number stands for. */
#include <base/alloc.h>
#include <base/error.h>
#include <eval/trec.h>
#include <stdlib.h>
#include <string.h>
#include <text/normalise.h>

static int by_key(const void *a, const void *b) {
    const sage_trec_query *x = a, *y = b;
    int order = sage_str_order(x->key, y->key);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int by_id(const void *a, const void *b) {
    const sage_trec_query *x = a, *y = b;
    int order = sage_str_order(x->id, y->id);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Keys are told by their place until all are there, since the buffer moves as it grows. */
static sage_status add(sage_trec_queries *q, sage_str line, size_t number, const char *name, sage_error *error) {
    sage_status st = SAGE_OK;
    while (line.len > 0 && line.data[line.len - 1] == '\r') line.len--;
    if (line.len == 0) return SAGE_OK;
    const char *tab = memchr(line.data, '\t', line.len);
    if (tab == NULL || tab == line.data)
        return sage_fail_at(error, SAGE_E_FORMAT, name, number, 0, "a line must be 'id<tab>search text'");
    size_t id = (size_t)(tab - line.data), before = q->keys.len;
    if (!sage_utf8_valid(tab + 1, line.len - id - 1, NULL))
        return sage_fail_at(error, SAGE_E_FORMAT, name, number, 0, "the text is not UTF-8");
    SAGE_TRY(sage_normalise(tab + 1, line.len - id - 1, &q->keys, error));
    if (q->keys.len == before)
        SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, name, number, 0, "nothing is left of the text when normalised"));
    if (sage_grow((void **)&q->by_key, &q->capacity, q->n + 1, sizeof *q->by_key) != 0)
        SAGE_TRY(sage_fail_memory(error, (q->n + 1) * sizeof *q->by_key));
    q->by_key[q->n++] = (sage_trec_query){{line.data, id}, {NULL, q->keys.len - before}, number};
out:
    return st;
}

static sage_status refuse_repeats(const sage_trec_queries *q, const char *name, sage_error *error) {
    for (size_t i = 1; i < q->n; i++) {
        const sage_trec_query *a = &q->by_key[i - 1], *b = &q->by_key[i];
        if (sage_str_equal(a->key, b->key))
            return sage_fail_at(error, SAGE_E_FORMAT, name, b->line, 0, "line %zu has this text already", a->line);
        a = &q->by_id[i - 1], b = &q->by_id[i];
        if (sage_str_equal(a->id, b->id))
            return sage_fail_at(error, SAGE_E_FORMAT, name, b->line, 0, "line %zu has this id already", a->line);
    }
    return SAGE_OK;
}

sage_status sage_trec_parse_queries(const char *bytes, size_t n, const char *name, sage_trec_queries *q,
                                    sage_error *error) {
    sage_status st = SAGE_OK;
    size_t at = 0;
    sage_buf_init(&q->keys, SIZE_MAX);
    SAGE_TRY(sage_trec_begin(bytes, n, name, &at, error));
    for (size_t number = 1; at < n; number++) {
        const char *end = memchr(bytes + at, '\n', n - at);
        size_t len = end != NULL ? (size_t)(end - bytes) - at : n - at;
        SAGE_TRY(add(q, (sage_str){bytes + at, len}, number, name, error));
        at += len + 1;
    }
    if (q->n == 0) SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, name, 0, 0, "the file is empty"));
    for (size_t i = 0, key = 0; i < q->n; key += q->by_key[i++].key.len) q->by_key[i].key.data = q->keys.data + key;
    q->by_id = sage_alloc_zero(q->n, sizeof *q->by_id);
    if (q->by_id == NULL) SAGE_TRY(sage_fail_memory(error, q->n * sizeof *q->by_id));
    memcpy(q->by_id, q->by_key, q->n * sizeof *q->by_id);
    qsort(q->by_key, q->n, sizeof *q->by_key, by_key);
    qsort(q->by_id, q->n, sizeof *q->by_id, by_id);
    SAGE_TRY(refuse_repeats(q, name, error));
out:
    return st;
}

sage_status sage_trec_read_queries(const char *path, sage_trec_queries *q, sage_error *error) {
    sage_status st = sage_map_open(path, &q->map, error);
    return st == SAGE_OK ? sage_trec_parse_queries((const char *)q->map.data, q->map.size, path, q, error) : st;
}

void sage_trec_queries_free(sage_trec_queries *q) {
    sage_free(q->by_key);
    sage_free(q->by_id);
    sage_buf_free(&q->keys);
    sage_map_close(&q->map);
    *q = (sage_trec_queries){0};
}

const sage_trec_query *sage_trec_query_of_key(const sage_trec_queries *q, sage_str key) {
    size_t low = 0, high = q->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sage_str_order(q->by_key[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < q->n && sage_str_equal(q->by_key[low].key, key) ? &q->by_key[low] : NULL;
}

const sage_trec_query *sage_trec_query_of_id(const sage_trec_queries *q, sage_str id) {
    size_t low = 0, high = q->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sage_str_order(q->by_id[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < q->n && sage_str_equal(q->by_id[low].id, id) ? &q->by_id[low] : NULL;
}
