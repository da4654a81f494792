/* Version 1 of catalog.db, released: never edit it, add a step. */
#include <catalog/schema.h>

/* products: fingerprint is over what the model sees, row_hash over all that a feed gives; both come first so that an
 * import that finds a row unchanged reads one page of it. Domain and path of `link` are derived when read. attributes
 * is a JSON object of texts; their types stand in the table of that name. events: small integers that point at queries,
 * event_products and users; event_id is the hash of the feed's own, where it has one. event_products names every
 * product that an event ever named, so that an event of a product that is unknown (yet, or no longer) needs nothing but
 * the join to be resolved when the product comes. */
const char sage_schema_v1[] =
    "CREATE TABLE meta(key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT INTO meta VALUES('revision', '0');"
    "CREATE TABLE products("
    " pid INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE,"
    " revision INTEGER NOT NULL,"
    " fingerprint BLOB NOT NULL CHECK(length(fingerprint) = 16),"
    " row_hash BLOB NOT NULL CHECK(length(row_hash) = 16),"
    " price_minor INTEGER, sale_price_minor INTEGER, currency TEXT,"
    " availability TEXT, item_group_id TEXT, title TEXT, brand TEXT, google_product_category TEXT, product_type TEXT,"
    " color TEXT, material TEXT, pattern TEXT, size TEXT, size_type TEXT, link TEXT, attributes TEXT, description TEXT"
    ") STRICT;"
    "CREATE INDEX products_revision ON products(revision);"
    "CREATE TABLE vector_files(file INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, dim INTEGER NOT NULL) STRICT;"
    "CREATE TABLE images("
    " pid INTEGER NOT NULL REFERENCES products(pid) ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " link TEXT NOT NULL,"
    " vector_file INTEGER, vector_row INTEGER, vector_hash BLOB,"
    " PRIMARY KEY(pid, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE attributes(name TEXT NOT NULL PRIMARY KEY,"
    " type TEXT NOT NULL CHECK(type IN ('bool', 'int', 'real', 'text'))) STRICT, WITHOUT ROWID;"
    "CREATE TABLE queries("
    " query INTEGER PRIMARY KEY,"
    " surface INTEGER NOT NULL CHECK(surface BETWEEN 0 AND 3),"
    " key TEXT NOT NULL,"
    " text TEXT," /* NULL: the same as key */
    " UNIQUE(surface, key)) STRICT;"
    "CREATE TABLE event_products(product INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE users(user INTEGER PRIMARY KEY, user_id TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE events("
    " event INTEGER PRIMARY KEY,"
    " query INTEGER NOT NULL, product INTEGER NOT NULL,"
    " kind INTEGER NOT NULL CHECK(kind BETWEEN 0 AND 3),"
    " count INTEGER NOT NULL CHECK(count > 0),"
    " time INTEGER," /* Unix epoch, milliseconds */
    " user INTEGER, event_id BLOB) STRICT;"
    "CREATE UNIQUE INDEX events_event_id ON events(event_id) WHERE event_id IS NOT NULL;"
    "CREATE TABLE imports("
    " import INTEGER PRIMARY KEY,"
    " kind TEXT NOT NULL CHECK(kind IN ('products', 'events', 'vectors')),"
    " source TEXT NOT NULL,"
    " hash BLOB," /* XXH3-128 of the content */
    " time INTEGER NOT NULL,"
    " bytes INTEGER, rows INTEGER, added INTEGER, changed INTEGER, unchanged INTEGER, deleted INTEGER,"
    " unknown_products INTEGER, rejected INTEGER) STRICT;"
    "CREATE TABLE rejects("
    " reject INTEGER PRIMARY KEY,"
    " import INTEGER NOT NULL,"
    " line INTEGER NOT NULL, column INTEGER NOT NULL,"
    " reason TEXT NOT NULL, detail TEXT NOT NULL, raw BLOB NOT NULL) STRICT;"
    "CREATE INDEX rejects_import ON rejects(import, reason);";
