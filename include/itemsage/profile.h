/* Where the time of calls goes: stages, each with the time of its pieces on all threads together, the bytes they moved
 * and the floating-point operations they did. One profile a process; any thread. */
#ifndef ITEMSAGE_PROFILE_H
#define ITEMSAGE_PROFILE_H

#include <itemsage/shop.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Off at first. Turning it on sets everything to zero. */
void sage_profile_on(bool on);

typedef struct sage_profile_row {
    const char *stage; /* static storage */
    uint64_t calls;
    double seconds;      /* of all threads together; stages do not overlap on a thread */
    double bytes, flops; /* 0 where a stage does not count them */
} sage_profile_row;
/* Writes up to `capacity` rows, those of stages that were met, and returns how many there are. */
size_t sage_profile_stages(sage_profile_row *rows, size_t capacity);

typedef struct sage_profile_time {
    double wall_s, cpu_s; /* since the profile was turned on: by the clock; processor time of all threads */
    size_t threads;       /* that the shop's calls work with */
} sage_profile_time;
void sage_profile_elapsed(const sage_shop *shop, sage_profile_time *time);

/* What one core of this machine can do, measured by this call in about a tenth of a second. */
typedef struct sage_profile_ceilings {
    double flops_f32, flops_bf16, flops_int8; /* a second, by the widest multiply-add there is */
    double read_bytes;                        /* a second, from memory */
} sage_profile_ceilings;
void sage_profile_measure(sage_profile_ceilings *ceilings);

#ifdef __cplusplus
}
#endif
#endif
