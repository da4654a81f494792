#include <base/alloc.h>
#include <base/error.h>
#include <features/features.h>
#include <string.h>
#include <text/normalise.h>

/* All fields at the feed's limit, grown eleven-fold by the worst compatibility decompositions. */
static const size_t TEXT_MAX = (size_t)256 << 20;

void sage_product_text_init(sage_product_text *text) {
    memset(text, 0, sizeof *text);
    sage_buf_init(&text->bytes, TEXT_MAX);
}

void sage_product_text_free(sage_product_text *text) {
    sage_buf_free(&text->bytes);
}

sage_status sage_product_text_read(const sage_product_row *row, sage_product_text *text, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf_clear(&text->bytes);
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        text->begin[f] = text->bytes.len;
        if (row->fields[f].len == 0) continue;
        SAGE_TRY(sage_normalise(row->fields[f].data, row->fields[f].len, &text->bytes, error));
    }
out:
    text->begin[SAGE_FIELDS] = text->bytes.len;
    return st;
}

sage_str sage_product_text_field(const sage_product_text *text, sage_field field) {
    size_t begin = text->begin[field], end = text->begin[field + 1];
    return begin == end ? SAGE_STR("") : (sage_str){text->bytes.data + begin, end - begin};
}

sage_status sage_field_words(sage_str field, sage_str **words, size_t *capacity, size_t *n, sage_error *error) {
    *n = 0;
    sage_status st = sage_words(field.data, field.len, words, capacity, n, error);
    if (*n > SAGE_FIELD_WORDS_MAX) *n = SAGE_FIELD_WORDS_MAX;
    return st;
}

void sage_product_ids_free(sage_product_ids *ids) {
    sage_free(ids->ids);
    sage_free(ids->words);
    *ids = (sage_product_ids){0};
}

sage_status sage_product_ids_read(const sage_vocab *vocab, const sage_product_text *text, sage_product_ids *ids,
                                  sage_error *error) {
    sage_status st = SAGE_OK;
    size_t n = 0, n_words;
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        sage_str field = sage_product_text_field(text, (sage_field)f);
        ids->begin[f] = n;
        SAGE_TRY(sage_field_words(field, &ids->words, &ids->words_capacity, &n_words, error));
        SAGE_TRY(sage_vocab_ids(vocab, ids->words, n_words, &ids->ids, &ids->capacity, &n, error));
    }
out:
    ids->begin[SAGE_FIELDS] = n;
    return st;
}
