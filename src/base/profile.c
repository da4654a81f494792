#include <base/profile.h>
#include <string.h>
#include <time.h>

static atomic_bool enabled;
static _Atomic(sage_stage *) newest; /* of the list of stages that have ended once */
static _Atomic uint64_t began_wall_ns, began_cpu_ns;

static uint64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void sage_profile_enable(bool on) {
    for (sage_stage *stage = atomic_load_explicit(&newest, memory_order_acquire); stage != NULL; stage = stage->next) {
        atomic_store_explicit(&stage->ns, 0, memory_order_relaxed);
        atomic_store_explicit(&stage->calls, 0, memory_order_relaxed);
        atomic_store_explicit(&stage->bytes, 0, memory_order_relaxed);
        atomic_store_explicit(&stage->flops, 0, memory_order_relaxed);
    }
    atomic_store(&began_wall_ns, now_ns(CLOCK_MONOTONIC));
    atomic_store(&began_cpu_ns, now_ns(CLOCK_PROCESS_CPUTIME_ID));
    atomic_store(&enabled, on);
}

bool sage_profile_enabled(void) {
    return atomic_load_explicit(&enabled, memory_order_relaxed);
}

uint64_t sage_stage_begin(void) {
    return sage_profile_enabled() ? now_ns(CLOCK_MONOTONIC) : 0;
}

static void enlist(sage_stage *stage) {
    sage_stage *head = atomic_load_explicit(&newest, memory_order_relaxed);
    do {
        stage->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&newest, &head, stage, memory_order_release, memory_order_relaxed));
}

void sage_stage_end(sage_stage *stage, uint64_t began, uint64_t bytes, uint64_t flops) {
    if (began == 0) return;
    uint64_t took = now_ns(CLOCK_MONOTONIC) - began;
    atomic_fetch_add_explicit(&stage->ns, took, memory_order_relaxed);
    atomic_fetch_add_explicit(&stage->calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&stage->bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&stage->flops, flops, memory_order_relaxed);
    if (!atomic_flag_test_and_set_explicit(&stage->listed, memory_order_relaxed)) enlist(stage);
}

/* A stage may be timed in several places, each with a static of its own: one name, one sum. */
static void add_to(sage_stage_sum *sum, const sage_stage *stage) {
    sum->seconds += 1e-9 * (double)atomic_load_explicit(&stage->ns, memory_order_relaxed);
    sum->calls += atomic_load_explicit(&stage->calls, memory_order_relaxed);
    sum->bytes += atomic_load_explicit(&stage->bytes, memory_order_relaxed);
    sum->flops += atomic_load_explicit(&stage->flops, memory_order_relaxed);
}

static bool is_first_of_its_name(const sage_stage *stage) {
    for (const sage_stage *older = stage->next; older != NULL; older = older->next)
        if (strcmp(older->name, stage->name) == 0) return false;
    return true;
}

size_t sage_profile_read(sage_stage_sum *sums, size_t capacity) {
    const sage_stage *head = atomic_load_explicit(&newest, memory_order_acquire);
    size_t listed = 0, used = 0;
    for (const sage_stage *stage = head; stage != NULL; stage = stage->next) listed++;
    for (size_t i = 0; i < listed; i++) { /* the list has the newest first; it is as short as the program has stages */
        const sage_stage *stage = head;
        for (size_t back = listed - 1 - i; back > 0; back--) stage = stage->next;
        if (!is_first_of_its_name(stage)) continue;
        sage_stage_sum sum = {.name = stage->name};
        for (const sage_stage *same = head; same != NULL; same = same->next)
            if (strcmp(same->name, stage->name) == 0) add_to(&sum, same);
        if (sum.calls == 0) continue;
        if (used < capacity) sums[used] = sum;
        used++;
    }
    return used;
}

void sage_profile_times(double *wall_s, double *cpu_s) {
    *wall_s = 1e-9 * (double)(now_ns(CLOCK_MONOTONIC) - atomic_load(&began_wall_ns));
    *cpu_s = 1e-9 * (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - atomic_load(&began_cpu_ns));
}
