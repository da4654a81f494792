/* What the names of the methods mean, of those that the page has. */
#include <report/sections.h>
#include <string.h>

typedef struct meaning {
    const char *method, *words;
} meaning;

static const meaning meanings[] = {
    {"hybrid",
     "searches: vectors and keywords, joined by their scores; people: vectors, with what they and others like "
     "them dealt with"},
    {"vectors", "the products nearest to what the model makes of the search, the picture, the person or the product"},
    {"keywords", "the words of the search in the texts of the products (BM25), without the model"},
    {"previous", "hybrid of the release before"},
    {"sentences", "a frozen encoder of texts, which learned nothing of this shop"},
    {"co-click", "products that the same searches led to, and those that go with them"},
    {"interests", "products near several groups of what the person dealt with"},
    {"similar", "the products whose vectors are nearest to the product\xe2\x80\x99s own"},
    {"item-knn", "products that the same people dealt with"},
    {"own", "what the person dealt with before"},
    {"popular", "the same for everybody: what most led to"}};

static bool occurs(const sage_eval_report *eval, const char *method) {
    for (size_t i = 0; i < eval->n_rows; i++)
        if (strcmp(eval->rows[i].method, method) == 0) return true;
    return false;
}

void sage_report_methods(sage_page *page, const sage_report_data *data) {
    if (data->eval->n_rows == 0) return;
    sage_page_text(page, "<h3 class=\"later\">What the names mean</h3>\n<dl class=\"methods\">\n");
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (occurs(data->eval, meanings[i].method))
            sage_page_printf(page, "<dt>%s</dt><dd>%s</dd>\n", meanings[i].method, meanings[i].words);
    for (size_t i = 0; i < data->eval->n_runs; i++) {
        sage_page_text(page, "<dt>");
        sage_page_name(page, data->eval->runs[i].name);
        sage_page_text(page, "</dt><dd>lists of another program, given as a run</dd>\n");
    }
    sage_page_text(page, "</dl>\n");
}
