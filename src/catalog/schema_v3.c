/* Version 3 of catalog.db: what a user did, found at once. Once released: never edit it, add a step. */
#include <catalog/schema.h>

/* From here on every event of the surface user names its user in events.user, whoever imported it, so that one column
 * serves all. The index has all that is read of a user's events, in their order. meta's newest_event is the latest time
 * of all events, kept by the imports and by forgetting. */
const char sage_schema_v3[] =
    "INSERT OR IGNORE INTO users(user_id) SELECT DISTINCT q.key FROM events e JOIN queries q ON q.query = e.query"
    " WHERE e.user IS NULL AND q.surface = 3 ORDER BY q.query;"
    "UPDATE events SET user = (SELECT u.user FROM queries q JOIN users u ON u.user_id = q.key"
    " WHERE q.query = events.query)"
    " WHERE user IS NULL AND query IN (SELECT query FROM queries WHERE surface = 3);"
    "CREATE INDEX events_user ON events(user, time, product, kind, count) WHERE user IS NOT NULL;"
    "INSERT INTO meta SELECT 'newest_event', CAST(newest AS TEXT) FROM (SELECT max(time) AS newest FROM events)"
    " WHERE newest IS NOT NULL;";
