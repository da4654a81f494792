/* The shape of catalog.db and its versions. Only the catalogue's own files use this header.
 *
 * application_id says "this is an itemsage catalogue", user_version which shape it has. Version n is reached from an
 * empty file by the first n steps of the table of migrations; a step that has been released never changes. */
#ifndef SAGE_CATALOG_SCHEMA_H
#define SAGE_CATALOG_SCHEMA_H

#include <io/db.h>

enum { SAGE_CATALOG_APPLICATION_ID = 0x53414745 /* "SAGE" */, SAGE_CATALOG_VERSION = 4 };

/* steps[v] brings version v to version v + 1. */
typedef struct sage_migrations {
    const char *const *steps;
    int n;
} sage_migrations;

extern const char sage_schema_v1[], sage_schema_v2[], sage_schema_v3[], sage_schema_v4[];
extern const sage_migrations sage_catalog_migrations;

/* Reads user_version. SAGE_E_FORMAT where the file is no itemsage catalogue. */
sage_status sage_schema_version(sqlite3 *db, const char *path, int *version, sage_error *error);
/* True where the file holds nothing yet: a fresh one, or what a stopped creation left. */
sage_status sage_schema_empty(sqlite3 *db, bool *empty, sage_error *error);
/* SAGE_E_STATE where `version` is newer than `migrations` knows (for writing and reading), or older and `write` is
 * false. */
sage_status sage_schema_check(const sage_migrations *migrations, int version, bool write, const char *path,
                              sage_error *error);
/* Applies what is missing in one transaction. From a version above 0 it first keeps a copy as <path>.v<version>.bak. */
sage_status sage_schema_migrate(sqlite3 *db, const sage_migrations *migrations, int version, const char *path,
                                sage_error *error);

#endif
