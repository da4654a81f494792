/* What the files of the catalogue share about its store. Nobody outside this room includes it. */
#ifndef SAGE_CATALOG_STORE_H
#define SAGE_CATALOG_STORE_H

#include <base/buf.h>
#include <catalog/catalog.h>

/* Of the meta table: the encoder that the shop's picture vectors are of; "none" where they were made elsewhere. */
#define SAGE_META_PICTURE_ENCODER "picture_encoder"
/* The latest time of all events, a decimal number; absent where none has one. */
#define SAGE_META_NEWEST_EVENT "newest_event"

struct sage_catalog {
    sqlite3 *db;
    bool write;
    sqlite3_stmt *get_meta, *find_product; /* made on first use */
    sage_buf meta_value;
};

/* One transaction: begin, then end with the status so far. end commits where it is SAGE_OK, else rolls back, and
 * returns the status (of the commit, where that is what failed). Beginning on a catalogue opened for reading is
 * SAGE_E_STATE. */
sage_status sage_store_begin(sage_catalog *catalog, sage_error *error);
sage_status sage_store_end(sage_catalog *catalog, sage_status status, sage_error *error);

sage_status sage_store_set_meta(sage_catalog *catalog, const char *key, const char *value, sage_error *error);
/* The revision that the running transaction's changes carry; it becomes the catalogue's by set_revision. */
sage_status sage_store_next_revision(sage_catalog *catalog, int64_t *revision, sage_error *error);
sage_status sage_store_set_revision(sage_catalog *catalog, int64_t revision, sage_error *error);

/* Binding and reading of what SQLite has no one call for. Absent texts (len 0) are NULL. The bytes must live until the
 * statement is run. */
void sage_bind_str(sqlite3_stmt *stmt, int index, sage_str text);
void sage_bind_blob16(sqlite3_stmt *stmt, int index, const unsigned char blob[16]);
sage_str sage_column_str(sqlite3_stmt *stmt, int column);
/* Zeros where the column is not a blob of 16 bytes. */
void sage_column_blob16(sqlite3_stmt *stmt, int column, unsigned char blob[16]);

/* pid of the product with this id; 0 where there is none. */
sage_status sage_store_find(sage_catalog *catalog, sage_str id, int64_t *pid, sage_error *error);

#endif
