/* The vectors of products and queries, as searches compare them. */
#include <base/error.h>
#include <shop/searcher.h>
#include <string.h>
#include <text/normalise.h>

static sage_status of_product(const sage_index *index, const char *id, float *out, sage_error *error) {
    const size_t dim = sage_index_dim(index);
    size_t row;
    if (!sage_index_find_id(index, id, &row))
        return sage_fail(error, SAGE_E_NOT_FOUND, "no product '%s' in the published index", id);
    memcpy(out, sage_index_vectors(index) + row * dim, dim * sizeof *out);
    return SAGE_OK;
}

static sage_status of_text(sage_engine *engine, const char *text, float *out, sage_error *error) {
    const sage_str given = {text, strlen(text)};
    bool known = false;
    size_t bad;
    if (!sage_utf8_valid(text, given.len, &bad))
        return sage_fail(error, SAGE_E_ARGUMENT, "the text is not UTF-8 (from byte %zu on); give it in UTF-8", bad + 1);
    sage_status st = sage_engine_texts(engine, &given, 1, out, &known, error);
    if (st == SAGE_OK && !known)
        st = sage_fail(error, SAGE_E_NOT_FOUND, "the model knows nothing of this text, so it has no vector");
    return st;
}

sage_status sage_search_vector(sage_searcher *searcher, const sage_query *query, float *out, sage_error *error) {
    sage_engine *engine = searcher->opened.engine;
    if ((query->text != NULL) + (query->product_id != NULL) + (query->image != NULL) != 1)
        return sage_fail(error, SAGE_E_ARGUMENT, "a vector is of a text, a product or a picture: one of them");
    if (query->text != NULL) return of_text(engine, query->text, out, error);
    if (query->image != NULL) return sage_searcher_picture(searcher, query->image, out, error);
    return of_product(sage_engine_index(engine), query->product_id, out, error);
}
