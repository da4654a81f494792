#include <base/alloc.h>
#include <base/error.h>
#include <index/log.h>
#include <inttypes.h>
#include <io/fs.h>
#include <io/map.h>
#include <string.h>
#include <sys/file.h>
#include <xxhash.h>

enum { VERSION = 1, ALIGN = 8, FRAME_MOST = 1 << 30 };
static const char log_magic[8] = "SAGEILOG", frame_magic[8] = "SAGEIFRM";

typedef struct header {
    char magic[8];
    uint32_t version, zero;
    uint64_t base, sum; /* sum: XXH3-64 of what is before it */
} header;

typedef struct frame {
    char magic[8];
    uint64_t number;         /* of its first change, from 0 */
    uint32_t changes, bytes; /* behind it */
    uint64_t sum;            /* XXH3-64 of the three numbers before it and of the bytes behind it */
} frame;

typedef struct record {
    uint32_t kind, bytes; /* behind it, and then zeros up to a multiple of 8 */
    int64_t pid;
} record;

/* A frame that is not in the file yet, its head first. */
typedef struct pending {
    unsigned char *data; /* [room] */
    size_t n, room;
    uint32_t changes;
} pending;

struct sage_log {
    int fd;
    char *path;
    uint64_t file_bytes, changes; /* in the file, and sealed */
    pending next, sealed;
    bool failed; /* atomic */
};

static size_t padded(size_t bytes) {
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static uint64_t sum_of(const frame *f, const unsigned char *data) {
    const uint64_t numbers[] = {f->number, (uint64_t)f->changes << 32 | f->bytes};
    return XXH3_64bits_withSeed(data, f->bytes, XXH3_64bits(numbers, sizeof numbers));
}

/* ---- reading ---- */

/* Whether a whole frame stands at `at`, and which. */
static bool frame_at(const sage_map *map, size_t at, frame *f) {
    if (map->size - at < sizeof *f) return false;
    memcpy(f, map->data + at, sizeof *f);
    if (memcmp(f->magic, frame_magic, sizeof f->magic) != 0 || f->bytes > map->size - at - sizeof *f) return false;
    return sum_of(f, map->data + at + sizeof *f) == f->sum;
}

static sage_status damaged(const char *path, size_t at, sage_error *error) {
    return sage_fail(error, SAGE_E_FORMAT, "%s is damaged at byte %zu; run 'itemsage index' to build the index again",
                     path, at);
}

static sage_status apply_frame(const sage_log *log, const sage_map *map, size_t at, const frame *f, sage_log_fn apply,
                               void *ctx, sage_error *error) {
    const unsigned char *data = map->data + at + sizeof *f;
    size_t done = 0;
    for (uint32_t i = 0; i < f->changes; i++) {
        record r;
        if (f->bytes - done < sizeof r) return damaged(log->path, at, error);
        memcpy(&r, data + done, sizeof r);
        done += sizeof r;
        if (padded(r.bytes) > f->bytes - done) return damaged(log->path, at, error);
        const sage_log_change change = {r.kind, r.pid, data + done, r.bytes};
        sage_status st = apply(ctx, &change, error);
        if (st != SAGE_OK) return st;
        done += padded(r.bytes);
    }
    return done == f->bytes ? SAGE_OK : damaged(log->path, at, error);
}

/* Behind a frame that is not whole there must be none that is. */
static sage_status check_end(const sage_log *log, const sage_map *map, size_t end, sage_error *error) {
    frame f;
    for (size_t at = end + ALIGN; at + sizeof f <= map->size; at += ALIGN)
        if (frame_at(map, at, &f) && f.number >= log->changes) return damaged(log->path, end, error);
    return SAGE_OK;
}

static sage_status read_header(const sage_log *log, const sage_map *map, uint64_t base, sage_error *error) {
    header h;
    if (map->size < sizeof h) return damaged(log->path, 0, error);
    memcpy(&h, map->data, sizeof h);
    if (memcmp(h.magic, log_magic, sizeof h.magic) != 0 || h.sum != XXH3_64bits(&h, offsetof(header, sum)))
        return damaged(log->path, 0, error);
    if (h.version != VERSION)
        return sage_fail(error, SAGE_E_FORMAT, "%s has format version %u, this program reads version %d", log->path,
                         (unsigned)h.version, VERSION);
    if (h.base != base)
        return sage_fail(error, SAGE_E_FORMAT, "%s tells the changes of another index; run 'itemsage index'",
                         log->path);
    return SAGE_OK;
}

static sage_status replay(sage_log *log, uint64_t base, sage_log_fn apply, void *ctx, uint64_t *cut,
                          sage_error *error) {
    sage_status st = SAGE_OK;
    sage_map map = {0};
    frame f;
    size_t at = sizeof(header);
    SAGE_TRY(sage_map_open(log->path, &map, error));
    SAGE_TRY(read_header(log, &map, base, error));
    for (; frame_at(&map, at, &f) && f.number == log->changes; at += sizeof f + f.bytes) {
        SAGE_TRY(apply_frame(log, &map, at, &f, apply, ctx, error));
        log->changes += f.changes;
    }
    SAGE_TRY(check_end(log, &map, at, error));
    log->file_bytes = at;
    *cut = map.size - at;
out:
    sage_map_close(&map);
    return st;
}

static sage_status begin(const char *path, uint64_t base, sage_error *error) {
    header h = {.version = VERSION, .base = base};
    memcpy(h.magic, log_magic, sizeof h.magic);
    h.sum = XXH3_64bits(&h, offsetof(header, sum));
    return sage_fs_replace(path, &h, sizeof h, error);
}

sage_status sage_log_open(const char *path, uint64_t base, sage_log_fn apply, void *ctx, sage_log **log, uint64_t *cut,
                          sage_error *error) {
    sage_status st = SAGE_OK;
    *log = NULL;
    *cut = 0;
    sage_log *made = sage_alloc_zero(1, sizeof *made);
    if (made == NULL) return sage_fail_memory(error, sizeof *made);
    made->fd = -1;
    made->path = sage_strdup(path);
    if (made->path == NULL) {
        st = sage_fail_memory(error, strlen(path));
        goto out;
    }
    if (!sage_fs_exists(path)) SAGE_TRY(begin(path, base, error));
    SAGE_TRY(replay(made, base, apply, ctx, cut, error));
    SAGE_TRY(sage_fs_append(path, &made->fd, error));
    (void)flock(made->fd, LOCK_SH | LOCK_NB); /* so that pruning leaves it (live_logs.c) */
    if (*cut > 0) {
        SAGE_TRY(sage_fs_truncate(made->fd, path, made->file_bytes, error));
        SAGE_TRY(sage_fs_sync(made->fd, path, error));
    }
    *log = made;
    made = NULL;
out:
    sage_log_close(made);
    return st;
}

void sage_log_close(sage_log *log) {
    if (log == NULL) return;
    sage_fs_close(log->fd, log->path, NULL);
    sage_free(log->next.data);
    sage_free(log->sealed.data);
    sage_free(log->path);
    sage_free(log);
}

/* ---- writing ---- */

static sage_status check_failed(const sage_log *log, sage_error *error) {
    if (!__atomic_load_n(&log->failed, __ATOMIC_ACQUIRE)) return SAGE_OK;
    return sage_fail(error, SAGE_E_STATE, "%s takes no more changes after a fault; open the index again", log->path);
}

sage_status sage_log_add(sage_log *log, const sage_log_change *change, sage_error *error) {
    pending *next = &log->next;
    sage_status st = check_failed(log, error);
    if (st != SAGE_OK) return st;
    const record r = {change->kind, (uint32_t)change->bytes, change->pid};
    const size_t at = next->n > 0 ? next->n : sizeof(frame), bytes = sizeof r + padded(change->bytes);
    if (change->bytes > FRAME_MOST || at + bytes > FRAME_MOST)
        return sage_fail(error, SAGE_E_LIMIT, "%zu bytes of changes at once; up to %d fit into a frame of the log",
                         at + bytes, FRAME_MOST);
    if (sage_grow((void **)&next->data, &next->room, at + bytes, 1) != 0) return sage_fail_memory(error, at + bytes);
    memcpy(next->data + at, &r, sizeof r);
    if (change->bytes > 0) memcpy(next->data + at + sizeof r, change->data, change->bytes);
    memset(next->data + at + sizeof r + change->bytes, 0, padded(change->bytes) - change->bytes);
    next->n = at + bytes;
    next->changes++;
    return SAGE_OK;
}

void sage_log_take_back(sage_log *log, const sage_log_change *change) {
    log->next.n -= sizeof(record) + padded(change->bytes);
    if (--log->next.changes == 0) log->next.n = 0;
}

sage_status sage_log_seal(sage_log *log, sage_error *error) {
    sage_status st = check_failed(log, error);
    if (st != SAGE_OK || log->next.n == 0) return st;
    const pending empty = {log->sealed.data, 0, log->sealed.room, 0};
    frame f = {.number = log->changes, .changes = log->next.changes, .bytes = (uint32_t)(log->next.n - sizeof f)};
    memcpy(f.magic, frame_magic, sizeof f.magic);
    f.sum = sum_of(&f, log->next.data + sizeof f);
    memcpy(log->next.data, &f, sizeof f);
    log->sealed = log->next;
    log->next = empty;
    log->file_bytes += log->sealed.n;
    log->changes += log->sealed.changes;
    return SAGE_OK;
}

void sage_log_give_up(sage_log *log) {
    __atomic_store_n(&log->failed, true, __ATOMIC_RELEASE);
}

sage_status sage_log_write(sage_log *log, sage_error *error) {
    sage_status st = check_failed(log, error);
    if (st != SAGE_OK || log->sealed.n == 0) return st;
    st = sage_fs_write(log->fd, log->path, log->sealed.data, log->sealed.n, error);
    if (st == SAGE_OK) st = sage_fs_sync(log->fd, log->path, error);
    if (st != SAGE_OK) sage_log_give_up(log);
    log->sealed.n = 0;
    return st;
}

uint64_t sage_log_bytes(const sage_log *log) {
    return log->file_bytes;
}
