/* Heads that two readers could take for requests of different lengths are refused, and no others. */
#include <serve/framing.h>
#include <string.h>
#include <support/test.h>

/* Of "name:value" pairs, up to NULL. */
static const char *fault_of(const char *const *headers) {
    sage_framing framing = {0};
    for (; *headers != NULL; headers++) {
        const char *colon = strchr(*headers, ':');
        sage_framing_add(&framing, (sage_str){*headers, (size_t)(colon - *headers)},
                         (sage_str){colon + 1, strlen(colon + 1)});
    }
    return sage_framing_fault(&framing);
}

static void takes(void **state) {
    (void)state;
    static const char *const heads[][4] = {
        {NULL},
        {"Host:a", "Content-Length:5", NULL},
        {"Host:a", "transfer-encoding:Chunked", NULL},
        {"X-Content-Length:5", "Content-Length:5", "Content-Lengths:6", NULL},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) assert_null(fault_of(heads[i]));
}

static void refuses(void **state) {
    (void)state;
    static const char *const heads[][4] = {
        {"Content-Length:5", "content-length:5", NULL},
        {"Content-Length:5", "Transfer-Encoding:chunked", NULL},
        {"Transfer-Encoding:chunked", "Transfer-Encoding:chunked", NULL},
        {"Transfer-Encoding:chunked, chunked", NULL},
        {"Transfer-Encoding:xchunked", NULL},
        {"Transfer-Encoding:identity", NULL},
        {"Transfer-Encoding:", NULL},
        {"Content-Length :5", NULL},
        {"Content-Length\t:5", NULL},
        {":5", NULL},
        {"Host:a", "host:b", NULL},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) assert_non_null(fault_of(heads[i]));
    sage_framing framing = {0};
    sage_framing_add(&framing, (sage_str){"X", 1}, (sage_str){NULL, 0});
    assert_null(sage_framing_fault(&framing));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(takes), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
