#include <itemsage/status.h>
#include <stdio.h>

const char *sage_status_name(sage_status status) {
    switch (status) {
    case SAGE_OK: return "ok";
    case SAGE_E_ARGUMENT: return "argument";
    case SAGE_E_NOT_FOUND: return "not-found";
    case SAGE_E_STATE: return "state";
    case SAGE_E_IO: return "io";
    case SAGE_E_FORMAT: return "format";
    case SAGE_E_LIMIT: return "limit";
    case SAGE_E_MEMORY: return "memory";
    case SAGE_E_LOCKED: return "locked";
    case SAGE_E_CANCELLED: return "cancelled";
    case SAGE_E_INTERNAL: return "internal";
    }
    return "unknown";
}

char *sage_error_line(const sage_error *error, char *out, size_t out_bytes) {
    if (out_bytes == 0) return out;
    if (error->source[0] == '\0') {
        snprintf(out, out_bytes, "%s", error->text);
    } else if (error->line == 0) {
        snprintf(out, out_bytes, "%s: %s", error->source, error->text);
    } else if (error->column == 0) {
        snprintf(out, out_bytes, "%s:%zu: %s", error->source, error->line, error->text);
    } else {
        snprintf(out, out_bytes, "%s:%zu:%zu: %s", error->source, error->line, error->column, error->text);
    }
    return out;
}
