#include "catalog_help.h"
#include <catalog/import_time.h>

typedef struct instant {
    const char *text;
    int64_t ms;
} instant;

static void reads_times(void **state) {
    (void)state;
    static const instant cases[] = {
        {"1970-01-01", 0},
        {"2024-05-01", 1714521600000},
        {"2024-05-01 12:00:00", 1714564800000},
        {"2024-05-01T12:00:00Z", 1714564800000},
        {"2024-05-01t12:00:00z", 1714564800000},
        {"2024-05-01T12:00:00", 1714564800000},
        {"2024-05-01T12:00", 1714564800000},
        {"2024-05-01 12:00:00 UTC", 1714564800000},
        {"2024-05-01T14:00:00+02:00", 1714564800000},
        {"2024-05-01T14:00:00+0200", 1714564800000},
        {"2024-05-01T06:30:00-05:30", 1714564800000},
        {"2024-05-01T12:00:00.25Z", 1714564800250},
        {"2024-05-01T12:00:00.123456Z", 1714564800123},
        {"2024-02-29", 1709164800000},
        {"2000-02-29", 951782400000},
        {"9999-12-31T23:59:59Z", 253402300799000},
        {"1714564800", 1714564800000},
        {"1714564800.5", 1714564800500},
        {"1714564800123", 1714564800123},
        {"1714564800123456", 1714564800123},
        {"0", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        if (!sage_time_parse((sage_str){cases[i].text, strlen(cases[i].text)}, &ms) || ms != cases[i].ms) {
            print_error("%s -> %lld\n", cases[i].text, (long long)ms);
        }
        assert_int_equal(ms, cases[i].ms);
    }
}

static void refuses_what_is_no_time(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "yesterday",
        "2024-13-01",
        "2024-00-10",
        "2023-02-29",
        "2024-05-32",
        "2024-5-1",
        "01.05.2024",
        "05/01/2024",
        "20240501",
        "2024-05-01T",
        "2024-05-01T25:00:00Z",
        "2024-05-01T12:60:00Z",
        "2024-05-01T12:00:00X",
        "2024-05-01T12:00:00+25:00",
        "-1",
        "1714564800123456789",
        "1714564800123.5",
        "1e9",
        "1714564800 s",
        "2024-05-01 12:00:00 PST",
        "1969-12-31",
        "1970-01-01T00:00:00+01:00",
        "2024-05-01T12:00:00.Z",
        "2024-05-01Z",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        bool read = sage_time_parse((sage_str){cases[i], strlen(cases[i])}, &ms);
        if (read) print_error("\"%s\" was read as %lld\n", cases[i], (long long)ms);
        assert_false(read);
    }
}

/* Every prefix is either a time or not, and no byte past it is read (the sanitizers watch). */
static void reads_nothing_past_the_end(void **state) {
    (void)state;
    static const char text[] = "2024-05-01T12:00:00.123+02:00";
    for (size_t n = 0; n < sizeof text; n++) {
        char *exact = malloc(n > 0 ? n : 1);
        int64_t ms = 0;
        memcpy(exact, text, n);
        bool read = sage_time_parse((sage_str){exact, n}, &ms);
        if (n == 10 || n == sizeof text - 1) assert_true(read);
        free(exact);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_times),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(reads_nothing_past_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
