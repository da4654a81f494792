#include <base/alloc.h>
#include <base/error.h>
#include <catalog/feed_scan.h>
#include <catalog/json_row.h>
#include <string.h>
#include <xxhash.h>

static bool read_value(sage_json_row *json, sage_str name);

static void skip_blanks(sage_json_row *json) {
    while (json->p < json->end && (*json->p == ' ' || *json->p == '\t' || *json->p == '\r')) json->p++;
}

static bool at(const sage_json_row *json, char c) {
    return json->p < json->end && *json->p == c;
}

static bool emit(sage_json_row *json, sage_str name, sage_str value, const char *from) {
    if (json->feed->n_fields == SAGE_FEED_COLUMNS_MAX) {
        return sage_json_fault(json, from, "too-many-fields", "more values than a row may have (1024)");
    }
    if (value.len > SAGE_FEED_FIELD_MAX) {
        return sage_json_fault(json, from, "field-too-long", "a value of more than 1 MiB");
    }
    json->st = sage_feed_add(json->feed, name, value, (size_t)(from - json->begin) + 1, json->error);
    return json->st == SAGE_OK;
}

static size_t digits(sage_json_row *json) {
    const char *from = json->p;
    while (json->p < json->end && *json->p >= '0' && *json->p <= '9') json->p++;
    return (size_t)(json->p - from);
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool read_number(sage_json_row *json, sage_str name) {
    const char *from = json->p;
    if (at(json, '-')) json->p++;
    const char *first = json->p;
    size_t n = digits(json);
    bool good = n > 0 && (n == 1 || *first != '0');
    if (good && at(json, '.')) {
        json->p++;
        good = digits(json) > 0;
    }
    if (good && (at(json, 'e') || at(json, 'E'))) {
        json->p++;
        if (at(json, '+') || at(json, '-')) json->p++;
        good = digits(json) > 0;
    }
    if (!good) return sage_json_fault(json, from, "bad-json", "not a JSON value");
    return emit(json, name, (sage_str){from, (size_t)(json->p - from)}, from);
}

static bool read_word(sage_json_row *json, sage_str name, sage_str word) {
    const char *from = json->p;
    if ((size_t)(json->end - from) < word.len || memcmp(from, word.data, word.len) != 0) {
        return sage_json_fault(json, from, "bad-json", "not a JSON value");
    }
    json->p += word.len;
    return *from == 'n' || emit(json, name, (sage_str){from, word.len}, from);
}

static bool plain_name(sage_str key) {
    for (size_t i = 0; i < key.len; i++) {
        char c = key.data[i];
        if (!((c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9'))) return false;
    }
    return true;
}

/* parent.key, in the form that all field names have. */
static bool make_name(sage_json_row *json, sage_str parent, sage_str key, const char *from, sage_str *name) {
    *name = key;
    if (key.len > SAGE_FEED_NAME_MAX || (parent.len > 0 && parent.len + 1 + key.len > SAGE_FEED_NAME_MAX)) {
        return sage_json_fault(json, from, "name-too-long", "a key of more than 1024 bytes, with the keys around it");
    }
    if (key.len == 0) return sage_json_fault(json, from, "bad-json", "an empty key");
    if (parent.len == 0 && plain_name(key)) return true;
    char *text;
    json->st = sage_feed_scratch(json->feed, parent.len + 1 + key.len, &text, json->error);
    if (json->st != SAGE_OK) return false;
    size_t n = parent.len;
    if (n > 0) {
        memcpy(text, parent.data, n);
        text[n++] = '.';
    }
    size_t own = sage_feed_name(key.data, key.len, text + n);
    if (own == 0) return sage_json_fault(json, from, "bad-json", "a key of blanks alone");
    n += own;
    *name = (sage_str){text, n};
    return true;
}

/* False where this object has had the key before. */
static bool new_key(sage_json_row *json, uint64_t object, sage_str name, const char *from) {
    uint64_t hash = XXH3_64bits_withSeed(name.data, name.len, object);
    for (size_t i = 0; i < json->n_keys; i++) {
        const sage_json_key *key = &json->keys[i];
        if (key->hash == hash && key->name.len == name.len && memcmp(key->name.data, name.data, name.len) == 0) {
            return sage_json_fault(json, from, "duplicate-key", "a key occurs twice in one object");
        }
    }
    if (json->n_keys == SAGE_FEED_COLUMNS_MAX) {
        return sage_json_fault(json, from, "too-many-fields", "more keys than a row may have (1024)");
    }
    if (sage_grow((void **)&json->keys, &json->keys_cap, json->n_keys + 1, sizeof *json->keys) != 0) {
        json->st = sage_fail_memory(json->error, (json->n_keys + 1) * sizeof *json->keys);
        return false;
    }
    json->keys[json->n_keys++] = (sage_json_key){hash, name};
    return true;
}

static bool read_member(sage_json_row *json, sage_str parent, uint64_t object) {
    const char *from = json->p;
    sage_str key, name;
    if (!at(json, '"')) return sage_json_fault(json, from, "bad-json", "a key in quotes is missing");
    if (!sage_json_string(json, &key) || !make_name(json, parent, key, from, &name)) return false;
    if (!new_key(json, object, name, from)) return false;
    skip_blanks(json);
    if (!at(json, ':')) return sage_json_fault(json, json->p, "bad-json", "a colon is missing after a key");
    json->p++;
    skip_blanks(json);
    return read_value(json, name);
}

/* After a member or element: false at the closing bracket, with *good telling whether that was right. */
static bool goes_on(sage_json_row *json, char close, bool *good) {
    skip_blanks(json);
    if (at(json, ',')) {
        json->p++;
        skip_blanks(json);
        return true;
    }
    *good = at(json, close) || sage_json_fault(json, json->p, "bad-json", "a comma or closing bracket is missing");
    json->p++;
    return false;
}

static bool begin_nested(sage_json_row *json) {
    if (json->depth == SAGE_FEED_DEPTH_MAX) {
        return sage_json_fault(json, json->p, "too-deep", "objects and arrays are nested more than 16 deep");
    }
    json->depth++;
    json->p++;
    skip_blanks(json);
    return true;
}

static bool read_object(sage_json_row *json, sage_str parent) {
    uint64_t object = ++json->objects;
    bool good = begin_nested(json);
    if (good && at(json, '}')) {
        json->p++;
    } else if (good) {
        do good = read_member(json, parent, object);
        while (good && goes_on(json, '}', &good));
    }
    json->depth--;
    return good;
}

static bool read_array(sage_json_row *json, sage_str name) {
    bool good = begin_nested(json);
    if (good && at(json, ']')) {
        json->p++;
    } else if (good) {
        do good = read_value(json, name);
        while (good && goes_on(json, ']', &good));
    }
    json->depth--;
    return good;
}

static bool read_value(sage_json_row *json, sage_str name) {
    const char *from = json->p;
    sage_str text;
    if (from == json->end) return sage_json_fault(json, from, "bad-json", "the line ends before its object does");
    switch (*from) {
    case '"': return sage_json_string(json, &text) && emit(json, name, text, from);
    case '{': return read_object(json, name);
    case '[': return read_array(json, name);
    case 't': return read_word(json, name, SAGE_STR("true"));
    case 'f': return read_word(json, name, SAGE_STR("false"));
    case 'n': return read_word(json, name, SAGE_STR("null"));
    default: return read_number(json, name);
    }
}

sage_status sage_json_row_read(sage_json_row *json, const char *begin, const char *end, sage_error *error) {
    json->begin = json->p = begin;
    json->end = end;
    json->depth = 0;
    json->objects = 0;
    json->n_keys = 0;
    json->st = SAGE_OK;
    json->error = error;
    skip_blanks(json);
    if (!at(json, '{')) {
        sage_json_fault(json, json->p, "not-an-object", "the line is no JSON object; write one object a line");
    } else if (read_object(json, SAGE_STR(""))) {
        skip_blanks(json);
        if (json->p < json->end)
            sage_json_fault(json, json->p, "bad-json", "text follows the object; write one object a line");
    }
    return json->st;
}
