#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_common.h>
#include <catalog/import_links.h>
#include <catalog/import_product.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRICE = SAGE_P_TEXTS, SALE_PRICE, IMAGE_LINK, MORE_IMAGES };

static const sage_map_name names[] = {
    {"id", SAGE_P_ID},
    {"title", SAGE_P_TITLE},
    {"description", SAGE_P_DESCRIPTION},
    {"link", SAGE_P_LINK},
    {"image_link", IMAGE_LINK},
    {"additional_image_link", MORE_IMAGES},
    {"brand", SAGE_P_BRAND},
    {"google_product_category", SAGE_P_CATEGORY},
    {"product_type", SAGE_P_TYPE},
    {"color", SAGE_P_COLOR},
    {"material", SAGE_P_MATERIAL},
    {"pattern", SAGE_P_PATTERN},
    {"size", SAGE_P_SIZE},
    {"size_type", SAGE_P_SIZE_TYPE},
    {"price", PRICE},
    {"sale_price", SALE_PRICE},
    {"availability", SAGE_P_AVAILABILITY},
    {"item_group_id", SAGE_P_GROUP},
};
static const size_t n_names = sizeof names / sizeof *names;

/* Prices wait until all of a row is seen. */
typedef struct taking {
    sage_product_reader *reader;
    sage_feed_product *product;
    sage_flaw *flaw;
    const sage_feed_field *id, *price, *sale_price;
    size_t image_column;
} taking;

sage_status sage_product_reader_init(sage_product_reader *reader, const char *map, const char *images_dir,
                                     sage_error *error) {
    memset(reader, 0, sizeof *reader);
    sage_buf_init(&reader->json, 64 << 20);
    reader->images_dir = images_dir;
    reader->arena = sage_arena_new(64 << 10);
    if (reader->arena == NULL) return sage_fail_memory(error, 64 << 10);
    return sage_map_init(&reader->map, names, n_names, map, error);
}

void sage_product_reader_free(sage_product_reader *reader) {
    sage_arena_free(reader->arena);
    sage_free(reader->attributes);
    sage_buf_free(&reader->json);
    *reader = (sage_product_reader){0};
}

static sage_status join(taking *t, sage_str *text, sage_str more, sage_error *error) {
    char *joined = sage_arena_get(t->reader->arena, text->len + 2 + more.len);
    if (joined == NULL) return sage_fail_memory(error, text->len + 2 + more.len);
    memcpy(joined, text->data, text->len);
    memcpy(joined + text->len, ", ", 2);
    memcpy(joined + text->len + 2, more.data, more.len);
    *text = (sage_str){joined, text->len + 2 + more.len};
    return SAGE_OK;
}

static void repeated(taking *t, const sage_feed_field *field, const char *name) {
    t->flaw->column = field->column;
    sage_flaw_set(t->flaw, "repeated-field", "%s is given twice; a product has one", name);
}

static sage_status take_text(taking *t, int column, const sage_feed_field *field, sage_str value, const char *name,
                             sage_error *error) {
    sage_str *text = &t->product->text[column];
    if (text->len == 0) {
        *text = value;
        if (column == SAGE_P_ID) t->id = field;
        return SAGE_OK;
    }
    bool joins = column == SAGE_P_DESCRIPTION || column >= SAGE_P_CATEGORY;
    if (joins) return join(t, text, value, error);
    repeated(t, field, name);
    return SAGE_OK;
}

static void take_price(taking *t, const sage_feed_field **slot, const sage_feed_field *field, const char *name) {
    if (*slot != NULL)
        repeated(t, field, name);
    else
        *slot = field;
}

/* Links may hold commas themselves, so a web link ends only at a comma before which another web link begins. */
static size_t link_end(sage_str list) {
    bool web = sage_link_scheme(list) > 0;
    for (size_t i = 0; i < list.len; i++) {
        if (list.data[i] != ',') continue;
        sage_str next = sage_trim((sage_str){list.data + i + 1, list.len - i - 1});
        if (!web || next.len == 0 || sage_link_scheme(next) > 0) return i;
    }
    return list.len;
}

static void take_images(taking *t, const sage_feed_field *field, sage_str list) {
    sage_feed_product *product = t->product;
    while (list.len > 0 && t->flaw->reason == NULL) {
        size_t end = link_end(list);
        sage_str link = sage_trim((sage_str){list.data, end});
        size_t step = end < list.len ? end + 1 : end;
        list = sage_trim((sage_str){list.data + step, list.len - step});
        if (link.len == 0) continue;
        t->flaw->column = field->column;
        if (product->n_images == SAGE_IMAGES_MAX) {
            sage_flaw_set(t->flaw, "too-many-images", "more than %d pictures; leave some out", SAGE_IMAGES_MAX);
        } else if (sage_link_check_image(link, t->reader->images_dir, t->flaw)) {
            product->images[product->n_images++] = link;
        }
    }
}

static sage_status take_attribute(taking *t, const sage_feed_field *field, sage_str value, sage_error *error) {
    sage_product_reader *reader = t->reader;
    sage_str name = field->name;
    if (name.len >= SAGE_MAP_NAME_MAX) {
        t->flaw->column = field->column;
        sage_flaw_set(t->flaw, "bad-attribute", "the attribute's name \"%s\" is longer than %d bytes",
                      sage_show(name).text, SAGE_MAP_NAME_MAX - 1);
        return SAGE_OK;
    }
    if (sage_grow((void **)&reader->attributes, &reader->attributes_capacity, reader->n_attributes + 1,
                  sizeof *reader->attributes) != 0) {
        return sage_fail_memory(error, sizeof *reader->attributes);
    }
    reader->attributes[reader->n_attributes] = (sage_feed_attribute){name, value, reader->n_attributes};
    reader->n_attributes++;
    return SAGE_OK;
}

static sage_status take_field(taking *t, size_t index, const sage_feed_field *field, sage_error *error) {
    sage_str value = sage_trim(field->value);
    int meaning = sage_map_meaning(&t->reader->map, index, field->name);
    if (value.len == 0) return SAGE_OK;
    /* A row that is refused is read on for its id alone. */
    if (t->flaw->reason != NULL && (meaning < 0 || names[meaning].field != SAGE_P_ID)) return SAGE_OK;
    if (meaning == SAGE_MAP_OTHER) return take_attribute(t, field, value, error);
    const sage_map_name *name = &names[meaning];
    switch (name->field) {
    case PRICE: take_price(t, &t->price, field, name->name); return SAGE_OK;
    case SALE_PRICE: take_price(t, &t->sale_price, field, name->name); return SAGE_OK;
    case IMAGE_LINK:
    case MORE_IMAGES: take_images(t, field, value); return SAGE_OK;
    default: return take_text(t, name->field, field, value, name->name, error);
    }
}

static bool has_control(sage_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7F) return true;
    }
    return false;
}

static void check_id(taking *t) {
    enum { ID_MAX = 255 };
    sage_str *id = &t->product->text[SAGE_P_ID], group = t->product->text[SAGE_P_GROUP];
    if (id->len == 0) {
        sage_flaw_set(t->flaw, "no-id", "the row has no id; every product needs one");
    } else if (id->len > ID_MAX || has_control(*id)) {
        t->flaw->column = t->id->column;
        sage_flaw_set(t->flaw, "bad-id", "id \"%s\" %s", sage_show(*id).text,
                      id->len > ID_MAX ? "is longer than 255 bytes" : "holds a control character");
        id->len = 0;
    } else if (group.len > ID_MAX && t->flaw->reason == NULL) {
        sage_flaw_set(t->flaw, "bad-item-group-id", "item_group_id \"%s\" is longer than 255 bytes",
                      sage_show(group).text);
    }
}

static void check_prices(taking *t) {
    sage_feed_product *product = t->product;
    char sale_currency[4] = "";
    if (t->price != NULL) {
        t->flaw->column = t->price->column;
        if (!sage_price_parse(sage_trim(t->price->value), "price", &product->price_minor, product->currency, t->flaw))
            return;
    }
    if (t->sale_price == NULL) return;
    t->flaw->column = t->sale_price->column;
    if (!sage_price_parse(sage_trim(t->sale_price->value), "sale_price", &product->sale_price_minor, sale_currency,
                          t->flaw))
        return;
    if (t->price != NULL && strcmp(sale_currency, product->currency) != 0) {
        sage_flaw_set(t->flaw, "mixed-currencies", "price is in %s but sale_price in %s; give both in one",
                      product->currency, sale_currency);
        return;
    }
    memcpy(product->currency, sale_currency, sizeof sale_currency);
}

static int by_name(const void *left, const void *right) {
    const sage_feed_attribute *a = left, *b = right;
    size_t n = a->name.len < b->name.len ? a->name.len : b->name.len;
    int order = memcmp(a->name.data, b->name.data, n);
    if (order == 0) order = (a->name.len > b->name.len) - (a->name.len < b->name.len);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static bool same_name(const sage_feed_attribute *a, const sage_feed_attribute *b) {
    return a->name.len == b->name.len && memcmp(a->name.data, b->name.data, a->name.len) == 0;
}

sage_status sage_json_quote(sage_buf *json, sage_str text, sage_error *error) {
    sage_status st = SAGE_OK;
    size_t begin = 0;
    SAGE_TRY(sage_buf_byte(json, '"', error));
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        SAGE_TRY(sage_buf_add(json, text.data + begin, i - begin, error));
        if (c < 0x20)
            SAGE_TRY(sage_buf_printf(json, error, "\\u%04x", c));
        else
            SAGE_TRY(sage_buf_add(json, (const char[]){'\\', (char)c}, 2, error));
        begin = i + 1;
    }
    SAGE_TRY(sage_buf_add(json, text.data + begin, text.len - begin, error));
    SAGE_TRY(sage_buf_byte(json, '"', error));
out:
    return st;
}

/* By name, so that the order of a feed's columns is no change of the product. */
static sage_status write_attributes(sage_product_reader *reader, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_feed_attribute *all = reader->attributes;
    size_t n = reader->n_attributes;
    sage_buf *json = &reader->json;
    sage_buf_clear(json);
    if (n > 1) qsort(all, n, sizeof *all, by_name);
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && same_name(&all[i], &all[end])) end++;
        SAGE_TRY(sage_buf_byte(json, i == 0 ? '{' : ',', error));
        SAGE_TRY(sage_json_quote(json, all[i].name, error));
        SAGE_TRY(sage_buf_byte(json, ':', error));
        for (size_t j = i; j < end; j++) {
            if (end - i > 1) SAGE_TRY(sage_buf_byte(json, j == i ? '[' : ',', error));
            SAGE_TRY(sage_json_quote(json, all[j].value, error));
        }
        if (end - i > 1) SAGE_TRY(sage_buf_byte(json, ']', error));
        i = end;
    }
    if (n > 0) SAGE_TRY(sage_buf_byte(json, '}', error));
    reader->product.attributes = all;
    reader->product.n_attributes = n;
    reader->product.attributes_json = (sage_str){json->data, json->len};
out:
    return st;
}

sage_status sage_product_take(sage_product_reader *reader, const sage_feed_row *row, sage_flaw *flaw,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    taking t = {.reader = reader, .product = &reader->product, .flaw = flaw};
    sage_arena_reset(reader->arena);
    reader->product = (sage_feed_product){.price_minor = -1, .sale_price_minor = -1};
    reader->n_attributes = 0;
    *flaw = (sage_flaw){0};
    for (size_t i = 0; i < row->n_fields; i++) SAGE_TRY(take_field(&t, i, &row->fields[i], error));
    if (flaw->reason == NULL) flaw->column = 0;
    check_id(&t);
    if (flaw->reason == NULL) check_prices(&t);
    if (flaw->reason == NULL) {
        flaw->column = 0;
        SAGE_TRY(write_attributes(reader, error));
    }
out:
    return st;
}

void sage_product_fields(const sage_str text[SAGE_P_TEXTS], sage_str fields[SAGE_FIELDS]) {
    static const int from[SAGE_FIELDS] = {
        [SAGE_TITLE] = SAGE_P_TITLE,       [SAGE_DESCRIPTION] = SAGE_P_DESCRIPTION,
        [SAGE_CATEGORY] = SAGE_P_CATEGORY, [SAGE_TYPE] = SAGE_P_TYPE,
        [SAGE_BRAND] = SAGE_P_BRAND,       [SAGE_COLOR] = SAGE_P_COLOR,
        [SAGE_MATERIAL] = SAGE_P_MATERIAL, [SAGE_PATTERN] = SAGE_P_PATTERN,
        [SAGE_SIZE] = SAGE_P_SIZE,         [SAGE_SIZE_TYPE] = SAGE_P_SIZE_TYPE,
    };
    for (size_t f = 0; f < SAGE_FIELDS; f++) {
        if (f != SAGE_DOMAIN && f != SAGE_LINK) fields[f] = text[from[f]];
    }
    sage_link_split(text[SAGE_P_LINK], &fields[SAGE_DOMAIN], &fields[SAGE_LINK]);
}
