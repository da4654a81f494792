/* What is asked of an index that is a view of a live one (live.h): for reader.c, search.c and near.c. */
#ifndef SAGE_INDEX_LIVE_VIEW_H
#define SAGE_INDEX_LIVE_VIEW_H

#include <index/index.h>

size_t sage_view_count(const sage_index *view);
int64_t sage_view_pid(const sage_index *view, size_t row);
bool sage_view_find(const sage_index *view, int64_t pid, size_t *row);
bool sage_view_find_id(const sage_index *view, const char *id, size_t *row);
const char *sage_view_shown(const sage_index *view, size_t row, size_t what);
const sage_columns *sage_view_columns(const sage_index *view);
sage_status sage_view_near(const sage_index *view, const float *queries, size_t n_queries, size_t k,
                           const sage_way *way, sage_neighbour *out, size_t *found, sage_error *error);

#endif
