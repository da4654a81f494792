/* Limits, places, hashes, files and short memory of the feed readers; what rows look like is in tests/cases/feeds. */
#include <base/alloc.h>
#include <base/rng.h>
#include <catalog/feed_core.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>
/* cmocka wants the standard headers before it */
#include <cmocka.h>

enum { MIB = 1 << 20 };

/* A text that is built up; grows as needed. */
typedef struct text {
    char *data;
    size_t len, cap;
} text;

static void put(text *t, const void *bytes, size_t n) {
    if (n >= t->cap - t->len) {
        t->cap = 2 * (t->len + n + 1);
        t->data = realloc(t->data, t->cap);
        assert_non_null(t->data);
    }
    memcpy(t->data + t->len, bytes, n);
    t->len += n;
    t->data[t->len] = '\0';
}

static void say(text *t, const char *string) {
    put(t, string, strlen(string));
}

static void fill(text *t, char c, size_t n) {
    char run[4096];
    memset(run, c, sizeof run);
    for (; n > sizeof run; n -= sizeof run) put(t, run, sizeof run);
    put(t, run, n);
}

/* One line a row: "line reason-or-ok fields rawbytes". */
static void read_all(const text *in, size_t piece, sage_feed_format format, text *out) {
    sage_input *input;
    sage_feed *feed = NULL;
    sage_error error;
    const sage_feed_row *row = NULL;
    char line[800];
    assert_int_equal(sage_input_open_memory(in->data, in->len, piece, "test", &input, &error), SAGE_OK);
    sage_status st = sage_feed_open_input(input, format, &feed, &error);
    while (st == SAGE_OK && (st = sage_feed_next(feed, &row, &error)) == SAGE_OK && row != NULL) {
        XXH64_hash_t hash = XXH3_64bits(row->raw.data, row->raw.len);
        for (size_t i = 0; i < row->n_fields; i++) {
            hash = XXH3_64bits_withSeed(row->fields[i].name.data, row->fields[i].name.len, hash);
            hash = XXH3_64bits_withSeed(row->fields[i].value.data, row->fields[i].value.len, hash);
        }
        snprintf(line, sizeof line, "%zu %s %zu %zu %zu:%zu %llx\n", row->line,
                 row->reject != NULL ? row->reject : "ok", row->n_fields, row->raw.len, row->reject_line,
                 row->reject_column, (unsigned long long)hash);
        say(out, line);
    }
    if (st != SAGE_OK) {
        snprintf(line, sizeof line, "%s %zu:%zu %s\n", sage_status_name(st), error.line, error.column, error.text);
        say(out, line);
    }
    sage_feed_close(feed);
}

/* The rows of `in`, as "line reason" pairs with blanks between. */
static void expect(const text *in, sage_feed_format format, const char *wanted) {
    sage_feed *feed;
    sage_error error;
    const sage_feed_row *row;
    text seen = {0};
    char line[200];
    say(&seen, "");
    assert_int_equal(sage_feed_open_memory(in->data, in->len, "test", format, &feed, &error), SAGE_OK);
    while (sage_feed_next(feed, &row, &error) == SAGE_OK && row != NULL) {
        snprintf(line, sizeof line, "%s%zu %s", seen.len > 0 ? " " : "", row->line,
                 row->reject != NULL ? row->reject : "ok");
        say(&seen, line);
        assert_true(row->raw.len <= SAGE_FEED_RAW_MAX);
    }
    sage_feed_close(feed);
    assert_string_equal(seen.data, wanted);
    free(seen.data);
}

/* ---- limits ---- */

static void test_csv_field_limit(void **state) {
    (void)state;
    text in = {0};
    say(&in, "id,title\n1,");
    fill(&in, 'x', MIB);
    say(&in, "\n2,");
    fill(&in, 'x', MIB + 1);
    say(&in, "\n3,\"");
    fill(&in, 'x', MIB + 1);
    say(&in, "\"\n4,good\n");
    expect(&in, SAGE_FEED_AUTO, "2 ok 3 field-too-long 4 field-too-long 5 ok");
    free(in.data);
}

static void test_csv_row_limit(void **state) {
    (void)state;
    text in = {0};
    say(&in, "a,b,c,d,e\n");
    for (int row = 0; row < 2; row++) { /* exactly 4 MiB, then one byte more */
        for (int i = 0; i < 4; i++) {
            fill(&in, 'x', MIB - 1);
            say(&in, ",");
        }
        if (row == 1) say(&in, "y");
        say(&in, "\n");
    }
    say(&in, "1,2,3,4,5\n");
    fill(&in, 'x', 9 * MIB); /* more than the window ever holds */
    say(&in, "\n1,2,3,4,5\n");
    expect(&in, SAGE_FEED_AUTO, "2 ok 3 row-too-long 4 ok 5 row-too-long 6 ok");
    free(in.data);
}

/* A quote that is never closed costs its line and nothing else, however much follows. */
static void test_csv_unclosed_quote_in_long_file(void **state) {
    (void)state;
    text in = {0};
    say(&in, "id,title\n1,\"open\n");
    size_t rows = 0;
    for (; in.len < 5 * MIB; rows++) say(&in, "2,a good row of some length; or so\n");
    sage_feed *feed;
    sage_error error;
    const sage_feed_row *row;
    size_t n = 0;
    assert_int_equal(sage_feed_open_memory(in.data, in.len, "test", SAGE_FEED_CSV, &feed, &error), SAGE_OK);
    assert_int_equal(sage_feed_next(feed, &row, &error), SAGE_OK);
    assert_string_equal(row->reject, "unclosed-quote");
    assert_int_equal(row->reject_line, 2);
    assert_int_equal(row->raw.len, 7);
    while (sage_feed_next(feed, &row, &error) == SAGE_OK && row != NULL) {
        assert_null(row->reject);
        n++;
    }
    assert_int_equal(n, rows);
    sage_feed_close(feed);
    free(in.data);
}

static void test_csv_column_limit(void **state) {
    (void)state;
    text in = {0};
    say(&in, "c1");
    char name[20];
    for (int i = 2; i <= 1024; i++) {
        snprintf(name, sizeof name, ",c%d", i);
        say(&in, name);
    }
    text more = {0};
    put(&more, in.data, in.len);
    say(&more, ",c1025\n");
    sage_feed *feed;
    sage_error error;
    assert_int_equal(sage_feed_open_memory(more.data, more.len, "test", SAGE_FEED_AUTO, &feed, &error), SAGE_E_LIMIT);
    assert_null(feed);

    say(&in, "\n");
    fill(&in, ',', 1023);
    say(&in, "\n");
    fill(&in, ',', 1024);
    say(&in, "\n");
    fill(&in, ',', 1023);
    expect(&in, SAGE_FEED_AUTO, "2 ok 3 too-many-fields 4 ok");
    free(in.data);
    free(more.data);
}

static void test_jsonl_limits(void **state) {
    (void)state;
    text in = {0};
    say(&in, "{\"a\":\"");
    fill(&in, 'x', MIB);
    say(&in, "\"}\n{\"a\":\"");
    fill(&in, 'x', MIB + 1);
    say(&in, "\"}\n{\"a\":[");
    while (in.len < 7 * MIB)
        say(&in, "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",");
    say(&in, "1]}\n{\"a\":1}\n{\"b\":\"");
    fill(&in, 'x', 9 * MIB);
    say(&in, "\"}\n{\"a\":1}");
    expect(&in, SAGE_FEED_AUTO, "1 ok 2 field-too-long 3 row-too-long 4 ok 5 row-too-long 6 ok");
    free(in.data);
}

static void test_xml_limits(void **state) {
    (void)state;
    text in = {0};
    say(&in, "<rss><channel>\n<item><a>");
    fill(&in, 'x', MIB);
    say(&in, "</a></item>\n<item><a>");
    fill(&in, 'x', MIB + 1);
    say(&in, "</a></item>\n<item>");
    for (int i = 0; i < 5; i++) {
        say(&in, "<a>");
        fill(&in, 'x', MIB);
        say(&in, "</a>");
    }
    say(&in, "</item>\n<item><a>");
    fill(&in, '\n', 9 * MIB);
    say(&in, "</a></item>\n<item><a><![CDATA[");
    fill(&in, 'x', 9 * MIB);
    say(&in, "]]></a></item><item><a>1</a></item></channel></rss>");
    expect(&in, SAGE_FEED_AUTO, "2 ok 3 field-too-long 4 row-too-long 5 row-too-long 9437190 row-too-long 9437190 ok");
    free(in.data);
}

static void test_xml_endless_tag(void **state) {
    (void)state;
    text in = {0};
    say(&in, "<rss><channel><item><a>1</a></item><item b=\"");
    fill(&in, 'x', 20 * MIB);
    sage_feed *feed;
    sage_error error;
    const sage_feed_row *row;
    assert_int_equal(sage_feed_open_memory(in.data, in.len, "test", SAGE_FEED_AUTO, &feed, &error), SAGE_OK);
    assert_int_equal(sage_feed_next(feed, &row, &error), SAGE_OK);
    assert_non_null(row);
    assert_int_equal(sage_feed_next(feed, &row, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "longer than"));
    assert_true(sage_feed_bytes(feed) < 12 * MIB); /* it was not read to the end */
    assert_int_equal(sage_feed_next(feed, &row, &error), SAGE_E_FORMAT);
    sage_feed_close(feed);
    free(in.data);
}

static void test_blank_beginning(void **state) {
    (void)state;
    text in = {0};
    fill(&in, ' ', 6 * MIB);
    sage_feed *feed;
    sage_error error;
    assert_int_equal(sage_feed_open_memory(in.data, in.len, "test", SAGE_FEED_AUTO, &feed, &error), SAGE_E_FORMAT);
    memset(in.data, 'x', in.len);
    assert_int_equal(sage_feed_open_memory(in.data, in.len, "test", SAGE_FEED_AUTO, &feed, &error), SAGE_E_FORMAT);
    assert_non_null(strstr(error.text, "first line"));
    free(in.data);
}

/* ---- identity, files ---- */

static void gzip(const text *in, text *out) {
    z_stream z = {0};
    unsigned char block[4096];
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)in->data;
    z.avail_in = (uInt)in->len;
    do {
        z.next_out = block;
        z.avail_out = sizeof block;
        deflate(&z, Z_FINISH);
        put(out, block, (size_t)(z.next_out - block));
    } while (z.avail_out == 0);
    deflateEnd(&z);
}

static void test_hash_and_bytes(void **state) {
    (void)state;
    text in = {0}, packed = {0};
    say(&in, "\xEF\xBB\xBFid,title\n");
    for (int i = 0; i < 50000; i++) say(&in, "1,\"caf\xC3\xA9\"\n");
    gzip(&in, &packed);
    XXH128_hash_t whole = XXH3_128bits(in.data, in.len);
    const text *const both[] = {&in, &packed};
    for (int i = 0; i < 2; i++) {
        sage_feed *feed;
        sage_error error;
        const sage_feed_row *row;
        uint64_t low, high, before = 0;
        assert_int_equal(sage_feed_open_memory(both[i]->data, both[i]->len, "test", SAGE_FEED_AUTO, &feed, &error),
                         SAGE_OK);
        size_t n = 0;
        const sage_str *columns = sage_feed_columns(feed, &n);
        assert_int_equal(n, 2);
        assert_int_equal(columns[1].len, 5);
        assert_memory_equal(columns[1].data, "title", 5);
        while (sage_feed_next(feed, &row, &error) == SAGE_OK && row != NULL) {
            assert_int_equal(sage_feed_bytes(feed) - before, before == 0 ? 12 + 10 : 10);
            before = sage_feed_bytes(feed);
        }
        sage_feed_hash(feed, &low, &high);
        assert_true(low == whole.low64 && high == whole.high64);
        assert_int_equal(sage_feed_bytes(feed), in.len);
        assert_int_equal(sage_feed_next(feed, &row, &error), SAGE_OK); /* the end stays the end */
        assert_null(row);
        sage_feed_close(feed);
    }
    free(in.data);
    free(packed.data);
}

/* A long row that packs to almost nothing is refused without being held. */
static void test_gzip_bomb(void **state) {
    (void)state;
    text in = {0}, packed = {0};
    say(&in, "id,title\n1,");
    fill(&in, 'x', 64 * MIB);
    say(&in, "\n2,good\n");
    gzip(&in, &packed);
    assert_true(packed.len < MIB);
    expect(&packed, SAGE_FEED_AUTO, "2 row-too-long 3 ok");
    free(in.data);
    free(packed.data);
}

static void test_files(void **state) {
    (void)state;
    char path[] = "/tmp/sage_feed_XXXXXX";
    sage_feed *feed;
    sage_error error;
    const sage_feed_row *row;
    assert_int_equal(sage_feed_open("/nowhere/feed.csv", SAGE_FEED_AUTO, &feed, &error), SAGE_E_NOT_FOUND);
    assert_null(feed);
    assert_int_equal(sage_feed_open("/tmp", SAGE_FEED_AUTO, &feed, &error), SAGE_E_IO);

    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "id,title\n1,a\n", 13), 13);
    assert_int_equal(sage_feed_open(path, SAGE_FEED_AUTO, &feed, &error), SAGE_OK);
    assert_int_equal(sage_feed_next(feed, &row, &error), SAGE_OK);
    assert_int_equal(row->n_fields, 2);
    sage_feed_close(feed);

    int saved = dup(STDIN_FILENO);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(sage_feed_open("-", SAGE_FEED_CSV, &feed, &error), SAGE_OK);
    assert_int_equal(sage_feed_next(feed, &row, &error), SAGE_OK);
    assert_int_equal(row->n_fields, 2);
    sage_feed_close(feed);
    assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* left open */
    assert_int_equal(lseek(fd, 0, SEEK_END), 13);
    assert_int_equal(sage_feed_open("-", SAGE_FEED_CSV, &feed, &error), SAGE_E_FORMAT);
    assert_string_equal(error.source, "standard input");
    if (saved >= 0) {
        dup2(saved, STDIN_FILENO);
        close(saved);
    }
    close(fd);
    unlink(path);
}

/* ---- short memory ---- */

static sage_status read_through(const text *in) {
    sage_feed *feed;
    sage_error error;
    const sage_feed_row *row = NULL;
    sage_status st = sage_feed_open_memory(in->data, in->len, "test", SAGE_FEED_AUTO, &feed, &error);
    if (st != SAGE_OK) return st;
    while ((st = sage_feed_next(feed, &row, &error)) == SAGE_OK && row != NULL) {
    }
    sage_feed_close(feed);
    return st;
}

static void test_short_memory(void **state) {
    (void)state;
    static const char *const contents[] = {
        "id,title\n1,\"a \"\"b\"\" c\"\n2,\"open\n3,x\n",
        "id\ttitle\n1\t\"a \"\"b\"\" c\"\n2\t\"open\n",
        "{\"id\":\"\\u00e9\",\"A b\":{\"c\":[1,2,3,4,5,6,7,8,9]}}\nbad\n",
        "<rss><channel><item><g:id>1</g:id><s>&eacute;<b>x</b></s></item><item><a/></item></channel></rss>",
    };
    for (size_t i = 0; i < 8; i++) {
        text in = {0}, packed = {0};
        say(&in, contents[i / 2]);
        if (i % 2 == 0 && i < 6) {
            say(&in, i / 2 == 2 ? "{\"long\":\"" : "9,");
            fill(&in, 'x', 600 << 10); /* the window grows */
            say(&in, i / 2 == 2 ? "\"}" : "");
        }
        if (i % 2 == 1) gzip(&in, &packed);
        const text *file = i % 2 == 1 ? &packed : &in;
        unsigned long n = 1;
        for (;; n++) {
            sage_alloc_fail_from(n);
            sage_status st = read_through(file);
            sage_alloc_fail_from(0);
            if (st == SAGE_OK) break;
            assert_int_equal(st, SAGE_E_MEMORY);
        }
        assert_true(n > 5);
        free(in.data);
        free(packed.data);
    }
}

/* ---- the same rows, however the stream is cut ---- */

static void random_feed(sage_rng *rng, sage_feed_format format, text *in) {
    static const char *const csv[] = {"\"", "\"\"", ",",   ",",        "\n",   "\r\n", "\r",
                                      "a",  "1,",   "x\n", "\xC3\xA9", "\xE9", " ",    "\n\n"};
    static const char *const tsv[] = {"\"", "\"\"", "\t",   "\t",    "\n",   "\r\n", "\r",
                                      "a",  "\"\t", "\t\"", "x\"\n", "\xE9", " "};
    static const char *const json[] = {
        "{\"a\":", "}",     "}\n",  "\"", "\\",   "\\u00e9",      "\\ud83d\\ude00", "[",    "]",    ",",
        "\"b\":",  "1.5e3", "null", "\n", "true", "{\"id\":1}\n", "\xC3\xA9",       "\xE9", "\r\n", " "};
    static const char *const xml[] = {"<item>",
                                      "</item>",
                                      "<g:id>",
                                      "</g:id>",
                                      "<b>",
                                      "</b>",
                                      "text",
                                      "&amp;",
                                      "&eacute;",
                                      "&bad;",
                                      "<![CDATA[",
                                      "]]>",
                                      "<!--",
                                      "-->",
                                      "\n",
                                      "\xC3\xA9",
                                      "\xE9",
                                      "\x01",
                                      "<item><a>1</a></item>\n",
                                      "<item><a>\xE9</a></item>"};
    const char *const *parts = format == SAGE_FEED_CSV     ? csv
                               : format == SAGE_FEED_TSV   ? tsv
                               : format == SAGE_FEED_JSONL ? json
                                                           : xml;
    size_t n = format == SAGE_FEED_CSV     ? sizeof csv / sizeof *csv
               : format == SAGE_FEED_TSV   ? sizeof tsv / sizeof *tsv
               : format == SAGE_FEED_JSONL ? sizeof json / sizeof *json
                                           : sizeof xml / sizeof *xml;
    in->len = 0;
    say(in, format == SAGE_FEED_CSV     ? "id,title\n"
            : format == SAGE_FEED_TSV   ? "id\ttitle\n"
            : format == SAGE_FEED_JSONL ? "{\"id\":0}\n"
                                        : "<rss><channel>");
    for (uint64_t i = sage_rng_below(rng, 60); i > 0; i--) say(in, parts[sage_rng_below(rng, n)]);
    if (format == SAGE_FEED_XML && sage_rng_below(rng, 2) == 0) say(in, "</channel></rss>");
}

static void test_cuts_do_not_matter(void **state) {
    (void)state;
    sage_rng rng;
    text in = {0}, whole = {0}, cut = {0};
    sage_rng_seed(&rng, 7, 0);
    for (int i = 0; i < 6000; i++) {
        sage_feed_format format = (sage_feed_format)(SAGE_FEED_CSV + i % 4);
        random_feed(&rng, format, &in);
        whole.len = cut.len = 0;
        say(&whole, "");
        say(&cut, "");
        read_all(&in, 0, format, &whole);
        read_all(&in, 1 + sage_rng_below(&rng, 9), format, &cut);
        if (strcmp(whole.data, cut.data) != 0) fail_msg("for\n%s\nwhole\n%scut\n%s", in.data, whole.data, cut.data);
    }
    free(in.data);
    free(whole.data);
    free(cut.data);
}

/* Long enough that rows lie across the window's and the blocks' borders. */
static void test_rows_across_borders(void **state) {
    (void)state;
    sage_rng rng;
    char number[64];
    sage_rng_seed(&rng, 8, 0);
    for (int format = SAGE_FEED_CSV; format <= SAGE_FEED_XML; format++) {
        text in = {0};
        say(&in, format == SAGE_FEED_CSV     ? "id,title\n"
                 : format == SAGE_FEED_TSV   ? "id\ttitle\n"
                 : format == SAGE_FEED_JSONL ? ""
                                             : "<rss><channel>\n");
        size_t rows = 0;
        for (; in.len < 2 * MIB; rows++) {
            snprintf(number, sizeof number,
                     format == SAGE_FEED_CSV     ? "%zu,\"\xC3\xA9"
                     : format == SAGE_FEED_TSV   ? "%zu\t\xC3\xA9"
                     : format == SAGE_FEED_JSONL ? "{\"id\":%zu,\"title\":\"\xC3\xA9"
                                                 : "<item><g:id>%zu</g:id><title>\xC3\xA9",
                     rows);
            say(&in, number);
            fill(&in, 'x', sage_rng_below(&rng, 40) == 0 ? sage_rng_below(&rng, 300000) : sage_rng_below(&rng, 3000));
            say(&in, format == SAGE_FEED_CSV     ? "\"\n"
                     : format == SAGE_FEED_TSV   ? "\n"
                     : format == SAGE_FEED_JSONL ? "\"}\n"
                                                 : "</title></item>\n");
        }
        if (format == SAGE_FEED_XML) say(&in, "</channel></rss>");
        sage_feed *feed;
        sage_error error;
        const sage_feed_row *row;
        assert_int_equal(sage_feed_open_memory(in.data, in.len, "test", SAGE_FEED_AUTO, &feed, &error), SAGE_OK);
        for (size_t i = 0; i < rows; i++) {
            assert_int_equal(sage_feed_next(feed, &row, &error), SAGE_OK);
            assert_non_null(row);
            assert_null(row->reject);
            assert_int_equal(row->line, i + (format == SAGE_FEED_JSONL ? 1 : 2));
            assert_int_equal(row->n_fields, 2);
            int digits = snprintf(number, sizeof number, "%zu", i);
            assert_int_equal(row->fields[0].value.len, digits);
            assert_memory_equal(row->fields[0].value.data, number, (size_t)digits);
        }
        assert_int_equal(sage_feed_next(feed, &row, &error), SAGE_OK);
        assert_null(row);
        sage_feed_close(feed);
        free(in.data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv_field_limit),
        cmocka_unit_test(test_csv_row_limit),
        cmocka_unit_test(test_csv_unclosed_quote_in_long_file),
        cmocka_unit_test(test_csv_column_limit),
        cmocka_unit_test(test_jsonl_limits),
        cmocka_unit_test(test_xml_limits),
        cmocka_unit_test(test_xml_endless_tag),
        cmocka_unit_test(test_blank_beginning),
        cmocka_unit_test(test_hash_and_bytes),
        cmocka_unit_test(test_gzip_bomb),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_short_memory),
        cmocka_unit_test(test_cuts_do_not_matter),
        cmocka_unit_test(test_rows_across_borders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
