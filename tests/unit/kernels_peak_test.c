/* Ceilings are measured, and advice is given only for a reason. No figure is held to anything: machines differ. */
#include <kernels/peak.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>

static void every_precision_has_a_peak(void **state) {
    (void)state;
    for (int p = SAGE_PRECISION_F32; p <= SAGE_PRECISION_INT8; p++) {
        sage_peak peak;
        sage_peak_measure((sage_precision)p, &peak);
        assert_true(isfinite(peak.flops) && peak.flops > 0);
        assert_true(isfinite(peak.gemm_flops) && peak.gemm_flops > 0);
        assert_true(sage_peak_flops((sage_precision)p) > 0);
        assert_true(strlen(sage_gemm_name((sage_precision)p)) > 0);
    }
}

static void memory_is_read(void **state) {
    (void)state;
    double bandwidth = sage_peak_read_bandwidth((size_t)1 << 20);
    assert_true(isfinite(bandwidth) && bandwidth > 0);
}

static void no_advice_without_a_reason(void **state) {
    (void)state;
    unsetenv("ONEDNN_MAX_CPU_ISA");
    unsetenv("DNNL_MAX_CPU_ISA");
    const char *advice = sage_gemm_advice();
    if (strncmp(sage_gemm_name(SAGE_PRECISION_F32), "oneDNN", 6) == 0) assert_null(advice);
    if (advice != NULL) {
        assert_null(strchr(advice, '\n'));
        assert_non_null(strstr(advice, sage_gemm_name(SAGE_PRECISION_F32)));
    }
    assert_true(sage_gemm_advice() == advice);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_precision_has_a_peak), cmocka_unit_test(memory_is_read),
                                       cmocka_unit_test(no_advice_without_a_reason)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
