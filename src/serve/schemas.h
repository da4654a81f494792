/* The one table of what answers say; the OpenAPI description comes from it, and a test holds answers to it. */
#ifndef SAGE_SERVE_SCHEMAS_H
#define SAGE_SERVE_SCHEMAS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct sage_schema_field {
    const char *schema, *name;
    const char *type; /* "string", "integer", "number", "boolean", "object" (of any members), the name of a schema; or
                         one of these with "[]" behind it */
    bool always;      /* never absent */
    const char *help;
} sage_schema_field;

/* Fields of one schema stand together; closed by a row without one. */
extern const sage_schema_field sage_schema_fields[];

#endif
