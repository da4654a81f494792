#include <base/alloc.h>
#include <base/error.h>
#include <index/where.h>
#include <shop/search_where.h>
#include <string.h>

sage_status sage_where_columns(const sage_index *index, const sage_columns **columns, sage_error *error) {
    *columns = sage_index_columns(index);
    if (*columns != NULL) return SAGE_OK;
    return sage_fail(error, SAGE_E_STATE,
                     "the published index was built without filter columns; run 'itemsage index' to build it anew");
}

static sage_status fill(const sage_index *index, const char *text, uint64_t **bits, sage_filter *filter,
                        sage_error *error) {
    sage_status st = SAGE_OK;
    sage_where *where = NULL;
    const sage_columns *columns;
    const size_t n = sage_index_count(index);
    *bits = NULL;
    SAGE_TRY(sage_where_columns(index, &columns, error));
    SAGE_TRY(sage_where_parse(columns, text, strlen(text), &where, error));
    *bits = sage_alloc_zero((n + 63) / 64 + 1, sizeof **bits);
    if (*bits == NULL) SAGE_TRY(sage_fail_memory(error, n / 8));
    *filter = (sage_filter){.bits = *bits, .n = n};
    filter->matches = sage_index_bits(index, where, *bits, n);
out:
    sage_where_free(where);
    return st;
}

/* Where it stands, or the place that was not used for longest. */
static size_t place_of(const sage_where_cache *cache, const char *text) {
    size_t oldest = 0;
    for (size_t i = 0; i < SAGE_WHERE_KEPT; i++) {
        if (cache->kept[i].text != NULL && strcmp(cache->kept[i].text, text) == 0) return i;
        if (cache->kept[i].used < cache->kept[oldest].used) oldest = i;
    }
    return oldest;
}

sage_status sage_where_cached(sage_where_cache *cache, const sage_index *index, const char *text,
                              const sage_filter **filter, sage_error *error) {
    sage_status st = SAGE_OK;
    uint64_t *bits;
    sage_filter made;
    char *copy = NULL;
    *filter = NULL;
    if (text == NULL) return SAGE_OK;
    cache->clock++;
    const size_t at = place_of(cache, text);
    const uint64_t changes =
        sage_index_changes(index); /* odd: one is under way, and what is made now is for now alone */
    const bool there = cache->kept[at].text != NULL && strcmp(cache->kept[at].text, text) == 0;
    cache->kept[at].used = cache->clock;
    *filter = &cache->kept[at].filter;
    if (there && cache->kept[at].changes == changes && changes % 2 == 0) return SAGE_OK;
    *filter = NULL;
    copy = sage_strdup(text);
    if (copy == NULL) return sage_fail_memory(error, strlen(text));
    SAGE_TRY(fill(index, text, &bits, &made, error));
    sage_free(cache->kept[at].text);
    sage_free(cache->kept[at].bits);
    cache->kept[at].text = copy;
    cache->kept[at].bits = bits;
    cache->kept[at].filter = made;
    cache->kept[at].changes = changes;
    *filter = &cache->kept[at].filter;
    copy = NULL;
out:
    sage_free(copy);
    return st;
}

void sage_where_cache_free(sage_where_cache *cache) {
    for (size_t i = 0; i < SAGE_WHERE_KEPT; i++) {
        sage_free(cache->kept[i].text);
        sage_free(cache->kept[i].bits);
    }
    *cache = (sage_where_cache){0};
}
