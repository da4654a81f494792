/* A request that names a stranger's host is told from one that means this machine. */
#include <serve/own_host.h>
#include <support/test.h>

static void own(void **state) {
    (void)state;
    static const char *const hosts[] = {
        NULL,        "127.0.0.1",    "127.0.0.1:8080",      "10.0.0.7:80",   "[::1]",    "[::1]:8080",
        "localhost", "LocalHost:81", "shop.localhost:8080", "nas.home:8080", "NAS.home", "nas.home:80"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (!sage_host_is_own(hosts[i], "nas.home:8080")) fail_msg("'%s' is refused", hosts[i]);
}

static void of_strangers(void **state) {
    (void)state;
    static const char *const hosts[] = {"evil.example",
                                        "evil.example:8080",
                                        "localhost.evil.example",
                                        "notlocalhost",
                                        "127.0.0.1.evil.example",
                                        "nas.home.evil",
                                        "nas.hom",
                                        "xnas.home",
                                        "a127.0.0.1"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (sage_host_is_own(hosts[i], "nas.home:8080")) fail_msg("'%s' is taken for this machine", hosts[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(own), cmocka_unit_test(of_strangers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
