/* Which products are shown at all, and how evenly. */
#include <report/sections.h>
#include <report/svg.h>
#include <string.h>

static void table(sage_page *page, const sage_report_data *data) {
    char words[SAGE_WORDS];
    sage_page_table(page, "Products among the first 10 results of the judged searches");
    sage_page_text(
        page,
        "<thead><tr><th scope=\"col\">Method</th><th scope=\"col\">Shown</th><th "
        "scope=\"col\">% of all</th><th scope=\"col\">Gini</th><th scope=\"col\">top 1 %</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < data->n_reaches; i++) {
        const sage_reach *reach = &data->reaches[i];
        sage_page_text(page, "<tr><th scope=\"row\">");
        sage_page_name(page, reach->method);
        sage_page_printf(page, "</th><td>%s</td>", sage_words_count(words, reach->reached));
        double share = reach->products > 0 ? (double)reach->reached / (double)reach->products : 0;
        sage_page_printf(page, "<td>%s</td><td>%.3f</td>", sage_words_percent(words, share), reach->gini);
        sage_page_printf(page, "<td>%s</td></tr>\n", sage_words_percent(words, reach->top_share));
    }
    sage_page_end_table(page);
}

void sage_report_reach(sage_page *page, const sage_report_data *data) {
    sage_line lines[SAGE_REACHES_MAX];
    double share[SAGE_LORENZ_POINTS];
    if (data->n_reaches == 0) return;
    for (size_t i = 0; i < SAGE_LORENZ_POINTS; i++) share[i] = (double)i / (SAGE_LORENZ_POINTS - 1);
    for (size_t i = 0; i < data->n_reaches; i++)
        lines[i] = (sage_line){data->reaches[i].method, sage_page_method(data->reaches[i].method), share,
                               data->reaches[i].lorenz, SAGE_LORENZ_POINTS};
    sage_page_section(page, "reach", "What is shown",
                      "Recall says nothing of what nobody asked for. Here: how much of the catalogue the judged "
                      "searches bring up at all, and how much of the attention a few products take. A Gini of 0: all "
                      "equally; near 1: a few have everything. Top 1 %: the share of all places that the most shown "
                      "hundredth of the products takes. Gini also rises where there are few searches for many "
                      "products, so compare methods, not shops.");
    sage_page_text(page, "<div class=\"cards wide\">\n<figure class=\"card\"><h3>Lorenz curves</h3>\n");
    sage_svg_lines(page, &(sage_lines){.id = "lorenz",
                                       .title = "Lorenz curves of what is shown",
                                       .desc = "Share of all places by the products that are shown least; the "
                                               "diagonal is where all are shown equally often.",
                                       .x_name = "products, least shown first",
                                       .y_name = "share of places",
                                       .list = lines,
                                       .n = data->n_reaches,
                                       .x_unit = SAGE_PER_CENT,
                                       .y_unit = SAGE_PER_CENT,
                                       .diagonal = true,
                                       .mark_each = 10});
    sage_svg_legend(page, lines, data->n_reaches);
    sage_page_text(page, "</figure>\n<div class=\"card\">\n");
    table(page, data);
    sage_page_text(page, "</div></div>\n");
    sage_page_end_section(page);
}
