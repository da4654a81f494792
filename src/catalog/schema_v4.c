/* Version 4 of catalog.db: where a product was shown. Once released: never edit it, add a step. */
#include <catalog/schema.h>

/* NULL: the log does not say. position counts from 1; propensity is the probability that the product was seen there. */
const char sage_schema_v4[] =
    "ALTER TABLE events ADD COLUMN position INTEGER CHECK(position > 0);"
    "ALTER TABLE events ADD COLUMN propensity REAL CHECK(propensity > 0 AND propensity <= 1);";
