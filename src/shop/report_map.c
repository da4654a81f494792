/* Products on a plane, in the colours of their categories. */
#include <base/alloc.h>
#include <base/error.h>
#include <base/report.h>
#include <eval/tsne.h>
#include <shop/report_parts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct named {
    sage_str name;
    size_t n;
} named;

/* "Apparel" of "Apparel > Shoes" and of "Apparel/Shoes"; numbers of Google's taxonomy stay as they are. */
static sage_str top_level(const char *category) {
    size_t n = strcspn(category, ">|/");
    while (n > 0 && category[n - 1] == ' ') n--;
    while (n > 0 && *category == ' ') category++, n--;
    return (sage_str){category, n};
}

static sage_str group_of(const sage_index *index, size_t row, size_t what) {
    const char *text = sage_index_shown(index, row, what);
    return what == SAGE_SHOW_CATEGORY ? top_level(text) : (sage_str){text, strlen(text)};
}

static int by_name(const void *a, const void *b) {
    return sage_str_order(((const named *)a)->name, ((const named *)b)->name);
}

static int by_size(const void *a, const void *b) {
    const named *x = a, *y = b;
    if (x->n != y->n) return x->n > y->n ? -1 : 1;
    return sage_str_order(x->name, y->name);
}

/* The different names of so many rows, the most frequent first; gives how many. list [n] */
static size_t tally(const sage_index *index, const size_t *rows, size_t n, size_t what, named *list) {
    size_t different = 0;
    for (size_t i = 0; i < n; i++) list[i] = (named){group_of(index, rows[i], what), 1};
    qsort(list, n, sizeof *list, by_name);
    for (size_t i = 0; i < n; i++) {
        if (list[i].name.len == 0) continue;
        if (different > 0 && by_name(&list[different - 1], &list[i]) == 0)
            list[different - 1].n++;
        else
            list[different++] = list[i];
    }
    qsort(list, different, sizeof *list, by_size);
    return different;
}

/* Colours by category, by brand where products have none, else all the same. */
static void colour(const sage_index *index, const size_t *rows, named *list, sage_product_map *map) {
    size_t what = SAGE_SHOW_CATEGORY, n = tally(index, rows, map->n, what, list);
    if (n == 0) n = tally(index, rows, map->n, what = SAGE_SHOW_BRAND, list);
    if (n == 0) return;
    size_t own = n < SAGE_MAP_GROUPS ? n : SAGE_MAP_GROUPS - 1;
    snprintf(map->by, sizeof map->by, "%s", what == SAGE_SHOW_CATEGORY ? "category" : "brand");
    for (size_t g = 0; g < own; g++)
        snprintf(map->groups[g], sizeof map->groups[g], "%.*s", (int)(list[g].name.len < 47 ? list[g].name.len : 47),
                 list[g].name.data);
    for (size_t i = 0; i < map->n; i++) {
        const named wanted = {group_of(index, rows[i], what), 0};
        size_t g = 0;
        while (g < own && by_name(&list[g], &wanted) != 0) g++;
        map->points[i].group = (uint8_t)(g < own ? g : SAGE_MAP_GROUPS - 1);
        map->others = map->others || g == own;
    }
    if (map->others) snprintf(map->groups[SAGE_MAP_GROUPS - 1], sizeof *map->groups, "all others");
    map->n_groups = own;
}

sage_status sage_report_map_make(const sage_index *index, sage_pool *pool, const sage_monitor *monitor,
                                 sage_arena *arena, sage_product_map *map, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t total = sage_index_count(index), dim = sage_index_dim(index),
           n = total < SAGE_TSNE_MAX ? total : SAGE_TSNE_MAX;
    float *vectors = sage_alloc_zero(n, dim * sizeof *vectors), *places = sage_alloc_zero(n, 2 * sizeof *places);
    size_t *rows = sage_alloc_zero(n, sizeof *rows);
    named *list = sage_alloc_zero(n, sizeof *list);
    *map = (sage_product_map){.of = total, .n = n, .points = sage_arena_get(arena, (n + 1) * sizeof *map->points)};
    if (vectors == NULL || places == NULL || rows == NULL || list == NULL || map->points == NULL)
        SAGE_TRY(sage_fail_memory(error, n * dim * sizeof *vectors));
    for (size_t i = 0; i < n; i++) {
        rows[i] = (size_t)((uint64_t)i * total / n);
        memcpy(vectors + i * dim, sage_index_vectors(index) + rows[i] * dim, dim * sizeof *vectors);
    }
    SAGE_TRY(sage_check_cancel(monitor, "eval", error));
    SAGE_TRY(sage_tsne(vectors, n, dim, pool, monitor, places, error));
    for (size_t i = 0; i < n; i++)
        map->points[i] = (sage_map_point){.x = places[2 * i],
                                          .y = places[2 * i + 1],
                                          .group = SAGE_MAP_GROUPS - 1,
                                          .title = sage_index_shown(index, rows[i], SAGE_SHOW_TITLE),
                                          .id = sage_index_shown(index, rows[i], SAGE_SHOW_ID)};
    colour(index, rows, list, map);
out:
    sage_free(list);
    sage_free(rows);
    sage_free(places);
    sage_free(vectors);
    return st;
}
