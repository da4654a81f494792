/* Written as a line of a feed and read as one, the product is in all what it would be had the feed said so. */
#include <base/alloc.h>
#include <base/error.h>
#include <catalog/product_merge.h>
#include <io/json.h>
#include <string.h>

/* Texts in the order of sage_product_text_column. */
static const char find_sql[] =
    "SELECT pid, price_minor, sale_price_minor, currency, attributes, id, item_group_id, availability, link, title,"
    " description, google_product_category, product_type, brand, color, material, pattern, size, size_type"
    " FROM products WHERE id = ?1";
enum { PID, PRICE, SALE_PRICE, CURRENCY, ATTRIBUTES, FIRST_TEXT };
static const char *const text_names[SAGE_P_TEXTS] = {
    [SAGE_P_ID] = "id",
    [SAGE_P_GROUP] = "item_group_id",
    [SAGE_P_LINK] = "link",
    [SAGE_P_AVAILABILITY] = "availability",
    [SAGE_P_TITLE] = "title",
    [SAGE_P_DESCRIPTION] = "description",
    [SAGE_P_BRAND] = "brand",
    [SAGE_P_CATEGORY] = "google_product_category",
    [SAGE_P_TYPE] = "product_type",
    [SAGE_P_COLOR] = "color",
    [SAGE_P_MATERIAL] = "material",
    [SAGE_P_PATTERN] = "pattern",
    [SAGE_P_SIZE] = "size",
    [SAGE_P_SIZE_TYPE] = "size_type",
};

sage_status sage_product_merge_init(sage_product_merge *merge, sage_catalog *catalog, sage_error *error) {
    sage_status st = SAGE_OK;
    *merge = (sage_product_merge){NULL};
    SAGE_TRY(sage_db_prepare(catalog->db, find_sql, &merge->find, error));
    SAGE_TRY(sage_image_rows_init(&merge->images, catalog, error));
out:
    return st;
}

void sage_product_merge_free(sage_product_merge *merge) {
    sqlite3_finalize(merge->find);
    sage_image_rows_free(&merge->images);
    *merge = (sage_product_merge){NULL};
}

/* The product as an object that grows member by member. */
typedef struct writing {
    sage_buf *out;
    bool more;
} writing;

static sage_status begin(writing *w, sage_str name, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_buf_byte(w->out, w->more ? ',' : '{', error));
    SAGE_TRY(sage_json_quote(w->out, name, error));
    st = sage_buf_byte(w->out, ':', error);
    w->more = true;
out:
    return st;
}

static sage_status named(writing *w, const char *name, sage_str value, sage_error *error) {
    if (value.len == 0) return SAGE_OK;
    sage_status st = begin(w, (sage_str){name, strlen(name)}, error);
    return st == SAGE_OK ? sage_json_quote(w->out, value, error) : st;
}

static sage_status texts(const sage_product_merge *merge, const sage_feed_product *update, writing *w,
                         sage_error *error) {
    sage_status st = SAGE_OK;
    for (int i = 0; i < SAGE_P_TEXTS; i++) {
        const bool changes = (i == SAGE_P_AVAILABILITY || i == SAGE_P_GROUP) && update->text[i].len > 0;
        SAGE_TRY(
            named(w, text_names[i], changes ? update->text[i] : sage_column_str(merge->find, FIRST_TEXT + i), error));
    }
out:
    return st;
}

static sage_status price(writing *w, const char *name, int64_t minor, const char *currency, sage_error *error) {
    char text[48];
    if (minor < 0) return SAGE_OK;
    sage_price_text(minor, currency, text);
    return named(w, name, (sage_str){text, strlen(text)}, error);
}

static int64_t minor_of(sqlite3_stmt *found, int column) {
    return sqlite3_column_type(found, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(found, column);
}

static sage_status prices(const sage_product_merge *merge, const sage_feed_product *update, writing *w,
                          sage_error *error) {
    sage_status st = SAGE_OK;
    char currency[4] = "";
    const sage_str before = sage_column_str(merge->find, CURRENCY);
    int64_t whole = minor_of(merge->find, PRICE), sale = minor_of(merge->find, SALE_PRICE);
    if (before.len < sizeof currency) memcpy(currency, before.data, before.len);
    if (update->currency[0] != '\0' && strcmp(update->currency, currency) != 0) {
        whole = sale = -1;
        memcpy(currency, update->currency, sizeof currency);
    }
    if (update->price_minor >= 0) whole = update->price_minor;
    if (update->sale_price_minor >= 0) sale = update->sale_price_minor;
    SAGE_TRY(price(w, "price", whole, currency, error));
    SAGE_TRY(price(w, "sale_price", sale, currency, error));
out:
    return st;
}

/* Several values of one name. */
static sage_status list(writing *w, const char *name, const sage_str *values, size_t n, sage_error *error) {
    sage_status st = SAGE_OK;
    if (n == 1) return named(w, name, values[0], error);
    for (size_t i = 0; i < n; i++) {
        if (i == 0) SAGE_TRY(begin(w, (sage_str){name, strlen(name)}, error));
        SAGE_TRY(sage_buf_byte(w->out, i == 0 ? '[' : ',', error));
        SAGE_TRY(sage_json_quote(w->out, values[i], error));
    }
    if (n > 0) st = sage_buf_byte(w->out, ']', error);
out:
    return st;
}

static sage_status pictures(sage_product_merge *merge, writing *w, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pictures all;
    sage_str links[SAGE_IMAGES_MAX];
    size_t n = 0;
    SAGE_TRY(sage_image_rows_read(&merge->images, sqlite3_column_int64(merge->find, PID), &all, error));
    for (size_t i = 0; i < SAGE_IMAGES_MAX; i++)
        if (all.at[i].link.len > 0) links[n++] = all.at[i].link;
    st = list(w, "image_link", links, n, error);
out:
    return st;
}

static sage_str str_of(const json_t *text) {
    return (sage_str){json_string_value(text), json_string_length(text)};
}

static sage_status attribute(writing *w, const char *name, const json_t *value, sage_error *error) {
    const size_t n = json_array_size(value);
    if (json_is_string(value)) return named(w, name, str_of(value), error);
    sage_str *values = sage_alloc(n * sizeof *values);
    if (values == NULL) return sage_fail_memory(error, n * sizeof *values);
    for (size_t i = 0; i < n; i++) values[i] = str_of(json_array_get(value, i));
    sage_status st = list(w, name, values, n, error);
    sage_free(values);
    return st;
}

/* {"name":"value","name":["value","value"]} */
static sage_status read_attributes(sage_str text, json_t **all, sage_error *error) {
    if (text.len > 0) return sage_json_parse(text.data, text.len, "attributes", all, error);
    *all = json_object();
    return *all != NULL ? SAGE_OK : sage_fail_memory(error, 1);
}

static sage_status attributes(const sage_product_merge *merge, const sage_feed_product *update, writing *w,
                              sage_error *error) {
    sage_status st = SAGE_OK;
    json_t *all = NULL, *changed = NULL, *value;
    const char *name;
    SAGE_TRY(read_attributes(sage_column_str(merge->find, ATTRIBUTES), &all, error));
    SAGE_TRY(read_attributes(update->attributes_json, &changed, error));
    if (json_object_update(all, changed) != 0) SAGE_TRY(sage_fail_memory(error, update->attributes_json.len));
    json_object_foreach(all, name, value) SAGE_TRY(attribute(w, name, value, error));
out:
    json_decref(all);
    json_decref(changed);
    return st;
}

sage_status sage_product_merge_write(sage_product_merge *merge, const sage_feed_product *update, sage_buf *out,
                                     bool *there, sage_error *error) {
    sage_status st = SAGE_OK;
    writing w = {.out = out};
    sage_bind_str(merge->find, 1, update->text[SAGE_P_ID]);
    SAGE_TRY(sage_db_step(merge->find, there, error));
    if (!*there) goto out;
    SAGE_TRY(texts(merge, update, &w, error));
    SAGE_TRY(prices(merge, update, &w, error));
    SAGE_TRY(pictures(merge, &w, error));
    SAGE_TRY(attributes(merge, update, &w, error));
    SAGE_TRY(sage_buf_byte(out, '}', error));
out:
    sqlite3_reset(merge->find);
    return st;
}
