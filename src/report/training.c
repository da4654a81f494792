/* How the model was trained. */
#include <report/sections.h>
#include <report/svg.h>
#include <stdio.h>
#include <string.h>

typedef struct chart {
    const char *id, *heading, *desc;
    sage_unit unit;
    sage_line lines[SAGE_TRAINING_LINES];
    size_t n;
} chart;

static void add(chart *c, const sage_training_line *line) {
    c->lines[c->n] = (sage_line){line->name, c->n % 12, line->step, line->value, line->n};
    c->n++;
}

static void draw(sage_page *page, const chart *c) {
    if (c->n == 0) return;
    size_t points = c->lines[0].n;
    sage_page_text(page, "<figure class=\"card\"><h3>");
    sage_page_name(page, c->heading);
    sage_page_text(page, "</h3>\n");
    sage_svg_lines(page, &(sage_lines){.id = c->id,
                                       .title = c->heading,
                                       .desc = c->desc,
                                       .x_name = "step",
                                       .list = c->lines,
                                       .n = c->n,
                                       .x_unit = SAGE_PLAIN,
                                       .y_unit = c->unit,
                                       .from_zero = true,
                                       .mark_each = points > 20 ? points / 6 : 1});
    sage_svg_legend(page, c->lines, c->n);
    sage_page_text(page, "</figure>\n");
}

/* How long the surface's name is: "search" of "search/click"; all of a name without a kind. */
static size_t surface_length(const char *name) {
    return strcspn(name, "/");
}

/* The mean of all, then a chart a surface. */
static void draw_validations(sage_page *page, const sage_training *training) {
    char id[40], heading[80];
    for (size_t i = 0; i < training->n_validations; i++) {
        const char *name = training->validations[i].name;
        size_t length = surface_length(name);
        bool seen = false;
        chart c = {.id = id,
                   .heading = heading,
                   .desc = "Recall at 10 of validation queries, over steps.",
                   .unit = SAGE_PER_CENT};
        for (size_t j = 0; j < training->n_validations; j++) {
            const char *other = training->validations[j].name;
            if (surface_length(other) != length || memcmp(other, name, length) != 0) continue;
            seen = seen || j < i;
            add(&c, &training->validations[j]);
        }
        snprintf(id, sizeof id, "validation-%zu", i);
        snprintf(heading, sizeof heading, "Recall at 10 on validation queries: %.*s", (int)length, name);
        if (!seen) draw(page, &c);
    }
}

void sage_report_training(sage_page *page, const sage_report_data *data) {
    const sage_training *training = data->training;
    if (training == NULL || training->n_losses == 0) return;
    chart losses = {.id = "losses",
                    .heading = "Parts of the loss",
                    .desc = "A line a part of the loss, over steps.",
                    .unit = SAGE_PLAIN};
    for (size_t i = 0; i < training->n_losses; i++) add(&losses, &training->losses[i]);
    sage_page_section(page, "training", "How the model was trained",
                      "Losses fall while it learns; recall on validation queries, which are not those of this page, "
                      "says whether that helps. Where it still rises at the end, more steps would have helped.");
    sage_page_text(page, "<div class=\"cards\">\n");
    draw(page, &losses);
    draw_validations(page, training);
    sage_page_text(page, "</div>\n");
    sage_page_end_section(page);
}
