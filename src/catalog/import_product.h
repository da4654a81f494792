/* A row of a product feed, checked and taken apart. Limits and reasons:
 *   id             required ("no-id"), at most 255 bytes, no control characters ("bad-id")
 *   item_group_id  at most 255 bytes ("bad-item-group-id")
 *   pictures       at most 20: image_link and additional_image_link, each repeatable or separated by commas
 *                  ("too-many-images"); must not leave --images DIR ("image-outside")
 *   price, sale_price   see catalog/price.h; both in one currency ("mixed-currencies")
 *   a field given twice: texts of the model other than the title are joined by ", ", any other is "repeated-field"
 *   any other column is an attribute: its name has at most 127 bytes ("bad-attribute")
 * Blanks around a value are dropped; a value of blanks alone is absent. */
#ifndef SAGE_CATALOG_IMPORT_PRODUCT_H
#define SAGE_CATALOG_IMPORT_PRODUCT_H

#include <base/arena.h>
#include <catalog/catalog.h>
#include <catalog/feed.h>
#include <catalog/import_map.h>
#include <catalog/price.h>

typedef enum sage_product_text_column {
    SAGE_P_ID,
    SAGE_P_GROUP,
    SAGE_P_AVAILABILITY,
    SAGE_P_LINK,
    SAGE_P_TITLE,
    SAGE_P_DESCRIPTION,
    SAGE_P_CATEGORY,
    SAGE_P_TYPE,
    SAGE_P_BRAND,
    SAGE_P_COLOR,
    SAGE_P_MATERIAL,
    SAGE_P_PATTERN,
    SAGE_P_SIZE,
    SAGE_P_SIZE_TYPE,
    SAGE_P_TEXTS
} sage_product_text_column;

typedef struct sage_feed_attribute {
    sage_str name, value;
    size_t order;
} sage_feed_attribute;

/* Views into the feed's row or the reader's memory: until its next take. */
typedef struct sage_feed_product {
    sage_str text[SAGE_P_TEXTS];
    int64_t price_minor, sale_price_minor; /* -1: absent */
    char currency[4];
    sage_str images[SAGE_IMAGES_MAX];
    size_t n_images;
    const sage_feed_attribute *attributes; /* by name, then as they came */
    size_t n_attributes;
    sage_str attributes_json; /* {"name":"value","name":["value","value"]}; empty where there are none */
} sage_feed_product;

typedef struct sage_product_reader {
    sage_field_map map;
    const char *images_dir; /* a real path, or ""; the caller's */
    sage_arena *arena;
    sage_feed_attribute *attributes;
    size_t n_attributes, attributes_capacity;
    sage_buf json;
    sage_feed_product product;
} sage_product_reader;

sage_status sage_product_reader_init(sage_product_reader *reader, const char *map, const char *images_dir,
                                     sage_error *error);
void sage_product_reader_free(sage_product_reader *reader);
/* Fills reader->product. flaw->reason is set where the row is refused; product.text[SAGE_P_ID] then still holds the id
 * where it is a good one, else is empty. */
sage_status sage_product_take(sage_product_reader *reader, const sage_feed_row *row, sage_flaw *flaw,
                              sage_error *error);

/* A text as JSON has it, with its quotes. */
sage_status sage_json_quote(sage_buf *json, sage_str text, sage_error *error);

/* The model's fields of a product: views, domain and path from its link. */
void sage_product_fields(const sage_str text[SAGE_P_TEXTS], sage_str fields[SAGE_FIELDS]);

#endif
