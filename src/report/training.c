/* The course of the training. */
#include <report/sections.h>
#include <report/svg.h>

static void course(sage_page *page, const char *id, const char *title, const double *x, const double *y, size_t n,
                   sage_unit unit) {
    if (n < 2) return;
    const sage_line line = {title, 0, x, y, n};
    sage_page_text(page, "<figure class=\"card\"><h3>");
    sage_page_name(page, title);
    sage_page_text(page, "</h3>\n");
    sage_svg_lines(page, &(sage_lines){.id = id,
                                       .title = title,
                                       .desc = "Over the steps of the training.",
                                       .x_name = "step",
                                       .y_name = title,
                                       .list = &line,
                                       .n = 1,
                                       .x_unit = SAGE_PLAIN,
                                       .y_unit = unit,
                                       .mark_each = unit == SAGE_PER_CENT});
    sage_page_text(page, "</figure>\n");
}

void sage_report_training(sage_page *page, const sage_report_data *data) {
    const sage_report_course *c = &data->course;
    if (c->n == 0) return;
    sage_page_section(page, "training", "Training", "The published model's course: models/*/metrics.jsonl.");
    sage_page_text(page, "<div class=\"cards\">\n");
    course(page, "loss", "loss, mean of neighbouring steps", c->step, c->loss, c->n, SAGE_PLAIN);
    course(page, "validation", "validation recall@10", c->at, c->recall, c->n_validations, SAGE_PER_CENT);
    sage_page_text(page, "</div>\n");
    sage_page_end_section(page);
}
