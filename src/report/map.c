/* The products on a plane, by t-SNE. */
#include <math.h>
#include <report/sections.h>
#include <report/svg.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 720, HEIGHT = 560, EDGE = 10, TITLE_CHARACTERS = 60 };

static sage_plot frame(const sage_product_map *map) {
    sage_plot plot = {.left = EDGE,
                      .top = EDGE,
                      .width = WIDTH - 2 * EDGE,
                      .height = HEIGHT - 2 * EDGE,
                      .x_low = INFINITY,
                      .x_high = -INFINITY,
                      .y_low = INFINITY,
                      .y_high = -INFINITY};
    for (size_t i = 0; i < map->n; i++) {
        plot.x_low = fmin(plot.x_low, (double)map->points[i].x);
        plot.x_high = fmax(plot.x_high, (double)map->points[i].x);
        plot.y_low = fmin(plot.y_low, (double)map->points[i].y);
        plot.y_high = fmax(plot.y_high, (double)map->points[i].y);
    }
    if (!(plot.x_high > plot.x_low)) plot.x_low -= 1, plot.x_high += 1;
    if (!(plot.y_high > plot.y_low)) plot.y_low -= 1, plot.y_high += 1;
    return plot;
}

static void draw(sage_page *page, const sage_product_map *map) {
    const sage_plot plot = frame(map);
    sage_svg_begin(page, "map", WIDTH, HEIGHT, "Map of the products",
                   "Products whose vectors are near each other lie together; each has its title.");
    for (size_t i = 0; i < map->n; i++) {
        const sage_map_point *point = &map->points[i];
        sage_page_printf(page, "<circle class=\"dot g%u\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.4\"><title>", point->group,
                         sage_plot_x(&plot, (double)point->x), sage_plot_y(&plot, (double)point->y));
        sage_page_words(page, (sage_str){point->title, strlen(point->title)}, TITLE_CHARACTERS);
        sage_page_text(page, "</title></circle>\n");
    }
    sage_svg_end(page);
}

static void entry(sage_page *page, const sage_product_map *map, size_t group) {
    sage_page_printf(page,
                     "<li><svg viewBox=\"-8 -8 16 16\" class=\"key\" aria-hidden=\"true\"><circle class=\"dot g%zu\" "
                     "r=\"6\"/></svg><bdi>",
                     group);
    sage_page_name(page, map->groups[group]);
    sage_page_text(page, "</bdi></li>");
}

void sage_report_map(sage_page *page, const sage_report_data *data) {
    const sage_product_map *map = data->map;
    char n[SAGE_WORDS], of[SAGE_WORDS];
    if (map == NULL || map->n < 2) return;
    sage_page_section(page, "map", "A map of the products",
                      "What lies together has vectors that are alike, and is recommended together. Empty space and "
                      "the size of a group mean nothing: the layout keeps neighbours, not distances.");
    sage_page_text(page, "<figure class=\"card map\">\n");
    draw(page, map);
    sage_page_text(page, "<ul class=\"legend\">");
    for (size_t g = 0; g < map->n_groups; g++) entry(page, map, g);
    if (map->others) entry(page, map, SAGE_MAP_GROUPS - 1);
    sage_page_printf(page, "</ul>\n<figcaption>%s of %s products, evenly taken, laid out by t-SNE.",
                     sage_words_count(n, map->n), sage_words_count(of, map->of));
    if (map->by[0] != '\0') sage_page_printf(page, " Colours: %s.", map->by);
    sage_page_text(page, "</figcaption></figure>\n");
    sage_page_end_section(page);
}
