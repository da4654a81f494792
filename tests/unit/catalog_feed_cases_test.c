/* Reads every file of tests/cases/feeds and compares rows, rejects and errors with the text in <file>.expected. Each
 * file is read whole and in small pieces, which must not make a difference. A name such as "x.as-csv.txt" demands that
 * format; others are AUTO. SAGE_TEST_WRITE=1 writes the expected files anew: read the difference before you commit it.
 */
#include <base/buf.h>
#include <catalog/feed_core.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants those before it */
#include <cmocka.h>

enum { TEXT_MAX = 1 << 20, CASES_MAX = 512 };

static char *cases[CASES_MAX];
static size_t n_cases;
static char folder[3000];

static void put_text(sage_buf *out, sage_str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (text.len > 300 && i == 100) {
            sage_buf_printf(out, NULL, "...(%zu bytes)", text.len);
            return;
        }
        if (c == '\n')
            sage_buf_text(out, "\\n", NULL);
        else if (c == '\t')
            sage_buf_text(out, "\\t", NULL);
        else if (c == '\r')
            sage_buf_text(out, "\\r", NULL);
        else if (c == '\\')
            sage_buf_text(out, "\\\\", NULL);
        else if (c < 0x20 || c == 0x7F)
            sage_buf_printf(out, NULL, "\\x%02X", c);
        else
            sage_buf_byte(out, (char)c, NULL);
    }
}

/* Raw text may be in any encoding: only ASCII as it is. */
static void put_raw(sage_buf *out, sage_str text) {
    size_t shown = text.len < 100 ? text.len : 100;
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '\n')
            sage_buf_text(out, "\\n", NULL);
        else if (c < 0x20 || c >= 0x7F)
            sage_buf_printf(out, NULL, "\\x%02X", c);
        else
            sage_buf_byte(out, (char)c, NULL);
    }
    if (shown < text.len) sage_buf_printf(out, NULL, "...(%zu bytes)", text.len);
}

static void put_row(sage_buf *out, const sage_feed_row *row, bool positions) {
    if (row->reject != NULL) {
        sage_buf_printf(out, NULL, "reject %zu at %zu:%zu %s: %s\n    raw ", row->line, row->reject_line,
                        row->reject_column, row->reject, row->reject_detail);
        put_raw(out, row->raw);
        sage_buf_text(out, "\n", NULL);
        assert_int_equal(row->n_fields, 0);
        return;
    }
    sage_buf_printf(out, NULL, "row %zu\n", row->line);
    for (size_t i = 0; i < row->n_fields; i++) {
        sage_buf_text(out, "    ", NULL);
        put_text(out, row->fields[i].name);
        if (positions) sage_buf_printf(out, NULL, " @%zu", row->fields[i].column);
        sage_buf_text(out, " = ", NULL);
        put_text(out, row->fields[i].value);
        sage_buf_text(out, "\n", NULL);
    }
}

static void put_error(sage_buf *out, sage_status st, const sage_error *error) {
    sage_buf_printf(out, NULL, "%s %zu:%zu: %s\n", sage_status_name(st), error->line, error->column, error->text);
}

static sage_feed_format demanded(const char *name) {
    if (strstr(name, ".as-csv.") != NULL) return SAGE_FEED_CSV;
    if (strstr(name, ".as-tsv.") != NULL) return SAGE_FEED_TSV;
    if (strstr(name, ".as-jsonl.") != NULL) return SAGE_FEED_JSONL;
    if (strstr(name, ".as-xml.") != NULL) return SAGE_FEED_XML;
    return SAGE_FEED_AUTO;
}

static void render(const char *bytes, size_t n, size_t piece, const char *name, sage_buf *out) {
    static const char *const names[] = {"auto", "csv", "tsv", "jsonl", "xml"};
    sage_feed *feed;
    sage_input *input;
    sage_error error;
    const sage_feed_row *row = NULL;
    sage_status st = sage_input_open_memory(bytes, n, piece, name, &input, &error);
    if (st == SAGE_OK) st = sage_feed_open_input(input, demanded(name), &feed, &error);
    if (st != SAGE_OK) {
        put_error(out, st, &error);
        return;
    }
    sage_buf_printf(out, NULL, "format %s\n", names[sage_feed_found_format(feed)]);
    bool positions = sage_feed_found_format(feed) == SAGE_FEED_JSONL;
    while ((st = sage_feed_next(feed, &row, &error)) == SAGE_OK && row != NULL) put_row(out, row, positions);
    if (st != SAGE_OK) put_error(out, st, &error);
    sage_feed_close(feed);
}

static char *read_file(const char *path, size_t *n) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    char *bytes = malloc(TEXT_MAX);
    assert_non_null(bytes);
    *n = fread(bytes, 1, TEXT_MAX, file);
    assert_true(*n < TEXT_MAX);
    fclose(file);
    return bytes;
}

static void compare(const char *name, const char *path, const sage_buf *seen) {
    size_t n = 0;
    if (getenv("SAGE_TEST_WRITE") != NULL) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fwrite(seen->data, 1, seen->len, file);
        fclose(file);
    }
    char *wanted = read_file(path, &n);
    if (wanted == NULL || n != seen->len || memcmp(wanted, seen->data, n) != 0) {
        fprintf(stderr, "---- %s gives:\n%s---- but %s says:\n%.*s", name, seen->data, path, (int)n,
                wanted != NULL ? wanted : "");
        free(wanted);
        fail_msg("%s differs", name);
    }
    free(wanted);
}

static void test_case(void **state) {
    const char *name = *state;
    char path[4000];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *bytes = read_file(path, &n);
    assert_non_null(bytes);
    sage_buf whole, cut;
    sage_buf_init(&whole, TEXT_MAX);
    sage_buf_init(&cut, TEXT_MAX);
    render(bytes, n, 0, name, &whole);
    snprintf(path, sizeof path, "%s/%s.expected", folder, name);
    compare(name, path, &whole);
    render(bytes, n, 1, name, &cut);
    assert_string_equal(cut.data, whole.data);
    sage_buf_free(&whole);
    sage_buf_free(&cut);
    free(bytes);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_cases(void) {
    const char *tests = getenv("SAGE_TEST_DIR");
    snprintf(folder, sizeof folder, "%s/cases/feeds", tests != NULL ? tests : "tests");
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        bool expected = len > 9 && strcmp(entry->d_name + len - 9, ".expected") == 0;
        if (entry->d_name[0] != '.' && !expected && n_cases < CASES_MAX) cases[n_cases++] = strdup(entry->d_name);
    }
    if (dir != NULL) closedir(dir);
    qsort(cases, n_cases, sizeof *cases, by_name);
}

int main(void) {
    static struct CMUnitTest tests[CASES_MAX];
    list_cases();
    if (n_cases == 0) {
        fprintf(stderr, "no case in %s; SAGE_TEST_DIR must name the folder tests/\n", folder);
        return 1;
    }
    for (size_t i = 0; i < n_cases; i++) {
        tests[i] = (struct CMUnitTest){.name = cases[i], .test_func = test_case, .initial_state = cases[i]};
    }
    int failed = _cmocka_run_group_tests("feeds", tests, n_cases, NULL, NULL);
    for (size_t i = 0; i < n_cases; i++) free(cases[i]);
    return failed;
}
