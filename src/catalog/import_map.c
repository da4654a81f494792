#include <base/error.h>
#include <catalog/feed_core.h>
#include <catalog/import_map.h>
#include <stdio.h>
#include <string.h>

/* As the feed readers name columns. */
static bool tidy_name(const char *from, size_t len, char out[SAGE_MAP_NAME_MAX]) {
    if (len >= SAGE_MAP_NAME_MAX) return false;
    len = sage_feed_name(from, len, out);
    out[len] = '\0';
    return len > 0;
}

static int field_of(const sage_map_name *names, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i].name, name) == 0) return names[i].field;
    }
    return -1;
}

static sage_status unknown_field(const sage_field_map *map, const char *name, sage_error *error) {
    char known[400] = "";
    size_t used = 0;
    for (size_t i = 0; i < map->n_names && used < sizeof known; i++) {
        if (i > 0 && map->names[i].field == map->names[i - 1].field) continue;
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "", map->names[i].name);
    }
    return sage_fail_at(error, SAGE_E_ARGUMENT, "--map", 0, 0, "there is no field \"%s\"; the fields are %s", name,
                        known);
}

static sage_status add_pair(sage_field_map *map, const char *pair, size_t len, sage_error *error) {
    char field[SAGE_MAP_NAME_MAX], column[SAGE_MAP_NAME_MAX];
    const char *equals = memchr(pair, '=', len);
    size_t left = equals == NULL ? 0 : (size_t)(equals - pair);
    if (equals == NULL || !tidy_name(pair, left, field) || !tidy_name(equals + 1, len - left - 1, column)) {
        return sage_fail_at(error, SAGE_E_ARGUMENT, "--map", 0, 0, "\"%.*s\" is not field=column",
                            (int)(len < 200 ? len : 200), pair);
    }
    int number = field_of(map->names, map->n_names, field);
    if (number < 0) return unknown_field(map, field, error);
    for (size_t i = 0; i < map->n_given; i++) {
        if (strcmp(map->given[i].column, column) == 0) {
            return sage_fail_at(error, SAGE_E_ARGUMENT, "--map", 0, 0, "the column \"%s\" is given twice", column);
        }
    }
    if (map->taken[number] || map->n_given == SAGE_MAP_FIELDS_MAX) {
        return sage_fail_at(error, SAGE_E_ARGUMENT, "--map", 0, 0, "the field \"%s\" is given twice", field);
    }
    memcpy(map->given[map->n_given].column, column, sizeof column);
    map->given[map->n_given++].field = number;
    map->taken[number] = true;
    return SAGE_OK;
}

sage_status sage_map_init(sage_field_map *map, const sage_map_name *names, size_t n_names, const char *text,
                          sage_error *error) {
    sage_status st = SAGE_OK;
    memset(map, 0, sizeof *map);
    map->names = names;
    map->n_names = n_names;
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, ",");
        SAGE_TRY(add_pair(map, text, len, error));
        text += len;
        if (*text == ',') text++;
    }
out:
    return st;
}

static int look_up(sage_field_map *map, sage_str column) {
    int field = -1;
    for (size_t g = 0; g < map->n_given; g++) {
        if (strlen(map->given[g].column) != column.len || memcmp(map->given[g].column, column.data, column.len) != 0)
            continue;
        map->given[g].seen = true;
        field = map->given[g].field;
    }
    for (size_t i = 0; i < map->n_names; i++) {
        const sage_map_name *name = &map->names[i];
        if (field >= 0) {
            if (name->field == field) return (int)i;
        } else if (!map->taken[name->field] && strlen(name->name) == column.len &&
                   memcmp(name->name, column.data, column.len) == 0) {
            return (int)i;
        }
    }
    return SAGE_MAP_OTHER;
}

sage_status sage_map_check_header(const sage_field_map *map, const sage_feed *feed, const char *source,
                                  sage_error *error) {
    size_t n = 0;
    const sage_str *columns = sage_feed_columns(feed, &n);
    for (size_t g = 0; g < map->n_given && n > 0; g++) {
        bool found = false;
        for (size_t i = 0; i < n && !found; i++) {
            found = columns[i].len == strlen(map->given[g].column) &&
                    memcmp(columns[i].data, map->given[g].column, columns[i].len) == 0;
        }
        if (!found) {
            return sage_fail_at(error, SAGE_E_ARGUMENT, source, 1, 0,
                                "the header has no column \"%s\", which --map names; its first is \"%.*s\"",
                                map->given[g].column, (int)(columns[0].len < 100 ? columns[0].len : 100),
                                columns[0].data);
        }
    }
    return SAGE_OK;
}

sage_status sage_map_require(sage_field_map *map, const sage_feed *feed, const char *source, const char *field,
                             sage_error *error) {
    size_t n = 0;
    const sage_str *columns = sage_feed_columns(feed, &n);
    int wanted = field_of(map->names, map->n_names, field);
    for (size_t i = 0; i < n; i++) {
        int meaning = look_up(map, columns[i]);
        if (meaning >= 0 && map->names[meaning].field == wanted) return SAGE_OK;
    }
    if (n == 0) return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, source, 1, 0,
                        "the header has no column \"%s\"; say which one it is with --map %s=COLUMN", field, field);
}

int sage_map_meaning(sage_field_map *map, size_t index, sage_str column) {
    if (index >= SAGE_MAP_CACHE || column.len == 0 || column.len >= SAGE_MAP_NAME_MAX) return look_up(map, column);
    if (map->cache[index].len != column.len || memcmp(map->cache[index].name, column.data, column.len) != 0) {
        map->cache[index].meaning = look_up(map, column);
        map->cache[index].len = column.len;
        memcpy(map->cache[index].name, column.data, column.len);
    }
    return map->cache[index].meaning;
}

const char *sage_map_unseen(const sage_field_map *map) {
    for (size_t g = 0; g < map->n_given; g++) {
        if (!map->given[g].seen) return map->given[g].column;
    }
    return NULL;
}
