#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_attributes.h>
#include <stdlib.h>
#include <string.h>

static const char all_sql[] = "SELECT name, type FROM attributes ORDER BY name";
/* Reads every product's attributes, so only where a shop has very many. */
static const char common_sql[] =
    "SELECT a.name, a.type FROM attributes a JOIN (SELECT j.key AS name, count(*) AS products FROM products p,"
    " json_each(p.attributes) j WHERE p.attributes <> '' GROUP BY j.key) c ON c.name = a.name"
    " ORDER BY c.products DESC, a.name LIMIT ?1";

static sage_attribute_type type_named(sage_str name) {
    for (unsigned type = 0; type < SAGE_ATTRIBUTE_TYPES; type++)
        if (sage_str_equal(name, (sage_str){sage_attribute_type_names[type], strlen(sage_attribute_type_names[type])}))
            return (sage_attribute_type)type;
    return SAGE_TEXT;
}

static sage_status count_all(sage_catalog *catalog, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool more;
    SAGE_TRY(sage_db_prepare(catalog->db, "SELECT count(*) FROM attributes", &stmt, error));
    SAGE_TRY(sage_db_step(stmt, &more, error));
    *n = (size_t)sqlite3_column_int64(stmt, 0);
out:
    sqlite3_finalize(stmt);
    return st;
}

static int by_name(const void *a, const void *b) {
    const sage_attribute_name *x = a, *y = b;
    return strcmp(x->name, y->name);
}

sage_status sage_attributes_list(sage_catalog *catalog, size_t most, sage_attribute_name **list, size_t *n,
                                 size_t *left_out, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    sage_attribute_name *made = NULL;
    size_t all = 0, capacity = 0;
    bool more;
    *list = NULL;
    *n = 0;
    SAGE_TRY(count_all(catalog, &all, error));
    SAGE_TRY(sage_db_prepare(catalog->db, all > most ? common_sql : all_sql, &stmt, error));
    if (all > most) sqlite3_bind_int64(stmt, 1, (int64_t)most);
    for (;;) {
        SAGE_TRY(sage_db_step(stmt, &more, error));
        if (!more) break;
        if (sage_grow((void **)&made, &capacity, *n + 1, sizeof *made) != 0)
            SAGE_TRY(sage_fail_memory(error, (*n + 1) * sizeof *made));
        const sage_str name = sage_column_str(stmt, 0);
        sage_attribute_name *one = &made[*n];
        if (name.len >= sizeof one->name) continue;
        memcpy(one->name, name.data, name.len);
        one->name[name.len] = '\0';
        one->type = type_named(sage_column_str(stmt, 1));
        ++*n;
    }
    if (*n > 1) qsort(made, *n, sizeof *made, by_name);
    *left_out = all > *n ? all - *n : 0;
    *list = made;
    made = NULL;
out:
    sqlite3_finalize(stmt);
    sage_free(made);
    return st;
}
