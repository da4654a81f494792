/* Version 2 of catalog.db: vectors that the program computes of pictures. Once released: never edit it, add a step. */
#include <catalog/schema.h>

/* encoders: identity names the encoder's weights and rules, name is what the user calls it. vector_files.encoder: NULL
 * where the vectors were imported. picture_vectors is the cache: a vector once computed of a file's content stays,
 * whatever becomes of file and product. picture_files says what content lay at a path when it was last read, so that a
 * file of the same size and time need not be read again; fault is why it gave no picture. mtime in nanoseconds, -1
 * where it was too young to vouch for the content. imports is made anew for its new kind. */
const char sage_schema_v2[] =
    "CREATE TABLE encoders(encoder INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
    " dim INTEGER NOT NULL) STRICT;"
    "ALTER TABLE vector_files ADD COLUMN encoder INTEGER;"
    "CREATE TABLE picture_vectors("
    " encoder INTEGER NOT NULL,"
    " content BLOB NOT NULL CHECK(length(content) = 16)," /* XXH3-128 */
    " vector_file INTEGER NOT NULL, vector_row INTEGER NOT NULL,"
    " vector_hash BLOB NOT NULL CHECK(length(vector_hash) = 16),"
    " PRIMARY KEY(encoder, content)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE picture_files("
    " path TEXT NOT NULL PRIMARY KEY," /* below the folder of pictures */
    " size INTEGER NOT NULL, mtime INTEGER NOT NULL,"
    " content BLOB, fault TEXT, detail TEXT) STRICT, WITHOUT ROWID;"
    "ALTER TABLE imports RENAME TO imports_1;"
    "CREATE TABLE imports("
    " import INTEGER PRIMARY KEY,"
    " kind TEXT NOT NULL CHECK(kind IN ('products', 'events', 'vectors', 'pictures')),"
    " source TEXT NOT NULL,"
    " hash BLOB,"
    " time INTEGER NOT NULL,"
    " bytes INTEGER, rows INTEGER, added INTEGER, changed INTEGER, unchanged INTEGER, deleted INTEGER,"
    " unknown_products INTEGER, rejected INTEGER) STRICT;"
    "INSERT INTO imports SELECT * FROM imports_1;"
    "DROP TABLE imports_1;";
