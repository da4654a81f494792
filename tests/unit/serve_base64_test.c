/* Against the vectors of RFC 4648, and what is none. */
#include <serve/base64.h>
#include <string.h>
#include <support/test.h>

static void decodes(void **state) {
    (void)state;
    static const char *const good[][2] = {{"", ""},
                                          {"Zg==", "f"},
                                          {"Zm8=", "fo"},
                                          {"Zm9v", "foo"},
                                          {"Zm9vYg==", "foob"},
                                          {"Zm9vYmE=", "fooba"},
                                          {"Zm9vYmFy", "foobar"},
                                          {"Zg", "f"},
                                          {"Zm8", "fo"},
                                          {"-_-_", "\xfb\xff\xbf"},
                                          {"+/+/", "\xfb\xff\xbf"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        unsigned char out[16];
        size_t n;
        assert_true(sage_base64_room(strlen(good[i][0])) <= sizeof out);
        assert_true(sage_base64_decode(good[i][0], strlen(good[i][0]), out, &n));
        assert_int_equal(n, strlen(good[i][1]));
        assert_memory_equal(out, good[i][1], n);
    }
}

static void refuses(void **state) {
    (void)state;
    static const char *const bad[] = {
        "A", "AAAAA", "AA=A", "=", "====", "A===", "Zg=", "Zm9v ", "Zm\n9v", "Zm9\xff", "Zm9v===="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        unsigned char out[16];
        size_t n;
        if (sage_base64_decode(bad[i], strlen(bad[i]), out, &n)) fail_msg("'%s' is taken", bad[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(decodes), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
