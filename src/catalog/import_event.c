#include <base/error.h>
#include <catalog/import_common.h>
#include <catalog/import_event.h>
#include <catalog/import_links.h>
#include <catalog/import_time.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <text/normalise.h>

enum { ID_MAX = 255, QUERY_MAX = 4096, COUNT_MAX = 1000000000, POSITION_MAX = 1000000000, NUMBER_MAX = 64 };
enum { TIMESTAMP, USER_ID, SURFACE, QUERY, PRODUCT_ID, EVENT, COUNT, EVENT_ID, POSITION, PROPENSITY, FIELDS };

/* The own name of a field stands before its alias. */
static const sage_map_name names[] = {
    {"timestamp", TIMESTAMP}, {"event_timestamp", TIMESTAMP},
    {"user_id", USER_ID},     {"user_pseudo_id", USER_ID},
    {"surface", SURFACE},     {"query", QUERY},
    {"search_term", QUERY},   {"product_id", PRODUCT_ID},
    {"item_id", PRODUCT_ID},  {"event", EVENT},
    {"event_name", EVENT},    {"count", COUNT},
    {"event_id", EVENT_ID},   {"position", POSITION},
    {"index", POSITION},      {"propensity", PROPENSITY},
};

static const struct {
    const char *name;
    sage_event_kind kind;
} kinds[] = {
    {"click", SAGE_CLICK},          {"save", SAGE_SAVE},         {"add_to_cart", SAGE_ADD_TO_CART},
    {"checkout", SAGE_CHECKOUT},    {"select_item", SAGE_CLICK}, {"view_item", SAGE_CLICK},
    {"add_to_wishlist", SAGE_SAVE}, {"purchase", SAGE_CHECKOUT},
};

typedef struct found {
    sage_str value[FIELDS];
    size_t column[FIELDS];
    bool by_alias[FIELDS];
} found;

sage_status sage_event_reader_init(sage_event_reader *reader, const char *map, const char *images_dir,
                                   sage_error *error) {
    memset(reader, 0, sizeof *reader);
    reader->images_dir = images_dir;
    sage_buf_init(&reader->last_query, QUERY_MAX);
    sage_buf_init(&reader->key, 64 * QUERY_MAX);
    return sage_map_init(&reader->map, names, sizeof names / sizeof *names, map, error);
}

void sage_event_reader_free(sage_event_reader *reader) {
    sage_buf_free(&reader->last_query);
    sage_buf_free(&reader->key);
}

static bool equals(sage_str text, const char *word) {
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

static bool gather(sage_event_reader *reader, const sage_feed_row *row, found *f, sage_flaw *flaw) {
    for (size_t i = 0; i < row->n_fields; i++) {
        int meaning = sage_map_meaning(&reader->map, i, row->fields[i].name);
        sage_str value = sage_trim(row->fields[i].value);
        if (meaning == SAGE_MAP_OTHER || value.len == 0) continue;
        int field = names[meaning].field;
        bool alias = meaning > 0 && names[meaning - 1].field == field;
        bool there = f->value[field].len > 0;
        if (there && alias == f->by_alias[field]) {
            flaw->column = row->fields[i].column;
            return sage_flaw_set(flaw, "repeated-field", "%s is given twice; an event has one", names[meaning].name);
        }
        if (there && alias) continue;
        f->value[field] = value;
        f->column[field] = row->fields[i].column;
        f->by_alias[field] = alias;
    }
    return true;
}

bool sage_event_kind_parse(sage_str name, sage_event_kind *kind) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!equals(name, kinds[i].name)) continue;
        *kind = kinds[i].kind;
        return true;
    }
    return false;
}

static bool take_kind(const found *f, sage_feed_event *event, sage_flaw *flaw) {
    sage_str name = f->value[EVENT];
    if (name.len == 0)
        return sage_flaw_set(flaw, "no-event",
                             "the row names no event; it must be click, save, add_to_cart or checkout");
    if (sage_event_kind_parse(name, &event->kind)) return true;
    flaw->column = f->column[EVENT];
    return sage_flaw_set(flaw, "unknown-event",
                         "event \"%s\" is not click, save, add_to_cart or checkout (nor GA4's name of one)",
                         sage_show(name).text);
}

static bool take_surface(const found *f, sage_feed_event *event, sage_flaw *flaw) {
    sage_str name = f->value[SURFACE];
    if (name.len == 0) {
        event->surface = f->value[QUERY].len > 0 ? SAGE_ON_SEARCH : SAGE_ON_USER;
        return true;
    }
    for (int surface = 0; surface < SAGE_SURFACES; surface++) {
        if (!equals(name, sage_surface_names[surface])) continue;
        event->surface = (sage_surface)surface;
        return true;
    }
    flaw->column = f->column[SURFACE];
    return sage_flaw_set(flaw, "unknown-surface", "surface \"%s\" is not search, image, product or user",
                         sage_show(name).text);
}

static bool take_ids(const found *f, sage_feed_event *event, sage_flaw *flaw) {
    event->product_id = f->value[PRODUCT_ID];
    event->user_id = f->value[USER_ID];
    event->event_id = f->value[EVENT_ID];
    if (event->product_id.len == 0) return sage_flaw_set(flaw, "no-product-id", "the row has no product_id");
    if (event->product_id.len > ID_MAX) {
        flaw->column = f->column[PRODUCT_ID];
        return sage_flaw_set(flaw, "bad-product-id", "product_id \"%s\" is longer than %d bytes",
                             sage_show(event->product_id).text, ID_MAX);
    }
    if (event->user_id.len > ID_MAX) {
        flaw->column = f->column[USER_ID];
        return sage_flaw_set(flaw, "bad-user-id", "user_id \"%s\" is longer than %d bytes",
                             sage_show(event->user_id).text, ID_MAX);
    }
    return true;
}

/* A whole number from least to most. */
static bool read_whole(sage_str text, int64_t least, int64_t most, int64_t *number) {
    *number = 0;
    bool digits = text.len > 0 && text.len <= 10;
    for (size_t i = 0; i < text.len && digits; i++) {
        digits = text.data[i] >= '0' && text.data[i] <= '9';
        if (digits) *number = *number * 10 + (text.data[i] - '0');
    }
    return digits && *number >= least && *number <= most;
}

static size_t read_digits(sage_str text, size_t at, double *number) {
    size_t from = at;
    for (; at < text.len && text.data[at] >= '0' && text.data[at] <= '9'; at++)
        *number = *number * 10 + (text.data[at] - '0');
    return at - from;
}

/* 0.25, .25, 1, 2.5e-3: a decimal number with a point, whatever the program's locale says. */
static bool read_share(sage_str text, double *number) {
    double power = 0;
    bool below = false;
    size_t at = 0, whole, part = 0;
    *number = 0;
    if (text.len > NUMBER_MAX) return false;
    at += whole = read_digits(text, at, number);
    if (at < text.len && text.data[at] == '.') at += 1 + (part = read_digits(text, at + 1, number));
    if (whole + part == 0) return false;
    if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
        at++;
        below = at < text.len && text.data[at] == '-';
        if (at < text.len && (below || text.data[at] == '+')) at++;
        size_t digits = read_digits(text, at, &power);
        if (digits == 0) return false;
        at += digits;
    }
    *number /= pow(10, (double)part + (below ? power : -power));
    return at == text.len && *number > 0 && *number <= 1;
}

static bool take_numbers(const found *f, sage_feed_event *event, sage_flaw *flaw) {
    sage_str time = f->value[TIMESTAMP], count = f->value[COUNT];
    event->time_ms = INT64_MIN;
    event->count = 1;
    if (time.len > 0 && !sage_time_parse(time, &event->time_ms)) {
        flaw->column = f->column[TIMESTAMP];
        return sage_flaw_set(flaw, "bad-timestamp",
                             "timestamp \"%s\" is not a time; write 2024-05-01T12:00:00Z or Unix seconds",
                             sage_show(time).text);
    }
    if (count.len == 0 || read_whole(count, 1, COUNT_MAX, &event->count)) return true;
    flaw->column = f->column[COUNT];
    return sage_flaw_set(flaw, "bad-count", "count \"%s\" is not a whole number from 1 to %d", sage_show(count).text,
                         COUNT_MAX);
}

static bool take_position(const found *f, sage_feed_event *event, sage_flaw *flaw) {
    sage_str position = f->value[POSITION];
    int from = f->by_alias[POSITION] ? 0 : 1;
    if (position.len == 0 || (from == 0 && !f->by_alias[PRODUCT_ID])) return true;
    if (read_whole(position, from, POSITION_MAX, &event->position)) {
        event->position += 1 - from;
        return true;
    }
    flaw->column = f->column[POSITION];
    return sage_flaw_set(flaw, "bad-position", "%s \"%s\" is not a whole number from %d to %d",
                         from == 0 ? "index" : "position", sage_show(position).text, from, POSITION_MAX);
}

static bool take_propensity(const found *f, sage_feed_event *event, sage_flaw *flaw) {
    sage_str text = f->value[PROPENSITY];
    if (text.len == 0 || read_share(text, &event->propensity)) return true;
    flaw->column = f->column[PROPENSITY];
    return sage_flaw_set(flaw, "bad-propensity", "propensity \"%s\" is not a number above 0 and at most 1",
                         sage_show(text).text);
}

static bool take_query(const sage_event_reader *reader, const found *f, sage_feed_event *event, sage_flaw *flaw) {
    event->query = f->value[QUERY];
    if (event->surface == SAGE_ON_USER) {
        if (event->query.len == 0)
            event->query = event->user_id;
        else if (event->user_id.len == 0)
            event->user_id = event->query;
        if (event->query.len == 0) return sage_flaw_set(flaw, "no-user", "the row has neither a query nor a user_id");
    } else if (event->query.len == 0) {
        return sage_flaw_set(flaw, "no-query", "the row has no query, which the surface %s needs",
                             sage_surface_names[event->surface]);
    }
    flaw->column = f->column[QUERY];
    size_t most = event->surface == SAGE_ON_USER || event->surface == SAGE_ON_PRODUCT ? ID_MAX : QUERY_MAX;
    if (event->query.len > most) {
        return sage_flaw_set(flaw, "query-too-long", "query \"%s\" is longer than %zu bytes",
                             sage_show(event->query).text, most);
    }
    event->query_key = event->query;
    return event->surface != SAGE_ON_IMAGE || sage_link_check_image(event->query, reader->images_dir, flaw);
}

static bool same(const sage_buf *last, sage_str query) {
    return last->len == query.len && last->len > 0 && memcmp(last->data, query.data, query.len) == 0;
}

static sage_status make_key(sage_event_reader *reader, sage_flaw *flaw, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_feed_event *event = &reader->event;
    if (!same(&reader->last_query, event->query)) {
        sage_buf_clear(&reader->key);
        sage_buf_clear(&reader->last_query);
        SAGE_TRY(sage_normalise(event->query.data, event->query.len, &reader->key, error));
        SAGE_TRY(sage_buf_add(&reader->last_query, event->query.data, event->query.len, error));
    }
    event->query_key = (sage_str){reader->key.data, reader->key.len};
    if (reader->key.len == 0) {
        sage_flaw_set(flaw, "empty-query", "nothing is left of the query \"%s\" when it is normalised",
                      sage_show(event->query).text);
    }
out:
    return st;
}

sage_status sage_event_take(sage_event_reader *reader, const sage_feed_row *row, sage_flaw *flaw, sage_error *error) {
    found f = {0};
    sage_feed_event *event = &reader->event;
    *event = (sage_feed_event){0};
    *flaw = (sage_flaw){0};
    if (!gather(reader, row, &f, flaw) || !take_ids(&f, event, flaw) || !take_kind(&f, event, flaw) ||
        !take_surface(&f, event, flaw) || !take_numbers(&f, event, flaw) || !take_position(&f, event, flaw) ||
        !take_propensity(&f, event, flaw) || !take_query(reader, &f, event, flaw)) {
        return SAGE_OK;
    }
    return event->surface == SAGE_ON_SEARCH ? make_key(reader, flaw, error) : SAGE_OK;
}
