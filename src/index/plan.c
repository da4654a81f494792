#include <index/plan.h>
#include <math.h>

/* Nanoseconds, as measured on one core with 200,000 rows of 256 numbers (bench/micro/filter_bench.c); only their
 * relations matter. */
static double cost_of_scan(double n, double matches) {
    return 10000 + 8 * matches + 0.01 * n;
}

/* Where few are accepted, links between them are few too, and it takes more candidates to find as much (measured). */
static double among_width(double width, double share) {
    return width * fmax(1, 0.05 / share);
}

/* The fewer are accepted, the more rows each step goes through. Of one in a hundred and fewer a walk loses its way. */
static double cost_of_among(double width, double share) {
    if (share < 0.01) return INFINITY;
    width = among_width(width, share);
    return 20000 + (1000 + 3500 * (1 - share) * (1 - share)) * width;
}

static double cost_of_test(double width) {
    return 20000 + 650 * width;
}

/* So wide that a walk of whose candidates a share passes finds as much of the best as one of that width finds where all
 * pass (measured: the power 0.5), with some room for filters that leave out what is near; and so that k pass. */
static double wider_by(double k, double width, double share) {
    return fmax(width * pow(share, -0.6), 1.25 * k / share);
}

sage_plan sage_plan_choose(size_t n, size_t matches, size_t k, size_t width) {
    if (matches == 0 || matches <= width) return (sage_plan){SAGE_PLAN_SCAN, width};
    double share = (double)matches / (double)n, wider = wider_by((double)k, (double)width, share);
    double scan = cost_of_scan((double)n, (double)matches), among = cost_of_among((double)width, share),
           test = cost_of_test(wider);
    if (scan <= among && scan <= test) return (sage_plan){SAGE_PLAN_SCAN, width};
    if (among <= test) return (sage_plan){SAGE_PLAN_AMONG, (size_t)among_width((double)width, share)};
    return (sage_plan){SAGE_PLAN_TEST, (size_t)wider + 1};
}

sage_plan sage_plan_again(size_t n, size_t matches, size_t width) {
    double share = (double)matches / (double)n;
    bool among = cost_of_among((double)width, share) < cost_of_scan((double)n, (double)matches);
    if (!among) return (sage_plan){SAGE_PLAN_SCAN, width};
    return (sage_plan){SAGE_PLAN_AMONG, (size_t)among_width((double)width, share)};
}
