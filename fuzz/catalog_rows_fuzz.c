/* Rows of any feed, taken as products and as events: whatever comes, a row is refused with a reason, or what is made of
 * it keeps its stated limits. */
#include "fuzz.h"
#include <catalog/fingerprint.h>
#include <catalog/import_event.h>
#include <catalog/import_product.h>
#include <jansson.h>
#include <string.h>

static void check_attributes(const sage_feed_product *product) {
    json_error_t error;
    if (product->attributes_json.len == 0) return;
    /* Names and values with a zero byte are refused by the reader; all else is text that any JSON parser takes. */
    json_t *root =
        json_loadb(product->attributes_json.data, product->attributes_json.len, JSON_REJECT_DUPLICATES, &error);
    FUZZ_CHECK(json_is_object(root) && json_object_size(root) <= product->n_attributes);
    json_decref(root);
}

static void check_product(const sage_feed_product *product, sage_buf *scratch) {
    sage_str fields[SAGE_FIELDS];
    sage_picture pictures[SAGE_IMAGES_MAX] = {0};
    unsigned char hash[16];
    FUZZ_CHECK(product->text[SAGE_P_ID].len >= 1 && product->text[SAGE_P_ID].len <= 255);
    FUZZ_CHECK(product->n_images <= SAGE_IMAGES_MAX && product->price_minor >= -1 && product->sale_price_minor >= -1);
    FUZZ_CHECK((product->currency[0] == '\0') == (product->price_minor < 0 && product->sale_price_minor < 0));
    for (size_t i = 0; i < product->n_images; i++) pictures[i].link = product->images[i];
    sage_product_fields(product->text, fields);
    FUZZ_CHECK(sage_row_hash(product, scratch, hash, NULL) == SAGE_OK);
    FUZZ_CHECK(sage_fingerprint_make(fields, pictures, product->n_images, scratch, hash, NULL) == SAGE_OK);
    check_attributes(product);
}

static void check_event(const sage_feed_event *event) {
    FUZZ_CHECK(event->surface < SAGE_SURFACES && event->kind < SAGE_EVENT_KINDS && event->count >= 1 &&
               event->count <= 1000000000);
    FUZZ_CHECK(event->query.len >= 1 && event->query_key.len >= 1 && event->product_id.len >= 1 &&
               event->product_id.len <= 255);
    FUZZ_CHECK(event->user_id.len <= 255 && (event->time_ms == INT64_MIN || event->time_ms >= 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sage_feed *feed = NULL;
    const sage_feed_row *row = NULL;
    sage_product_reader products;
    sage_event_reader events;
    sage_buf scratch;
    sage_flaw flaw;
    sage_buf_init(&scratch, 64 << 20);
    FUZZ_CHECK(sage_product_reader_init(&products, "title=name", "", NULL) == SAGE_OK);
    FUZZ_CHECK(sage_event_reader_init(&events, NULL, "", NULL) == SAGE_OK);
    if (sage_feed_open_memory(data, size, "fuzz", SAGE_FEED_AUTO, &feed, NULL) == SAGE_OK) {
        while (sage_feed_next(feed, &row, NULL) == SAGE_OK && row != NULL) {
            if (row->reject != NULL) continue;
            FUZZ_CHECK(sage_product_take(&products, row, &flaw, NULL) == SAGE_OK);
            if (flaw.reason == NULL) check_product(&products.product, &scratch);
            FUZZ_CHECK(sage_event_take(&events, row, &flaw, NULL) == SAGE_OK);
            if (flaw.reason == NULL) check_event(&events.event);
        }
    }
    sage_feed_close(feed);
    sage_product_reader_free(&products);
    sage_event_reader_free(&events);
    sage_buf_free(&scratch);
    return 0;
}
