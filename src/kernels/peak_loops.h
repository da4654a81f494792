/* Inside the room: loops that do nothing but multiply and add in registers. Each runs `rounds` times and returns how
 * many operations that were. */
#ifndef SAGE_KERNELS_PEAK_LOOPS_H
#define SAGE_KERNELS_PEAK_LOOPS_H

#include "kern.h"
#include <kernels/gemm.h>

typedef double (*sage_peak_loop)(size_t rounds);
sage_peak_loop sage_peak_loop_of(sage_precision precision); /* the widest for the ISA in use */

#endif
