#include <base/order.h>
#include <eval/reach.h>
#include <math.h>
#include <stdlib.h>

/* The first `share` of products, of which the last may count in part. */
static double cumulated(const uint32_t *shown, size_t n, double share) {
    double most = share * (double)n, whole = floor(most), sum = 0;
    for (size_t i = 0; i < (size_t)whole; i++) sum += shown[i];
    if ((size_t)whole < n) sum += (most - whole) * shown[(size_t)whole];
    return sum;
}

void sage_reach_of(uint32_t *shown, size_t n, sage_reach *reach) {
    double total = 0, weighted = 0, top = 0;
    size_t best = n / 100 > 0 ? n / 100 : 1;
    qsort(shown, n, sizeof *shown, sage_order_u32);
    reach->products = n;
    reach->reached = 0;
    for (size_t i = 0; i < n; i++) {
        total += shown[i];
        weighted += (double)(i + 1) * shown[i];
        reach->reached += shown[i] > 0;
        if (i >= n - best) top += shown[i];
    }
    reach->gini = total > 0 ? 2 * weighted / ((double)n * total) - ((double)n + 1) / (double)n : 0;
    reach->top_share = total > 0 ? top / total : 0;
    for (size_t i = 0; i < SAGE_LORENZ_POINTS; i++) {
        double share = (double)i / (SAGE_LORENZ_POINTS - 1);
        reach->lorenz[i] = total > 0 ? cumulated(shown, n, share) / total : 0;
    }
}
