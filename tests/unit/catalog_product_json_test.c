/* A product as one JSON object is the row that an import makes of the same line. */
#include "catalog_help.h"
#include <base/alloc.h>
#include <catalog/product_json.h>

static const char *const lines[] = {
    "{\"id\": \"a1\", \"title\": \"Oak table\", \"price\": \"12.99 EUR\"}",
    "{\"id\": \" a2 \", \"title\": \"T\\u00fcr\", \"description\": \"one\\ntwo\", \"link\": "
    "\"https://shop.example/x/2?y=3\", "
    "\"image_link\": \"https://shop.example/2.jpg\", \"additional_image_link\": [\"https://shop.example/3.jpg\", "
    "\"https://shop.example/4.jpg\"], \"brand\": \"Bo\", \"google_product_category\": \"A > B\", \"sale_price\": \"9 "
    "EUR\", "
    "\"price\": \"10 EUR\", \"availability\": \"in stock\", \"item_group_id\": \"g\"}",
    "{\"id\": 17, \"Product Type\": \"lamps\", \"color\": [\"red\", \"blue\"], \"material\": null, \"wattage\": 40.5, "
    "\"dimmable\": true, \"size\": \"\", \"shipping\": {\"country\": \"DE\", \"price\": \"3 EUR\"}, \"zeta\": "
    "\"\\\"q\\\"\"}",
    "{\"id\": \"bare\"}",
};
enum { LINES = sizeof lines / sizeof *lines };

static void expect_text(sage_str a, sage_str b) {
    assert_int_equal(a.len, b.len);
    if (a.len > 0) assert_memory_equal(a.data, b.data, a.len);
}

static void expect_row(const sage_product_row *a, const sage_product_row *b) {
    expect_text(a->id, b->id);
    expect_text(a->item_group_id, b->item_group_id);
    for (size_t f = 0; f < SAGE_FIELDS; f++) expect_text(a->fields[f], b->fields[f]);
    expect_text(a->link, b->link);
    expect_text(a->image_link, b->image_link);
    expect_text(a->availability, b->availability);
    expect_text(a->attributes, b->attributes);
    assert_true(a->price_minor == b->price_minor && a->sale_price_minor == b->sale_price_minor);
    assert_string_equal(a->currency, b->currency);
    assert_int_equal(a->n_images, b->n_images);
    for (size_t i = 0; i < a->n_images; i++) {
        assert_string_equal(a->images[i].link, b->images[i].link);
        assert_string_equal(a->images[i].vector_file, "");
    }
}

static void rows_are_those_of_an_import(void **state) {
    (void)state;
    place p;
    char feed[4096] = "";
    sage_product_cursor *cursor;
    const sage_product_row *imported, *read;
    sage_product_json *json;
    for (size_t i = 0; i < LINES; i++) {
        strcat(feed, lines[i]);
        strcat(feed, "\n");
    }
    place_open(&p);
    need_ok(&p, place_import(&p, "feed.jsonl", feed, NULL));
    assert_int_equal(p.report.rejected, 0);
    need_ok(&p, sage_product_json_new(&json, &p.error));
    need_ok(&p, sage_product_cursor_open(p.catalog, 0, 0, &cursor, &p.error));
    for (size_t i = 0; i < LINES; i++) {
        need_ok(&p, sage_product_cursor_next(cursor, &imported, &p.error));
        need_ok(&p, sage_product_json_read(json, lines[i], strlen(lines[i]), &read, &p.error));
        expect_row(imported, read);
    }
    sage_product_cursor_close(cursor);
    sage_product_json_free(json);
    place_close(&p);
}

/* Over several lines too, as people and programs write it. */
static void line_breaks_stand_between_values(void **state) {
    (void)state;
    static const char text[] = "\r\n{\n  \"id\":\n \"a1\",\r\n  \"title\": \"Oak\\ntable\"\n}\n\n";
    sage_product_json *json;
    const sage_product_row *row;
    sage_error error = {0};
    assert_int_equal(sage_product_json_new(&json, &error), SAGE_OK);
    if (sage_product_json_read(json, text, strlen(text), &row, &error) != SAGE_OK) fail_msg("%s", error.text);
    expect_text(row->id, SAGE_STR("a1"));
    expect_text(row->fields[SAGE_TITLE], SAGE_STR("Oak\ntable"));
    sage_product_json_free(json);
}

static void what_is_none_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t column;
    } cases[] = {
        {"", 0},
        {" \n ", 0},
        {"7", 1},
        {"{\"id\": \"a\"", 11},
        {"{\"id\": \"a\"} {}", 13},
        {"{\"title\": \"a\"}", 0},
        {"{\"id\": \"a\", \"id\": \"b\"}", 13},
        {"{\"id\": \"a\", \"price\": \"cheap\"}", 22},
        {"{\"id\": \"a\", \"price\": \"1 EUR\", \"sale_price\": \"1 USD\"}", 45},
        {"{\"id\": \"a\xff\"}", 0},
    };
    sage_product_json *json;
    const sage_product_row *row;
    sage_error error = {0};
    assert_int_equal(sage_product_json_new(&json, &error), SAGE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        error = (sage_error){0};
        assert_int_equal(sage_product_json_read(json, cases[i].text, strlen(cases[i].text), &row, &error),
                         SAGE_E_ARGUMENT);
        assert_int_equal(error.code, SAGE_E_ARGUMENT);
        if (cases[i].column > 0) assert_int_equal(error.column, cases[i].column);
        assert_true(error.text[0] != '\0' && strchr(error.text, '\n') == NULL);
        assert_null(row);
    }
    assert_int_equal(sage_product_json_read(json, lines[0], strlen(lines[0]), &row, &error), SAGE_OK);
    sage_product_json_free(json);
}

static void short_memory(void **state) {
    (void)state;
    sage_status st = SAGE_E_MEMORY;
    for (unsigned long at = 1; st != SAGE_OK; at++) {
        sage_product_json *json = NULL;
        const sage_product_row *row;
        sage_alloc_fail_from(at);
        st = sage_product_json_new(&json, NULL);
        if (st == SAGE_OK) st = sage_product_json_read(json, lines[1], strlen(lines[1]), &row, NULL);
        sage_alloc_fail_from(0);
        if (st != SAGE_OK) assert_int_equal(st, SAGE_E_MEMORY);
        sage_product_json_free(json);
        assert_true(at < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_an_import),
        cmocka_unit_test(line_breaks_stand_between_values),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
