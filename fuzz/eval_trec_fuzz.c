/* Whatever the bytes, TREC's readers refuse them with a line, or give lines that are in order, each once, and found
 * again; ids come back as they went. */
#include "fuzz.h"
#include <eval/trec.h>
#include <math.h>
#include <string.h>

static void look_at_table(const char *bytes, size_t n, sage_trec_kind kind) {
    sage_trec_table table = {0};
    sage_error error = {0};
    sage_status st = sage_trec_parse(bytes, n, "fuzz", kind, &table, &error);
    FUZZ_CHECK(st == SAGE_OK || (st == SAGE_E_FORMAT && error.text[0] != '\0'));
    for (size_t i = 0; i < table.n && st == SAGE_OK; i++) {
        const sage_trec_line *line = &table.lines[i], *last = &table.lines[i > 0 ? i - 1 : 0];
        size_t begin;
        FUZZ_CHECK(line->query.len > 0 && line->product.len > 0 && line->line > 0 && isfinite(line->value));
        size_t found = sage_trec_find(&table, line->query, &begin);
        FUZZ_CHECK(begin <= i && i < begin + found);
        if (i == begin) continue;
        FUZZ_CHECK((float)last->value >= (float)line->value);
        if ((float)last->value == (float)line->value) FUZZ_CHECK(sage_str_order(last->product, line->product) > 0);
    }
    sage_trec_free(&table);
}

static void look_at_queries(const char *bytes, size_t n) {
    sage_trec_queries queries = {0};
    sage_error error = {0};
    sage_status st = sage_trec_parse_queries(bytes, n, "fuzz", &queries, &error);
    FUZZ_CHECK(st == SAGE_OK || (st == SAGE_E_FORMAT && error.text[0] != '\0'));
    for (size_t i = 0; i < queries.n && st == SAGE_OK; i++) {
        const sage_trec_query *query = &queries.by_key[i];
        FUZZ_CHECK(query->key.len > 0 && query->id.len > 0);
        FUZZ_CHECK(sage_trec_query_of_key(&queries, query->key) == query);
        FUZZ_CHECK(sage_trec_query_of_id(&queries, query->id)->line == query->line);
    }
    sage_trec_queries_free(&queries);
}

static void look_at_id(const char *bytes, size_t n) {
    sage_buf encoded, back;
    sage_buf_init(&encoded, SIZE_MAX);
    sage_buf_init(&back, SIZE_MAX);
    FUZZ_CHECK(sage_trec_encode((sage_str){bytes, n}, &encoded, NULL) == SAGE_OK);
    FUZZ_CHECK(sage_trec_decode((sage_str){encoded.data, encoded.len}, &back, NULL) == SAGE_OK);
    FUZZ_CHECK(back.len == n && (n == 0 || memcmp(back.data, bytes, n) == 0));
    FUZZ_CHECK(sage_trec_decode((sage_str){bytes, n}, &back, NULL) == SAGE_OK && back.len <= n);
    sage_buf_free(&encoded);
    sage_buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const char *bytes = (const char *)data + 1;
    switch (data[0] % 4) {
    case 0: look_at_table(bytes, size - 1, SAGE_TREC_RUN); break;
    case 1: look_at_table(bytes, size - 1, SAGE_TREC_QRELS); break;
    case 2: look_at_queries(bytes, size - 1); break;
    default: look_at_id(bytes, size - 1);
    }
    return 0;
}
