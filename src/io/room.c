#include <base/error.h>
#include <io/fs.h>
#include <io/room.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* What only a room points at is not lost: a leak checker reads rooms as it reads the heap. */
#if defined(__SANITIZE_ADDRESS__)
#define LEAKS_ARE_LOOKED_FOR
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAKS_ARE_LOOKED_FOR
#endif
#endif
#ifdef LEAKS_ARE_LOOKED_FOR
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_register_root_region(begin, bytes)   ((void)0)
#define __lsan_unregister_root_region(begin, bytes) ((void)0)
#endif

enum { STEP = 1 << 20 }; /* pages are made usable by this much at a time: one system call a MiB */

static size_t page_bytes(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t up_to(size_t bytes, size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

static bool address_space_is_limited(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/* `lead`: bytes of the first page before the data. */
static sage_status reserve(sage_room *room, size_t lead, size_t bytes, size_t most, sage_error *error) {
    size_t page = page_bytes(), modest = bytes < SIZE_MAX / 4 ? 2 * bytes + STEP : bytes;
    if (most < bytes) most = bytes;
    if (most > SIZE_MAX / 2) return sage_fail_memory(error, most);
    if (address_space_is_limited() && modest < most) most = modest;
    size_t reserved = up_to(lead + most + 1, page);
    void *begin = mmap(NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (begin == MAP_FAILED) return sage_fail_memory(error, reserved);
    __lsan_register_root_region(begin, reserved);
    *room = (sage_room){.begin = begin, .data = (unsigned char *)begin + lead, .most = most, .reserved = reserved};
    return SAGE_OK;
}

sage_status sage_room_new(sage_room *room, size_t bytes, size_t most, sage_error *error) {
    *room = (sage_room){0};
    sage_status st = reserve(room, 0, bytes, most, error);
    if (st == SAGE_OK) st = sage_room_grow(room, bytes, error);
    if (st != SAGE_OK) sage_room_free(room);
    return st;
}

/* The pages of the file in the place of the first reserved ones; what they hold behind the part that is asked for does
 * not belong to the room and becomes zero. */
static sage_status map_front(sage_room *room, int fd, const char *path, uint64_t at, size_t bytes, sage_error *error) {
    size_t lead = (size_t)(room->data - room->begin), front = up_to(lead + bytes, page_bytes());
    if (bytes == 0) return SAGE_OK;
    void *mapped = mmap(room->begin, front, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fd,
                        (off_t)(at - lead));
    if (mapped == MAP_FAILED) return sage_fail_errno(error, "map", path);
    memset(room->data + bytes, 0, front - lead - bytes);
    room->usable = front;
    room->bytes = bytes;
    return SAGE_OK;
}

sage_status sage_room_of_file(sage_room *room, const char *path, uint64_t at, size_t bytes, size_t most,
                              sage_error *error) {
    *room = (sage_room){0};
    int fd = -1;
    struct stat stat;
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_fs_open_read(path, &fd, error));
    if (fstat(fd, &stat) != 0) {
        st = sage_fail_errno(error, "look at", path);
        goto out;
    }
    if (at > (uint64_t)stat.st_size || bytes > (uint64_t)stat.st_size - at) {
        st = sage_fail(error, SAGE_E_FORMAT, "%s was cut off: it ends before what is asked of it", path);
        goto out;
    }
    SAGE_TRY(reserve(room, (size_t)(at % page_bytes()), bytes, most, error));
    SAGE_TRY(map_front(room, fd, path, at, bytes, error));
out:
    sage_fs_close(fd, path, NULL);
    if (st != SAGE_OK) sage_room_free(room);
    return st;
}

sage_status sage_room_grow(sage_room *room, size_t bytes, sage_error *error) {
    if (bytes <= room->bytes) return SAGE_OK;
    if (bytes > room->most)
        return sage_fail(error, SAGE_E_LIMIT,
                         "%zu MiB of address space are reserved and full; raise the limit (ulimit -v), or build the "
                         "index again with 'itemsage index'",
                         room->most >> 20);
    size_t need = up_to((size_t)(room->data - room->begin) + bytes, page_bytes());
    if (need > room->usable) {
        size_t usable = up_to(need, STEP) < room->reserved ? up_to(need, STEP) : room->reserved;
        if (mprotect(room->begin + room->usable, usable - room->usable, PROT_READ | PROT_WRITE) != 0)
            return sage_fail_memory(error, usable - room->usable);
        room->usable = usable;
    }
    room->bytes = bytes;
    return SAGE_OK;
}

void sage_room_free(sage_room *room) {
    if (room->begin != NULL) {
        __lsan_unregister_root_region(room->begin, room->reserved);
        munmap(room->begin, room->reserved);
    }
    *room = (sage_room){0};
}
