/* Every call that changes a file asks the seam first and is then passed on to the system's VFS. Shared memory (the
 * WAL's index) passes untouched: it is rebuilt after a crash. The VFS itself is the one global state, written once. */
#include <errno.h>
#include <fcntl.h>
#include <io/db_vfs.h>
#include <io/fs.h>
#include <io/undo.h>
#include <pthread.h>
#include <sqlite3.h>
#include <unistd.h>

typedef struct shim {
    sqlite3_file base;
    const char *path; /* SQLite keeps it as long as the file is open; "" for its temporary files */
    int fd;           /* of our own, to look at bytes before they change; -1 where no power cut is armed */
    bool sync_dir;    /* the first sync of a new journal makes SQLite sync the directory too */
    sqlite3_file *real;
} shim;

static sqlite3_vfs *system_vfs;

static shim *of(sqlite3_file *file) {
    return (shim *)file;
}

static sqlite3_file *real(sqlite3_file *file) {
    return of(file)->real;
}

static int shim_close(sqlite3_file *file) {
    /* Our own descriptor stays open: closing it would drop the process's POSIX locks on the file. It is there only
     * while a power cut is armed, in a process that will end soon. */
    return real(file)->pMethods->xClose(real(file));
}

static int shim_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at) {
    return real(file)->pMethods->xRead(real(file), out, n, at);
}

static int shim_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at) {
    int number = sage_fault_check(SAGE_FS_WRITE, of(file)->path);
    sage_undo *undo = of(file)->fd >= 0 ? sage_undo_bytes(of(file)->fd, (uint64_t)at, (size_t)n) : NULL;
    int rc = SQLITE_OK;
    if (number == 0 || n > 1) rc = real(file)->pMethods->xWrite(real(file), bytes, number != 0 ? n / 2 : n, at);
    sage_undo_settle(undo, true);
    return number == 0 ? rc : number == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size) {
    if (sage_fault_check(SAGE_FS_TRUNCATE, of(file)->path) != 0) return SQLITE_IOERR_TRUNCATE;
    sage_undo *undo = of(file)->fd >= 0 ? sage_undo_cut(of(file)->fd, (uint64_t)size) : NULL;
    int rc = real(file)->pMethods->xTruncate(real(file), size);
    sage_undo_settle(undo, true);
    return rc;
}

static int shim_sync(sqlite3_file *file, int flags) {
    if (sage_fault_check(SAGE_FS_SYNC, of(file)->path) != 0) return SQLITE_IOERR_FSYNC;
    int rc = real(file)->pMethods->xSync(real(file), flags);
    if (rc == SQLITE_OK && of(file)->fd >= 0) {
        sage_undo_synced(of(file)->fd);
        if (of(file)->sync_dir) {
            char parent[SAGE_PATH_MAX];
            sage_path_parent(parent, of(file)->path);
            sage_undo_synced_dir(parent);
            of(file)->sync_dir = false;
        }
    }
    return rc;
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *size) {
    return real(file)->pMethods->xFileSize(real(file), size);
}

static int shim_lock(sqlite3_file *file, int level) {
    return real(file)->pMethods->xLock(real(file), level);
}

static int shim_unlock(sqlite3_file *file, int level) {
    return real(file)->pMethods->xUnlock(real(file), level);
}

static int shim_check_lock(sqlite3_file *file, int *held) {
    return real(file)->pMethods->xCheckReservedLock(real(file), held);
}

static int shim_control(sqlite3_file *file, int op, void *arg) {
    return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int shim_sector(sqlite3_file *file) {
    return real(file)->pMethods->xSectorSize(real(file));
}

static int shim_traits(sqlite3_file *file) {
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int shim_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out) {
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int n, int flags) {
    return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void shim_shm_barrier(sqlite3_file *file) {
    real(file)->pMethods->xShmBarrier(real(file));
}

static int shim_shm_unmap(sqlite3_file *file, int remove) {
    return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static int shim_fetch(sqlite3_file *file, sqlite3_int64 at, int n, void **out) {
    return real(file)->pMethods->xFetch(real(file), at, n, out);
}

static int shim_unfetch(sqlite3_file *file, sqlite3_int64 at, void *page) {
    return real(file)->pMethods->xUnfetch(real(file), at, page);
}

#define METHODS(version)                                                                                               \
    {                                                                                                                  \
        .iVersion = (version), .xClose = shim_close, .xRead = shim_read, .xWrite = shim_write,                         \
        .xTruncate = shim_truncate, .xSync = shim_sync, .xFileSize = shim_size, .xLock = shim_lock,                    \
        .xUnlock = shim_unlock, .xCheckReservedLock = shim_check_lock, .xFileControl = shim_control,                   \
        .xSectorSize = shim_sector, .xDeviceCharacteristics = shim_traits, .xShmMap = shim_shm_map,                    \
        .xShmLock = shim_shm_lock, .xShmBarrier = shim_shm_barrier, .xShmUnmap = shim_shm_unmap, .xFetch = shim_fetch, \
        .xUnfetch = shim_unfetch                                                                                       \
    }

/* What the file below cannot do, the shim must not claim to do. */
static const sqlite3_io_methods methods[3] = {METHODS(1), METHODS(2), METHODS(3)};

static void record_new(shim *file, const char *path, bool absent, int flags) {
    if (absent) {
        sage_undo_made(path, false);
        file->sync_dir = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL | SQLITE_OPEN_SUPER_JOURNAL)) != 0;
    }
    if ((flags & SQLITE_OPEN_READWRITE) != 0) file->fd = open(path, O_RDWR | O_CLOEXEC);
}

static int shim_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags) {
    (void)vfs;
    shim *made = of(file);
    *made = (shim){.path = path == NULL ? "" : path, .fd = -1, .real = (sqlite3_file *)(made + 1)};
    bool lasting = path != NULL && (flags & SQLITE_OPEN_DELETEONCLOSE) == 0;
    bool absent = lasting && (flags & SQLITE_OPEN_CREATE) != 0 && access(path, F_OK) != 0;
    int number = absent ? sage_fault_check(SAGE_FS_OPEN, path) : 0;
    if (number != 0) {
        errno = number;
        return SQLITE_CANTOPEN;
    }
    int rc = system_vfs->xOpen(system_vfs, path, made->real, flags, out_flags);
    if (made->real->pMethods != NULL) {
        int version = made->real->pMethods->iVersion;
        made->base.pMethods = &methods[version >= 3 ? 2 : version - 1];
    }
    if (rc == SQLITE_OK && lasting && sage_undo_armed()) record_new(made, path, absent, flags);
    return rc;
}

static int shim_delete(sqlite3_vfs *vfs, const char *path, int sync_dir) {
    (void)vfs;
    if (sage_fault_check(SAGE_FS_UNLINK, path) != 0) return SQLITE_IOERR_DELETE;
    sage_undo *undo = sage_undo_gone(path);
    int rc = system_vfs->xDelete(system_vfs, path, sync_dir);
    sage_undo_settle(undo, rc == SQLITE_OK);
    if (rc == SQLITE_OK && sync_dir && sage_undo_armed()) {
        char parent[SAGE_PATH_MAX];
        sage_path_parent(parent, path);
        sage_undo_synced_dir(parent);
    }
    return rc;
}

static sqlite3_vfs sage_vfs;
static int registered = SQLITE_ERROR;

/* All that does not open or delete is the system's own: its functions look at nothing in the VFS handed to them. */
static void register_once(void) {
    system_vfs = sqlite3_vfs_find(NULL);
    if (system_vfs == NULL) return;
    sage_vfs = *system_vfs;
    sage_vfs.pNext = NULL;
    sage_vfs.zName = SAGE_DB_VFS;
    sage_vfs.szOsFile = (int)sizeof(shim) + system_vfs->szOsFile;
    sage_vfs.xOpen = shim_open;
    sage_vfs.xDelete = shim_delete;
    registered = sqlite3_vfs_register(&sage_vfs, 0);
}

int sage_db_vfs_register(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int rc = sqlite3_initialize();
    if (rc != SQLITE_OK) return rc;
    pthread_once(&once, register_once);
    return registered;
}
