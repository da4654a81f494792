#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_product.h>
#include <catalog/product_json.h>
#include <string.h>

enum { TEXT_MAX = SAGE_FEED_ROW_MAX + 1 };

struct sage_product_json {
    sage_product_reader reader;
    sage_feed *feed;
    sage_buf line;
    sage_buf links; /* of pictures, terminated */
    sage_product_row row;
};

sage_status sage_product_json_new(sage_product_json **json, sage_error *error) {
    *json = NULL;
    sage_product_json *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    sage_buf_init(&made->line, TEXT_MAX);
    sage_buf_init(&made->links, TEXT_MAX);
    sage_status st = sage_product_reader_init(&made->reader, NULL, "", error);
    if (st == SAGE_OK) *json = made;
    if (st != SAGE_OK) sage_product_json_free(made);
    return st;
}

void sage_product_json_free(sage_product_json *json) {
    if (json == NULL) return;
    sage_feed_close(json->feed);
    sage_product_reader_free(&json->reader);
    sage_buf_free(&json->line);
    sage_buf_free(&json->links);
    sage_free(json);
}

static sage_status refuse(sage_error *error, size_t column, const char *detail) {
    return sage_fail_at(error, SAGE_E_ARGUMENT, "product", 0, column, "%s", detail);
}

/* What else a feed may be, such as gzip, a product is not. */
static sage_status check_begin(const char *text, size_t len, sage_error *error) {
    size_t at = 0;
    while (at < len && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0') at++;
    if (at < len && text[at] == '{') return SAGE_OK;
    return refuse(error, at < len ? at + 1 : 0, "no product; give a JSON object");
}

/* Line breaks stand between values alone: inside of strings they are escaped, so what is a blank there is none here. */
static sage_status open_line(sage_product_json *json, const char *text, size_t len, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_feed_close(json->feed);
    json->feed = NULL;
    sage_buf_clear(&json->line);
    if (len >= SAGE_FEED_ROW_MAX)
        return sage_fail(error, SAGE_E_LIMIT, "a product of more than %d bytes", SAGE_FEED_ROW_MAX);
    SAGE_TRY(check_begin(text, len, error));
    SAGE_TRY(sage_buf_add(&json->line, text, len, error));
    for (size_t i = 0; i < len; i++)
        if (json->line.data[i] == '\n' || json->line.data[i] == '\r') json->line.data[i] = ' ';
    st = sage_feed_open_memory(json->line.data, json->line.len, "product", SAGE_FEED_JSONL, &json->feed, error);
out:
    return st;
}

static sage_status take_images(sage_product_json *json, sage_error *error) {
    const sage_feed_product *product = &json->reader.product;
    sage_status st = SAGE_OK;
    size_t at = 0;
    sage_buf_clear(&json->links);
    for (size_t i = 0; i < product->n_images; i++) {
        SAGE_TRY(sage_buf_add(&json->links, product->images[i].data, product->images[i].len, error));
        SAGE_TRY(sage_buf_byte(&json->links, '\0', error));
    }
    for (size_t i = 0; i < product->n_images; at += product->images[i++].len + 1)
        json->row.images[i] = (sage_image_ref){"", 0, json->links.data + at};
    json->row.n_images = product->n_images;
    if (product->n_images > 0) json->row.image_link = product->images[0];
out:
    return st;
}

static sage_status take_row(sage_product_json *json, sage_error *error) {
    const sage_feed_product *product = &json->reader.product;
    json->row = (sage_product_row){.id = product->text[SAGE_P_ID],
                                   .item_group_id = product->text[SAGE_P_GROUP],
                                   .link = product->text[SAGE_P_LINK],
                                   .availability = product->text[SAGE_P_AVAILABILITY],
                                   .price_minor = product->price_minor,
                                   .sale_price_minor = product->sale_price_minor,
                                   .attributes = product->attributes_json};
    memcpy(json->row.currency, product->currency, sizeof json->row.currency);
    sage_product_fields(product->text, json->row.fields);
    return take_images(json, error);
}

/* A file that is no feed is no product. */
static sage_status as_argument(sage_status st, sage_error *error) {
    if (st != SAGE_E_FORMAT) return st;
    if (error != NULL) error->code = SAGE_E_ARGUMENT;
    return SAGE_E_ARGUMENT;
}

sage_status sage_product_json_take(sage_product_json *json, const char *text, size_t len,
                                   const sage_feed_product **product, sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_feed_row *read;
    sage_flaw flaw;
    *product = NULL;
    SAGE_TRY(as_argument(open_line(json, text, len, error), error));
    SAGE_TRY(as_argument(sage_feed_next(json->feed, &read, error), error));
    if (read == NULL) return refuse(error, 0, "no product; give a JSON object");
    if (read->reject != NULL) return refuse(error, read->reject_column, read->reject_detail);
    SAGE_TRY(sage_product_take(&json->reader, read, &flaw, error));
    if (flaw.reason != NULL) return refuse(error, flaw.column, flaw.detail);
    *product = &json->reader.product;
out:
    return st;
}

sage_status sage_product_json_read(sage_product_json *json, const char *text, size_t len, const sage_product_row **row,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_feed_product *product;
    *row = NULL;
    SAGE_TRY(sage_product_json_take(json, text, len, &product, error));
    SAGE_TRY(take_row(json, error));
    *row = &json->row;
out:
    return st;
}
