/* ITEMSAGE_ISA, which is read once: each case in a process of its own. */
#include <kernels/kernels.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a process with ITEMSAGE_ISA = isa says to `agrees`. */
static bool in_a_process(const char *isa, bool (*agrees)(const char *isa)) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        setenv("ITEMSAGE_ISA", isa, 1);
        _exit(agrees(isa) ? 0 : 1);
    }
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool runs_it(const char *isa) {
    return strcmp(sage_isa(), isa) == 0 && sage_isa_advice() == NULL;
}

static bool runs_another_and_says_so(const char *isa) {
    const char *advice = sage_isa_advice();
    return strcmp(sage_isa(), isa) != 0 && advice != NULL && strstr(advice, isa) != NULL &&
           strstr(advice, sage_isa()) != NULL && strchr(advice, '\n') == NULL;
}

static bool runs_the_best(const char *isa) {
    (void)isa;
    return sage_isa_advice() == NULL;
}

static void what_is_to_be_had_runs(void **state) {
    static const char *const isas[] = {"avx512", "avx2", "scalar"};
    (void)state;
    for (size_t i = 0; i < sizeof isas / sizeof isas[0]; i++)
        assert_true(in_a_process(isas[i], sage_ops_of(isas[i]) != NULL ? runs_it : runs_another_and_says_so));
}

static void what_is_unknown_is_said(void **state) {
    (void)state;
    assert_true(in_a_process("abacus", runs_another_and_says_so));
    assert_true(in_a_process("AVX2", runs_another_and_says_so));
    assert_true(in_a_process("", runs_the_best));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_to_be_had_runs),
                                       cmocka_unit_test(what_is_unknown_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
