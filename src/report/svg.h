/* Charts as inline SVG, some 360 units wide, so that they can be read on a telephone and stand side by side elsewhere.
 * Colours come from classes, which the page's style has for light and for dark. */
#ifndef SAGE_REPORT_SVG_H
#define SAGE_REPORT_SVG_H

#include <report/page.h>

/* Ticks at 1, 2 or 5 times a power of ten, from at or below `low` to at or above `high`: as many as `most` (2 .. 20)
 * allows. Gives how many; low < high. */
enum { SAGE_TICKS_MAX = 24 };
size_t sage_ticks(double low, double high, size_t most, double ticks[SAGE_TICKS_MAX]);

/* A rectangle of a drawing and the values at its edges; y grows upwards. */
typedef struct sage_plot {
    double left, top, width, height;
    double x_low, x_high, y_low, y_high;
} sage_plot;
double sage_plot_x(const sage_plot *plot, double value);
double sage_plot_y(const sage_plot *plot, double value);

/* Opens a drawing; `id` is unique on the page, title and desc are escaped. */
void sage_svg_begin(sage_page *page, const char *id, double width, double height, const char *title, const char *desc);
void sage_svg_end(sage_page *page);

typedef enum sage_unit { SAGE_PER_CENT, SAGE_PLAIN } sage_unit; /* shares are shown as per cent */
/* Lines and labels of both axes; names may be NULL, and are escaped. */
void sage_svg_axes(sage_page *page, const sage_plot *plot, sage_unit x_unit, sage_unit y_unit, const char *x_name,
                   const char *y_name);
/* A tick as it is written, where `step` lies between two. */
void sage_svg_tick_label(char out[SAGE_WORDS], sage_unit unit, double value, double step);
/* A method's mark, of the form and colour that it has all over the page. */
void sage_svg_mark(sage_page *page, size_t method, double x, double y);

/* ---- values with intervals, one below the other ---- */
typedef struct sage_dot {
    const char *name; /* of the method */
    sage_interval at;
} sage_dot;
typedef struct sage_dots {
    const char *id, *title;
    const sage_dot *list; /* [n] */
    size_t n;
    bool differences; /* around a line at 0, in points with their sign */
} sage_dots;
void sage_svg_dots(sage_page *page, const sage_dots *dots);

/* ---- lines ---- */
typedef struct sage_line {
    const char *name;
    size_t method;       /* whose colour and mark it has */
    const double *x, *y; /* [n] ascending x; a y that is no number breaks the line */
    size_t n;
} sage_line;
typedef struct sage_lines {
    const char *id, *title, *desc, *x_name, *y_name;
    const sage_line *list; /* [n] */
    size_t n;
    sage_unit x_unit, y_unit;
    bool diagonal;    /* from corner to corner: what would be equal */
    bool from_zero;   /* the y axis begins at 0 */
    size_t mark_each; /* points between two marks; 0: none */
} sage_lines;
void sage_svg_lines(sage_page *page, const sage_lines *lines);
/* What the lines are, as a list beside the drawing. */
void sage_svg_legend(sage_page *page, const sage_line *list, size_t n);

#endif
