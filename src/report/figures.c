/* Every figure of every row, as the command prints them. */
#include <report/sections.h>

static void head(sage_page *page, const sage_eval_report *eval) {
    static const char *const names[] = {"pair recall", "query recall", "MRR", "nDCG"};
    sage_page_text(page, "<thead><tr><th scope=\"col\">Method</th><th scope=\"col\" class=\"words\">Task</th><th "
                         "scope=\"col\">Pairs</th><th scope=\"col\">Queries</th>");
    for (size_t f = 0; f < 4; f++)
        for (size_t k = 0; k < eval->n_k; k++)
            sage_page_printf(page, "<th scope=\"col\">%s @%zu</th>", names[f], eval->k[k]);
    sage_page_text(page, "</tr></thead><tbody>\n");
}

static void row_of(sage_page *page, const sage_eval_report *eval, const sage_eval_row *row) {
    const sage_interval *const figures[] = {row->pair_recall, row->query_recall, row->mrr, row->ndcg};
    char words[SAGE_WORDS], queries[SAGE_WORDS];
    sage_page_text(page, "<tr><th scope=\"row\">");
    sage_page_name(page, row->method);
    sage_page_text(page, "</th><td class=\"words\">");
    sage_page_name(page, row->task);
    sage_page_printf(page, "</td><td>%s</td><td>%s</td>", sage_words_count(words, row->pairs),
                     sage_words_count(queries, row->queries));
    for (size_t f = 0; f < 4; f++)
        for (size_t k = 0; k < eval->n_k; k++) sage_page_printf(page, "<td>%.3f</td>", figures[f][k].value);
    sage_page_text(page, "</tr>\n");
}

void sage_report_figures(sage_page *page, const sage_report_data *data) {
    sage_page_section(page, "figures", "All figures",
                      "As <code>itemsage eval</code> prints them and <code>--json</code> writes them, with their "
                      "intervals. <code>docs/model.md</code> defines each.");
    sage_page_fold(page, "Show the table");
    sage_page_table(page, "Figures of every method and task");
    head(page, data->eval);
    for (size_t i = 0; i < data->eval->n_rows; i++) row_of(page, data->eval, &data->eval->rows[i]);
    sage_page_end_table(page);
    sage_page_end_fold(page);
    sage_page_end_section(page);
}
