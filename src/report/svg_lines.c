#include <math.h>
#include <report/svg.h>

enum { WIDTH = 360, HEIGHT = 250, LEFT = 44, RIGHT = 12, TOP = 24, BOTTOM = 36 };

typedef struct extent {
    double low, high;
} extent;

static void widen(extent *e, double value) {
    if (!isfinite(value)) return;
    e->low = fmin(e->low, value);
    e->high = fmax(e->high, value);
}

/* Rounded out to ticks; never empty. */
static extent round_out(extent e, size_t most) {
    double ticks[SAGE_TICKS_MAX];
    if (!(e.low <= e.high)) e = (extent){0, 1};
    if (e.high - e.low < 1e-6) e = (extent){e.low, e.low + 1e-2};
    size_t n = sage_ticks(e.low, e.high, most, ticks);
    return (extent){ticks[0], ticks[n - 1]};
}

static void draw_line(sage_page *page, const sage_plot *plot, const sage_line *line, size_t mark_each) {
    bool open = false;
    sage_page_printf(page, "<g class=\"m%zu\"><title>", line->method);
    sage_page_name(page, line->name);
    sage_page_text(page, "</title><path class=\"line\" d=\"");
    for (size_t i = 0; i < line->n; i++) {
        bool there = isfinite(line->x[i]) && isfinite(line->y[i]);
        if (there)
            sage_page_printf(page, "%s%.1f %.1f", open ? "L" : "M", sage_plot_x(plot, line->x[i]),
                             sage_plot_y(plot, line->y[i]));
        open = there;
    }
    sage_page_text(page, "\"/>");
    for (size_t i = 0; mark_each > 0 && i < line->n; i += mark_each)
        if (isfinite(line->x[i]) && isfinite(line->y[i]))
            sage_svg_mark(page, line->method, sage_plot_x(plot, line->x[i]), sage_plot_y(plot, line->y[i]));
    sage_page_text(page, "</g>\n");
}

void sage_svg_lines(sage_page *page, const sage_lines *lines) {
    extent x = {INFINITY, -INFINITY}, y = {INFINITY, -INFINITY};
    for (size_t l = 0; l < lines->n; l++)
        for (size_t i = 0; i < lines->list[l].n; i++) {
            widen(&x, lines->list[l].x[i]);
            widen(&y, lines->list[l].y[i]);
        }
    if (lines->from_zero) widen(&y, 0);
    if (lines->diagonal) {
        widen(&y, x.low);
        widen(&y, x.high);
    }
    if (!(x.low < x.high)) x = (extent){0, 1};
    y = round_out(y, 6);
    const sage_plot plot = {.left = LEFT,
                            .top = TOP,
                            .width = WIDTH - LEFT - RIGHT,
                            .height = HEIGHT - TOP - BOTTOM,
                            .x_low = x.low,
                            .x_high = x.high,
                            .y_low = y.low,
                            .y_high = y.high};
    sage_svg_begin(page, lines->id, WIDTH, HEIGHT, lines->title, lines->desc);
    sage_svg_axes(page, &plot, lines->x_unit, lines->y_unit, lines->x_name, lines->y_name);
    if (lines->diagonal)
        sage_page_printf(page, "<line class=\"diagonal\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                         sage_plot_x(&plot, x.low), sage_plot_y(&plot, x.low), sage_plot_x(&plot, x.high),
                         sage_plot_y(&plot, x.high));
    for (size_t l = 0; l < lines->n; l++) draw_line(page, &plot, &lines->list[l], lines->mark_each);
    sage_svg_end(page);
}

void sage_svg_legend(sage_page *page, const sage_line *list, size_t n) {
    sage_page_text(page, "<ul class=\"legend\">");
    for (size_t l = 0; l < n; l++) {
        sage_page_text(page, "<li><svg viewBox=\"-8 -8 16 16\" class=\"key\" aria-hidden=\"true\">");
        sage_svg_mark(page, list[l].method, 0, 0);
        sage_page_text(page, "</svg>");
        sage_page_name(page, list[l].name);
        sage_page_text(page, "</li>");
    }
    sage_page_text(page, "</ul>\n");
}
