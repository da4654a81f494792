#include <eval/seeds.h>
#include <math.h>

static const double T975[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                              2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086};
enum { TABLED = sizeof T975 / sizeof *T975 };
static const double Z = 1.959964;

/* Beyond the table: the first two terms of Fisher and Cornish's series around the normal quantile. */
double sage_t975(size_t freedom) {
    if (freedom == 0) return INFINITY;
    if (freedom <= TABLED) return T975[freedom - 1];
    double v = (double)freedom, z3 = Z * Z * Z;
    return Z + (z3 + Z) / (4 * v) + (5 * z3 * Z * Z + 16 * z3 + 3 * Z) / (96 * v * v);
}

double sage_standard_deviation(const double *values, size_t n) {
    double mean = 0, sum = 0;
    if (n < 2) return 0;
    for (size_t i = 0; i < n; i++) mean += values[i] / (double)n;
    for (size_t i = 0; i < n; i++) sum += (values[i] - mean) * (values[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

void sage_seed_pool_add(sage_seed_pool *pool, double deviation, size_t runs) {
    if (runs < 2) return;
    pool->squares += (double)(runs - 1) * deviation * deviation;
    pool->freedom += runs - 1;
}

sage_interval sage_seed_pool_widen(const sage_seed_pool *pool, sage_interval over_queries, size_t runs, size_t others) {
    if (pool->freedom == 0 || runs == 0) return over_queries;
    double per = 1 / (double)runs + (others > 0 ? 1 / (double)others : 0), v = over_queries.value;
    double half = sage_t975(pool->freedom) * sqrt(pool->squares / (double)pool->freedom * per);
    return (sage_interval){
        .value = v, .low = v - hypot(v - over_queries.low, half), .high = v + hypot(over_queries.high - v, half)};
}
