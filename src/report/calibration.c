/* Scores against how often their products were chosen. */
#include <report/sections.h>
#include <report/svg.h>
#include <stdio.h>

static void table(sage_page *page, const sage_calibration *c) {
    char n[SAGE_WORDS], hits[SAGE_WORDS];
    sage_page_table(page, "Results by score, finer towards the top");
    sage_page_text(page, "<thead><tr><th scope=\"col\">Score</th><th scope=\"col\">Results</th><th "
                         "scope=\"col\">chosen</th><th scope=\"col\">%</th></tr></thead><tbody>\n");
    for (size_t b = 0; b < c->n; b++) {
        const sage_calibration_bin *bin = &c->bins[b];
        sage_page_printf(page, "<tr><th scope=\"row\">%.3f to %.3f</th><td>%s</td><td>%s</td><td>%.2f</td></tr>\n",
                         bin->low, bin->high, sage_words_count(n, bin->n), sage_words_count(hits, bin->hits),
                         100 * (double)bin->hits / (double)bin->n);
    }
    sage_page_end_table(page);
}

static void draw(sage_page *page, const sage_calibration *c) {
    double score[SAGE_CALIBRATION_BINS], rate[SAGE_CALIBRATION_BINS];
    char id[40], title[80];
    if (c->n == 0) return;
    for (size_t b = 0; b < c->n; b++) {
        score[b] = c->bins[b].mean;
        rate[b] = (double)c->bins[b].hits / (double)c->bins[b].n;
    }
    const sage_line line = {c->method, sage_page_method(c->method), score, rate, c->n};
    snprintf(id, sizeof id, "calibration-%zu", line.method);
    snprintf(title, sizeof title, "%s: chosen, by score", c->method);
    sage_page_text(page, "<figure class=\"card\"><h3>");
    sage_page_name(page, c->method);
    sage_page_text(page, "</h3>\n");
    sage_svg_lines(page, &(sage_lines){.id = id,
                                       .title = title,
                                       .desc = "The higher the score, the more should have been chosen: a line that "
                                               "rises.",
                                       .x_name = "mean score of the bin",
                                       .y_name = "of its results, chosen",
                                       .list = &line,
                                       .n = 1,
                                       .x_unit = SAGE_PLAIN,
                                       .y_unit = SAGE_PER_CENT,
                                       .from_zero = true,
                                       .mark_each = 1});
    table(page, c);
    sage_page_text(page, "</figure>\n");
}

void sage_report_calibration(sage_page *page, const sage_report_data *data) {
    if (data->n_calibrations == 0) return;
    sage_page_section(page, "calibration", "What a score is worth",
                      "Of the first 100 results of each search, by score: the share that was chosen. A score that "
                      "orders well rises all the way, and where it is steep a threshold makes sense. What was not "
                      "chosen is not irrelevant: most of it was never seen, so the height says little, and the "
                      "shape much.");
    sage_page_text(page, "<div class=\"cards\">\n");
    for (size_t i = 0; i < data->n_calibrations; i++) draw(page, &data->calibrations[i]);
    sage_page_text(page, "</div>\n");
    sage_page_end_section(page);
}
