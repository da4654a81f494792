/* Recall by what was known of the products in training. */
#include <report/sections.h>
#include <string.h>

static void head(sage_page *page, const sage_sliced *sliced, size_t k) {
    bool newness = strcmp(sliced->by, "newness") == 0;
    sage_page_printf(page,
                     "<thead><tr><th scope=\"col\">%s</th><th scope=\"col\">Products</th><th "
                     "scope=\"col\">Pairs</th>",
                     newness ? "First seen" : "Seen in training");
    for (size_t m = 0; m < sliced->n_methods; m++) {
        sage_page_text(page, "<th scope=\"col\">");
        sage_page_name(page, sliced->methods[m]);
        sage_page_printf(page, " @%zu</th>", k);
    }
    sage_page_text(page, "</tr></thead><tbody>\n");
}

/* The best of a slice stands out, unless all find nothing. */
static double best_of(const sage_slice *slice, size_t n_methods) {
    double best = 0;
    for (size_t m = 0; m < n_methods; m++)
        if (slice->recall[m].value > best) best = slice->recall[m].value;
    return best;
}

static void row(sage_page *page, const sage_slice *slice, size_t n_methods) {
    char words[SAGE_WORDS], pairs[SAGE_WORDS];
    double best = best_of(slice, n_methods);
    sage_page_text(page, "<tr><th scope=\"row\">");
    sage_page_name(page, slice->label);
    sage_page_printf(page, "</th><td>%s</td><td>%s</td>", sage_words_count(words, slice->products),
                     sage_words_count(pairs, slice->pairs));
    for (size_t m = 0; m < n_methods; m++)
        sage_page_printf(page, "<td%s>%s</td>", best > 0 && slice->recall[m].value >= best ? " class=\"differs\"" : "",
                         sage_words_interval(words, &slice->recall[m]));
    sage_page_text(page, "</tr>\n");
}

void sage_report_slices(sage_page *page, const sage_report_data *data) {
    if (data->n_sliced == 0) return;
    sage_page_section(page, "slices", "Popular, rare and new products",
                      "The same pairs in parts: by how many queries or people led to the product in what was trained "
                      "on, and by how long it had been known. What was never seen can only be found by what the "
                      "catalogue says of it. Bold: the highest of a line; look at the intervals before you believe "
                      "it.");
    for (size_t i = 0; i < data->n_sliced; i++) {
        const sage_sliced *sliced = &data->sliced[i];
        if (i == 0 || strcmp(sliced->task, sliced[-1].task) != 0) {
            sage_page_text(page, "<h3 class=\"later\">");
            sage_page_name(page, sage_report_task(sliced->task));
            sage_page_text(page, "</h3>\n");
        }
        sage_page_table(page, strcmp(sliced->by, "newness") == 0
                                  ? "By when the product was first seen, before the end of training: per cent found"
                                  : "By how many led to the product in training: per cent found [95 % interval]");
        head(page, sliced, data->eval->k[0]);
        for (size_t s = 0; s < sliced->n; s++) row(page, &sliced->slices[s], sliced->n_methods);
        sage_page_end_table(page);
    }
    sage_page_end_section(page);
}
