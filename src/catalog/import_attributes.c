#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_attributes.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <xxhash.h>

const char *const sage_attribute_type_names[SAGE_ATTRIBUTE_TYPES] = {"bool", "int", "real", "text"};

enum { SLOTS = 2 * SAGE_ATTRIBUTES_MAX }; /* a power of two, half full at most */

typedef struct attribute {
    char name[SAGE_MAP_NAME_MAX];
    unsigned char len; /* 0: free */
    sage_attribute_type type;
    bool changed;
} attribute;

struct sage_attributes {
    size_t n;
    attribute slots[SLOTS];
};

static bool equals(sage_str value, const char *word) {
    return value.len == strlen(word) && strncasecmp(value.data, word, value.len) == 0;
}

static bool is_int(sage_str value) {
    char text[24];
    size_t sign = value.len > 0 && value.data[0] == '-' ? 1 : 0;
    if (value.len == sign || value.len >= sizeof text) return false;
    if (value.data[sign] == '0' && value.len > 1) return false;
    for (size_t i = sign; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') return false;
    }
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    errno = 0;
    (void)strtoll(text, NULL, 10);
    return errno == 0;
}

/* [-] digits [. digits] [e [sign] digits], the whole part without leading zeros. */
static bool is_real(sage_str value) {
    char text[64];
    size_t at = value.len > 0 && value.data[0] == '-' ? 1 : 0, whole = 0, part = 0;
    if (value.len == 0 || value.len >= sizeof text) return false;
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    whole = strspn(text + at, "0123456789");
    if (whole == 0 || (whole > 1 && text[at] == '0')) return false;
    at += whole;
    if (text[at] == '.') {
        part = strspn(text + at + 1, "0123456789");
        if (part == 0) return false;
        at += 1 + part;
    }
    if (text[at] == 'e' || text[at] == 'E') {
        at++;
        if (text[at] == '-' || text[at] == '+') at++;
        part = strspn(text + at, "0123456789");
        if (part == 0) return false;
        at += part;
    }
    return text[at] == '\0' && isfinite(strtod(text, NULL));
}

sage_attribute_type sage_attribute_type_of(sage_str value) {
    if (equals(value, "true") || equals(value, "false") || equals(value, "yes") || equals(value, "no"))
        return SAGE_BOOL;
    if (is_int(value)) return SAGE_INT;
    if (is_real(value)) return SAGE_REAL;
    return SAGE_TEXT;
}

static attribute *slot_of(sage_attributes *attributes, sage_str name) {
    size_t at = (size_t)XXH3_64bits(name.data, name.len) & (SLOTS - 1);
    while (attributes->slots[at].len != 0) {
        attribute *here = &attributes->slots[at];
        if (here->len == name.len && memcmp(here->name, name.data, name.len) == 0) return here;
        at = (at + 1) & (SLOTS - 1);
    }
    return &attributes->slots[at];
}

static attribute *add(sage_attributes *attributes, sage_str name, sage_attribute_type type, bool changed) {
    attribute *made = slot_of(attributes, name);
    memcpy(made->name, name.data, name.len);
    made->name[name.len] = '\0';
    made->len = (unsigned char)name.len;
    made->type = type;
    made->changed = changed;
    attributes->n++;
    return made;
}

static sage_attribute_type type_named(const char *name) {
    for (int type = 0; type < SAGE_TEXT; type++) {
        if (strcmp(name, sage_attribute_type_names[type]) == 0) return (sage_attribute_type)type;
    }
    return SAGE_TEXT;
}

sage_status sage_attributes_load(sage_catalog *catalog, sage_attributes **attributes, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    bool row = false;
    sage_attributes *made = sage_alloc_zero(1, sizeof *made);
    *attributes = NULL;
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    SAGE_TRY(sage_db_prepare(catalog->db, "SELECT name, type FROM attributes", &stmt, error));
    for (;;) {
        SAGE_TRY(sage_db_step(stmt, &row, error));
        if (!row || made->n == SAGE_ATTRIBUTES_MAX) break;
        sage_str name = sage_column_str(stmt, 0);
        if (name.len == 0 || name.len >= SAGE_MAP_NAME_MAX) continue;
        add(made, name, type_named(sage_column_str(stmt, 1).data), false);
    }
    *attributes = made;
    made = NULL;
out:
    sqlite3_finalize(stmt);
    sage_attributes_free(made);
    return st;
}

void sage_attributes_free(sage_attributes *attributes) {
    sage_free(attributes);
}

static size_t count_new(sage_attributes *attributes, const sage_feed_product *product) {
    size_t n = 0;
    for (size_t i = 0; i < product->n_attributes; i++) n += slot_of(attributes, product->attributes[i].name)->len == 0;
    return n;
}

bool sage_attributes_note(sage_attributes *attributes, const sage_feed_product *product, sage_flaw *flaw) {
    if (attributes->n + count_new(attributes, product) > SAGE_ATTRIBUTES_MAX) {
        return sage_flaw_set(flaw, "too-many-attributes",
                             "the shop would have more than %d attributes; leave some columns out",
                             SAGE_ATTRIBUTES_MAX);
    }
    for (size_t i = 0; i < product->n_attributes; i++) {
        sage_str name = product->attributes[i].name;
        attribute *known = slot_of(attributes, name);
        if (known->len == 0) known = add(attributes, name, SAGE_BOOL, true);
        if (known->type == SAGE_TEXT) continue;
        sage_attribute_type type = sage_attribute_type_of(product->attributes[i].value);
        if (type <= known->type) continue;
        known->type = type;
        known->changed = true;
    }
    return true;
}

sage_status sage_attributes_save(sage_attributes *attributes, sage_catalog *catalog, sage_error *error) {
    sage_status st = SAGE_OK;
    sqlite3_stmt *stmt = NULL;
    SAGE_TRY(sage_db_prepare(
        catalog->db, "INSERT INTO attributes VALUES(?1, ?2) ON CONFLICT(name) DO UPDATE SET type = excluded.type",
        &stmt, error));
    for (size_t i = 0; i < SLOTS; i++) {
        attribute *one = &attributes->slots[i];
        if (one->len == 0 || !one->changed) continue;
        sqlite3_bind_text(stmt, 1, one->name, one->len, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 2, sage_attribute_type_names[one->type], -1, SQLITE_STATIC);
        SAGE_TRY(sage_db_run(stmt, error));
        one->changed = false;
    }
out:
    sqlite3_finalize(stmt);
    return st;
}
