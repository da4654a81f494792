#include <errno.h>
#include <io/fs.h>
#include <io/undo.h>
#include <stdatomic.h>
#include <unistd.h>

enum { KILLED = 137 }; /* as a shell reports kill -9 */

static _Atomic sage_fault_kind armed_kind;
static _Atomic uint64_t armed_at, calls;

void sage_fault_arm(sage_fault_kind kind, uint64_t at) {
    sage_undo_arm(kind == SAGE_FAULT_POWER_CUT && at != 0);
    atomic_store(&armed_kind, kind);
    atomic_store(&armed_at, at);
    atomic_store(&calls, 0);
}

uint64_t sage_fault_calls(void) {
    return atomic_load(&calls);
}

int sage_fault_check(sage_fs_op op, const char *path) {
    (void)path; /* there for a debugger's breakpoint */
    uint64_t call = atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) + 1;
    if (call != atomic_load_explicit(&armed_at, memory_order_relaxed)) return 0;
    switch (atomic_load(&armed_kind)) {
    case SAGE_FAULT_NONE: return 0;
    case SAGE_FAULT_ERROR: return op == SAGE_FS_WRITE ? ENOSPC : EIO;
    case SAGE_FAULT_POWER_CUT: sage_undo_everything(); _exit(KILLED);
    case SAGE_FAULT_STOP: _exit(KILLED);
    }
    return 0;
}
