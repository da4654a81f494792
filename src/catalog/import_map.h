/* Which column means what: the catalogue's own names, aliases, and `--map field=column,...`. */
#ifndef SAGE_CATALOG_IMPORT_MAP_H
#define SAGE_CATALOG_IMPORT_MAP_H

#include <catalog/feed.h>

enum { SAGE_MAP_FIELDS_MAX = 32, SAGE_MAP_NAME_MAX = 128, SAGE_MAP_CACHE = 128, SAGE_MAP_OTHER = -1 };

/* A name that a column may have. Several names may mean one field; the first of them is the one that --map knows. */
typedef struct sage_map_name {
    const char *name;
    int field; /* 0 .. SAGE_MAP_FIELDS_MAX - 1 */
} sage_map_name;

typedef struct sage_field_map {
    const sage_map_name *names;
    size_t n_names;
    struct {
        char column[SAGE_MAP_NAME_MAX];
        int field;
        bool seen;
    } given[SAGE_MAP_FIELDS_MAX];
    size_t n_given;
    bool taken[SAGE_MAP_FIELDS_MAX]; /* given by --map, so that the field's own name means nothing */
    /* Columns keep their places from row to row, so each place remembers what it found. */
    struct {
        char name[SAGE_MAP_NAME_MAX];
        size_t len;
        int meaning;
    } cache[SAGE_MAP_CACHE];
} sage_field_map;

/* `text` may be NULL. SAGE_E_ARGUMENT: not field=column, a field that does not exist, a field or column given twice. */
sage_status sage_map_init(sage_field_map *map, const sage_map_name *names, size_t n_names, const char *text,
                          sage_error *error);
/* SAGE_E_ARGUMENT where the file has a header and a column of --map is not in it. */
sage_status sage_map_check_header(const sage_field_map *map, const sage_feed *feed, const char *source,
                                  sage_error *error);
/* SAGE_E_FORMAT where the file has a header and no column of it is the field: the file is not what it is taken for. */
sage_status sage_map_require(sage_field_map *map, const sage_feed *feed, const char *source, const char *field,
                             sage_error *error);
/* The place of the name in `names` (so that aliases can be told apart) by which column number `index` of a row goes;
 * SAGE_MAP_OTHER where the catalogue gives it no meaning. */
int sage_map_meaning(sage_field_map *map, size_t index, sage_str column);
/* The first column of --map that no row has had; NULL where there is none. For formats without a header. */
const char *sage_map_unseen(const sage_field_map *map);

#endif
