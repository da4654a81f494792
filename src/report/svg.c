#include <math.h>
#include <report/svg.h>
#include <stdio.h>

size_t sage_ticks(double low, double high, size_t most, double ticks[SAGE_TICKS_MAX]) {
    static const double steps[] = {1, 2, 5, 10};
    double rough = (high - low) / (double)(most - 1), power = pow(10, floor(log10(rough)));
    for (size_t i = 0;; i++) {
        double step = i < 4 ? steps[i] * power : steps[3] * power * (double)(i - 2);
        double first = floor(low / step + 1e-9), last = ceil(high / step - 1e-9);
        size_t n = (size_t)(last - first) + 1;
        if (n > most) continue;
        for (size_t t = 0; t < n; t++) ticks[t] = (first + (double)t) * step;
        return n;
    }
}

double sage_plot_x(const sage_plot *plot, double value) {
    return plot->left + (value - plot->x_low) / (plot->x_high - plot->x_low) * plot->width;
}

double sage_plot_y(const sage_plot *plot, double value) {
    return plot->top + plot->height - (value - plot->y_low) / (plot->y_high - plot->y_low) * plot->height;
}

void sage_svg_begin(sage_page *page, const char *id, double width, double height, const char *title, const char *desc) {
    sage_page_printf(page,
                     "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-labelledby=\"%s-t %s-d\">\n<title "
                     "id=\"%s-t\">",
                     width, height, id, id, id);
    sage_page_name(page, title);
    sage_page_printf(page, "</title>\n<desc id=\"%s-d\">", id);
    sage_page_name(page, desc);
    sage_page_text(page, "</desc>\n");
}

void sage_svg_end(sage_page *page) {
    sage_page_text(page, "</svg>\n");
}

void sage_svg_tick_label(char out[SAGE_WORDS], sage_unit unit, double value, double step) {
    double shown = unit == SAGE_PER_CENT ? 100 * value : value, least = unit == SAGE_PER_CENT ? 100 * step : step;
    int decimals = least >= 0.999 ? 0 : least >= 0.0999 ? 1 : least >= 0.00999 ? 2 : 3;
    if (fabs(shown) < 1e-9) shown = 0;
    if (unit == SAGE_PLAIN && fabs(shown) >= 10000)
        snprintf(out, SAGE_WORDS, "%gk", shown / 1000);
    else
        snprintf(out, SAGE_WORDS, "%.*f%s", decimals, shown, unit == SAGE_PER_CENT ? " %" : "");
}

static void x_axis(sage_page *page, const sage_plot *plot, sage_unit unit, const char *name) {
    double ticks[SAGE_TICKS_MAX], bottom = plot->top + plot->height;
    size_t n = sage_ticks(plot->x_low, plot->x_high, 7, ticks);
    char label[SAGE_WORDS];
    for (size_t i = 0; i < n; i++) {
        double x = sage_plot_x(plot, ticks[i]);
        if (x < plot->left - 0.5 || x > plot->left + plot->width + 0.5) continue;
        sage_svg_tick_label(label, unit, ticks[i], n > 1 ? ticks[1] - ticks[0] : 1);
        sage_page_printf(page,
                         "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/><text class=\"tick\" "
                         "x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
                         x, plot->top, x, bottom, x, bottom + 14, label);
    }
    if (name == NULL) return;
    sage_page_printf(page, "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
                     plot->left + plot->width / 2, bottom + 29);
    sage_page_name(page, name);
    sage_page_text(page, "</text>\n");
}

static void y_axis(sage_page *page, const sage_plot *plot, sage_unit unit, const char *name) {
    double ticks[SAGE_TICKS_MAX];
    size_t n = sage_ticks(plot->y_low, plot->y_high, 6, ticks);
    char label[SAGE_WORDS];
    for (size_t i = 0; i < n; i++) {
        double y = sage_plot_y(plot, ticks[i]);
        if (y < plot->top - 0.5 || y > plot->top + plot->height + 0.5) continue;
        sage_svg_tick_label(label, unit, ticks[i], n > 1 ? ticks[1] - ticks[0] : 1);
        sage_page_printf(page,
                         "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/><text class=\"tick\" "
                         "x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                         plot->left, y, plot->left + plot->width, y, plot->left - 5, y + 3.5, label);
    }
    if (name == NULL) return;
    sage_page_printf(page, "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\">", 2.0, plot->top - 8);
    sage_page_name(page, name);
    sage_page_text(page, "</text>\n");
}

void sage_svg_axes(sage_page *page, const sage_plot *plot, sage_unit x_unit, sage_unit y_unit, const char *x_name,
                   const char *y_name) {
    x_axis(page, plot, x_unit, x_name);
    y_axis(page, plot, y_unit, y_name);
}

/* Forms as well as colours: who cannot tell two colours apart can tell the methods. Each fills about the same area. */
void sage_svg_mark(sage_page *page, size_t method, double x, double y) {
    static const char *const forms[] = {
        NULL,                                                         /* a circle */
        "M-4 -4h8v8h-8z",                                             /* square */
        "M0 -5.2L5 4H-5z",                                            /* triangle */
        "M0 -5.4L5.4 0L0 5.4L-5.4 0z",                                /* diamond */
        "M-5 -2.2h2.8v-2.8h4.4v2.8h2.8v4.4h-2.8v2.8h-4.4v-2.8h-2.8z", /* plus */
        "M0 5.2L5 -4H-5z",                                            /* triangle down */
        "M0 -5.2L4.9 -1.6L3 4.2H-3L-4.9 -1.6z",                       /* pentagon */
        "M-5 0L-2.5 -4.4h5L5 0L2.5 4.4h-5z",                          /* hexagon */
        "M-4.6 -2.6L-2.6 -4.6L0 -2L2.6 -4.6L4.6 -2.6L2 0L4.6 2.6L2.6 4.6L0 2L-2.6 4.6L-4.6 2.6L-2 0z", /* cross */
        "M-5 -3h10v6h-10z",                                                                            /* bar */
        "M-3 -5h6v10h-6z",                                                                             /* post */
        "M0 -5.5L1.5 -1.5L5.5 0L1.5 1.5L0 5.5L-1.5 1.5L-5.5 0L-1.5 -1.5z",                             /* star */
    };
    enum { FORMS = sizeof forms / sizeof *forms };
    const char *form = forms[method % FORMS];
    if (form == NULL)
        sage_page_printf(page, "<circle class=\"mark m%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\"/>", method, x, y);
    else
        sage_page_printf(page, "<path class=\"mark m%zu\" transform=\"translate(%.1f %.1f)\" d=\"%s\"/>", method, x, y,
                         form);
}
