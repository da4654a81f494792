/* Recall over the length of the list. */
#include <report/sections.h>
#include <report/svg.h>
#include <stdio.h>
#include <string.h>

enum { LINES_MAX = 24 };

static void draw(sage_page *page, const sage_report_data *data, const char *task, size_t number) {
    sage_line lines[LINES_MAX];
    double k[SAGE_CURVE_POINTS];
    char id[32], title[160];
    size_t n = 0;
    for (size_t i = 0; i < SAGE_CURVE_POINTS; i++) k[i] = (double)(i + 1);
    for (size_t i = 0; i < data->n_curves && n < LINES_MAX; i++) {
        const sage_recall_curve *curve = &data->curves[i];
        if (strcmp(curve->task, task) == 0)
            lines[n++] =
                (sage_line){curve->method, sage_page_method(curve->method), k, curve->recall, SAGE_CURVE_POINTS};
    }
    snprintf(id, sizeof id, "curve-%zu", number);
    snprintf(title, sizeof title, "%.100s: pairs found among the first k", sage_report_task(task));
    sage_page_text(page, "<figure class=\"card\"><h3>");
    sage_page_name(page, sage_report_task(task));
    sage_page_text(page, "</h3>\n");
    sage_svg_lines(page, &(sage_lines){.id = id,
                                       .title = title,
                                       .desc = "A line a method; further up is better.",
                                       .x_name = "length of the list, k",
                                       .y_name = "pairs found",
                                       .list = lines,
                                       .n = n,
                                       .x_unit = SAGE_PLAIN,
                                       .y_unit = SAGE_PER_CENT,
                                       .from_zero = true,
                                       .mark_each = 24});
    sage_svg_legend(page, lines, n);
    sage_page_text(page, "</figure>\n");
}

void sage_report_curves(sage_page *page, const sage_report_data *data) {
    if (data->n_curves == 0) return;
    sage_page_section(page, "curves", "By length of the list",
                      "How much more is found where more is shown: a page of results, a carousel, the candidates of "
                      "a ranker behind.");
    sage_page_text(page, "<div class=\"cards\">\n");
    for (size_t i = 0; i < data->n_curves; i++) {
        bool first = true;
        for (size_t j = 0; j < i; j++) first = first && strcmp(data->curves[j].task, data->curves[i].task) != 0;
        if (first) draw(page, data, data->curves[i].task, i);
    }
    sage_page_text(page, "</div>\n");
    sage_page_end_section(page);
}
