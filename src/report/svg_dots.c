/* Dots with whiskers: name, interval and value of each method in a line of its own. */
#include <math.h>
#include <report/svg.h>

enum { WIDTH = 360, LEFT = 78, RIGHT = 44, ROW = 22, TOP = 8, BOTTOM = 22 };

/* From 0 for shares; around 0, where that lies between, for differences. */
static void bounds(const sage_dots *dots, double *low, double *high) {
    *low = *high = 0;
    for (size_t i = 0; i < dots->n; i++) {
        *low = fmin(*low, dots->list[i].at.low);
        *high = fmax(*high, dots->list[i].at.high);
    }
    if (*high - *low < 0.01) *high = *low + 0.01;
    if (!dots->differences) *high = fmin(1, *high);
}

static void draw_row(sage_page *page, const sage_plot *plot, const sage_dot *dot, double y, bool difference) {
    size_t method = sage_page_method(dot->name);
    char value[SAGE_WORDS];
    double middle = y + 4;
    sage_page_printf(page, "<g class=\"m%zu\"><text class=\"name\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", method,
                     LEFT - 8, middle);
    sage_page_name(page, dot->name);
    sage_page_printf(page, "</text><line class=\"whisker\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
                     sage_plot_x(plot, dot->at.low), y, sage_plot_x(plot, dot->at.high), y);
    sage_svg_mark(page, method, sage_plot_x(plot, dot->at.value), y);
    sage_page_printf(page, "<text class=\"value\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text></g>\n", WIDTH - 2,
                     middle,
                     difference ? sage_words_points(value, dot->at.value) : sage_words_percent(value, dot->at.value));
}

void sage_svg_dots(sage_page *page, const sage_dots *dots) {
    double low, high, ticks[SAGE_TICKS_MAX];
    char label[SAGE_WORDS];
    double height = (double)dots->n * ROW, bottom = TOP + height;
    bounds(dots, &low, &high);
    size_t n = sage_ticks(low, high, 6, ticks);
    const sage_plot plot = {.left = LEFT,
                            .top = TOP,
                            .width = WIDTH - LEFT - RIGHT,
                            .height = height,
                            .x_low = ticks[0],
                            .x_high = ticks[n - 1],
                            .y_high = 1};
    sage_svg_begin(page, dots->id, WIDTH, bottom + BOTTOM, dots->title,
                   "Dots with 95 % intervals; the table beside has the same figures.");
    for (size_t i = 0; i < n; i++) {
        double x = sage_plot_x(&plot, ticks[i]);
        bool zero = dots->differences && fabs(ticks[i]) < 1e-12;
        sage_svg_tick_label(label, SAGE_PER_CENT, ticks[i], ticks[1] - ticks[0]);
        sage_page_printf(page,
                         "<line class=\"%s\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.1f\"/><text class=\"tick\" "
                         "x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
                         zero ? "zero" : "grid", x, TOP, x, bottom, x, bottom + 14, label);
    }
    for (size_t i = 0; i < dots->n; i++)
        draw_row(page, &plot, &dots->list[i], TOP + ROW * ((double)i + 0.5), dots->differences);
    sage_svg_end(page);
}
