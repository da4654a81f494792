/* Parts of a report that are read from the shop once everything is judged. */
#ifndef SAGE_SHOP_REPORT_PARTS_H
#define SAGE_SHOP_REPORT_PARTS_H

#include <base/arena.h>
#include <eval/text_trial.h>
#include <report/report.h>
#include <shop/shop.h>

/* Of a model that was trained without metrics nothing. *training is zeroed before. */
sage_status sage_report_training_read(const sage_shop *shop, uint64_t model, sage_training *training,
                                      sage_error *error);

/* At most SAGE_TSNE_MAX products of the index, evenly spread, on a plane. Titles are views into the index, the points
 * live in the arena. */
sage_status sage_report_map_make(const sage_index *index, sage_pool *pool, const sage_monitor *monitor,
                                 sage_arena *arena, sage_product_map *map, sage_error *error);

/* ---- single queries ---- */
enum { SAGE_QUERIES_SHOWN = 8, SAGE_CHANGES_SHOWN = 6 };

/* What is needed again of the judged search texts once their trial is gone. Of each query that is to be shown: */
typedef struct sage_chosen_query {
    sage_str text; /* the judgements' */
    uint64_t pairs, found, found_before;
    size_t n_wanted;
    int64_t wanted[SAGE_SHOWN_PRODUCTS];
    uint32_t place[SAGE_SHOWN_PRODUCTS], before[SAGE_SHOWN_PRODUCTS]; /* from 1; 0: not found */
} sage_chosen_query;
typedef struct sage_chosen_queries {
    size_t n;
    sage_chosen_query list[SAGE_QUERIES_SHOWN];
} sage_chosen_queries;
/* By hybrid at k: those that miss most pairs; and, where list `previous` (SIZE_MAX: none) is that of the release
 * before, those that find most more and most fewer than it. */
sage_status sage_report_choose(const sage_text_trial *trial, size_t k, size_t previous, sage_chosen_queries *worst,
                               sage_chosen_queries *gained, sage_chosen_queries *lost, sage_error *error);

/* With products and their pictures, those that the shop has as files; strings are views into the index, all else lives
 * in the arena. Asks the engine. */
typedef struct sage_thumbnails sage_thumbnails;
sage_status sage_thumbnails_open(sage_shop *shop, sage_arena *arena, sage_thumbnails **thumbnails, sage_error *error);
/* *jpeg.len is 0 where there is none. */
sage_status sage_thumbnail_of(sage_thumbnails *thumbnails, const char *link, sage_str *jpeg, sage_error *error);
void sage_thumbnails_close(sage_thumbnails *thumbnails);
sage_status sage_report_show(sage_engine *engine, sage_thumbnails *thumbnails, const sage_chosen_queries *chosen,
                             sage_arena *arena, sage_shown_queries *out, sage_error *error);

#endif
