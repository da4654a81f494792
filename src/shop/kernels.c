/* What `itemsage status` says about the machine. */
#include <itemsage/shop.h>
#include <kernels/kernels.h>
#include <kernels/peak.h>
#include <stdio.h>

void sage_measure_kernels(sage_kernels *kernels) {
    const char *advice = sage_isa_advice();
    if (advice == NULL) advice = sage_gemm_advice();
    snprintf(kernels->isa, sizeof kernels->isa, "%s", sage_isa());
    snprintf(kernels->advice, sizeof kernels->advice, "%s", advice != NULL ? advice : "");
    for (int i = 0; i < SAGE_PRECISIONS; i++) {
        sage_precision precision = (sage_precision)i;
        sage_peak peak;
        sage_peak_measure(precision, &peak);
        snprintf(kernels->products[i].precision, sizeof kernels->products[i].precision, "%s",
                 sage_precision_name(precision));
        snprintf(kernels->products[i].name, sizeof kernels->products[i].name, "%s", sage_gemm_name(precision));
        kernels->products[i].gflops = 1e-9 * peak.gemm_flops;
        kernels->products[i].peak_gflops = 1e-9 * peak.flops;
    }
}
