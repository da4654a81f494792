/* What programs that measure share. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline int bench_ascending(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static inline double bench_median(double *times, size_t n) {
    qsort(times, n, sizeof *times, bench_ascending);
    return times[n / 2];
}

/* Processor time of all threads, in seconds, so that others on the machine do not count. */
static inline double bench_cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The same of the calling thread. */
static inline double bench_thread_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* For vectors, on whole cache lines; ends the program where there is none. */
static inline void *bench_room(const char *program, size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (memory != NULL) return memory;
    fprintf(stderr, "%s: out of memory\n", program);
    exit(1);
}

#endif
