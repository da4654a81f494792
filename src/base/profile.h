/* Where the time goes: stages of a program, each with the time its pieces took on all threads together, the bytes they
 * moved and the floating-point operations they did. Off by default; then a piece costs a load and a branch.
 *
 *   static sage_stage gather = SAGE_STAGE("gather rows");
 *   uint64_t began = sage_stage_begin();
 *   ...
 *   sage_stage_end(&gather, began, bytes, flops);
 *
 * Stages are static: they enter a list of the process when they first end and stay there. Any thread may time any
 * stage; nothing is allocated. Pieces do not nest, so that the stages' times add up. */
#ifndef SAGE_BASE_PROFILE_H
#define SAGE_BASE_PROFILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sage_stage {
    const char *name;
    _Atomic uint64_t ns, calls, bytes, flops;
    struct sage_stage *next;
    atomic_flag listed;
} sage_stage;
#define SAGE_STAGE(text)                                                                                               \
    { .name = (text), .listed = ATOMIC_FLAG_INIT }

void sage_profile_enable(bool on); /* also sets all stages to zero */
bool sage_profile_enabled(void);
uint64_t sage_stage_begin(void); /* 0 while off */
void sage_stage_end(sage_stage *stage, uint64_t began, uint64_t bytes, uint64_t flops);

/* A copy of what a stage holds. */
typedef struct sage_stage_sum {
    const char *name;
    double seconds; /* of all threads together */
    uint64_t calls, bytes, flops;
} sage_stage_sum;
/* One sum for each name: stages that ended since the profile was enabled, in the order in which they first ended in
 * this process; `capacity` of them are written. Returns how many there are. */
size_t sage_profile_read(sage_stage_sum *sums, size_t capacity);
/* Since the profile was enabled: by the clock, and by the processor on all threads of the process. */
void sage_profile_times(double *wall_s, double *cpu_s);

#endif
