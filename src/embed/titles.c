#include "titles.h"
#include <base/alloc.h>
#include <base/error.h>
#include <text/normalise.h>

static const size_t BYTES_MAX = (size_t)2 << 30;

sage_status sage_check_sentences(size_t takes, const sage_sentences *sentences, sage_error *error) {
    if (takes == 0) return SAGE_OK;
    if (sentences == NULL)
        return sage_fail(error, SAGE_E_STATE, "the model takes vectors of texts, and there is no encoder of texts");
    if (sage_sentences_dim(sentences) != takes)
        return sage_fail(error, SAGE_E_STATE, "the encoder of texts makes vectors of %zu numbers, the model takes %zu",
                         sage_sentences_dim(sentences), takes);
    return SAGE_OK;
}

void sage_titles_init(sage_titles *titles, sage_sentences *sentences) {
    *titles = (sage_titles){.sentences = sentences};
    sage_buf_init(&titles->bytes, BYTES_MAX);
}

void sage_titles_free(sage_titles *titles) {
    sage_buf_free(&titles->bytes);
    sage_free(titles->end);
    sage_free(titles->texts);
    sage_free(titles->vectors);
}

void sage_titles_clear(sage_titles *titles) {
    sage_buf_clear(&titles->bytes);
    titles->n = 0;
}

sage_status sage_titles_add(sage_titles *titles, sage_str title, sage_error *error) {
    sage_status st = SAGE_OK;
    if (titles->sentences == NULL) return SAGE_OK;
    if (sage_grow((void **)&titles->end, &titles->end_capacity, titles->n + 1, sizeof *titles->end) != 0)
        return sage_fail_memory(error, (titles->n + 1) * sizeof *titles->end);
    if (title.len > 0) SAGE_TRY(sage_normalise(title.data, title.len, &titles->bytes, error));
    titles->end[titles->n++] = titles->bytes.len;
out:
    return st;
}

sage_status sage_titles_read(sage_titles *titles, sage_error *error) {
    size_t n = titles->n;
    if (titles->sentences == NULL || n == 0) return SAGE_OK;
    size_t need = n * sage_sentences_dim(titles->sentences);
    if (sage_grow((void **)&titles->texts, &titles->texts_capacity, n, sizeof *titles->texts) != 0 ||
        sage_grow((void **)&titles->vectors, &titles->vectors_capacity, need, sizeof *titles->vectors) != 0)
        return sage_fail_memory(error, need * sizeof *titles->vectors);
    sage_buf_views(&titles->bytes, n, titles->end, titles->texts);
    return sage_sentences_read(titles->sentences, n, titles->texts, titles->vectors, error);
}

const float *sage_titles_at(const sage_titles *titles, size_t i) {
    size_t begin = i == 0 ? 0 : titles->end[i - 1];
    return titles->end[i] == begin ? NULL : titles->vectors + i * sage_sentences_dim(titles->sentences);
}
