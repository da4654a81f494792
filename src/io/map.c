#include <base/error.h>
#include <fcntl.h>
#include <io/fs.h>
#include <io/map.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

sage_status sage_map_open(const char *path, sage_map *map, sage_error *error) {
    *map = (sage_map){0};
    int fd = -1;
    struct stat stat;
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_fs_open_read(path, &fd, error));
    if (fstat(fd, &stat) != 0) {
        st = sage_fail_errno(error, "look at", path);
        goto out;
    }
    if (!S_ISREG(stat.st_mode)) {
        st = sage_fail(error, SAGE_E_FORMAT, "%s is not a plain file", path);
        goto out;
    }
    if (stat.st_size == 0) goto out;
    if ((uintmax_t)stat.st_size > SIZE_MAX / 2) {
        st = sage_fail(error, SAGE_E_LIMIT, "%s is too large to be mapped on this machine", path);
        goto out;
    }
    void *data = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        st = sage_fail_errno(error, "map", path);
        goto out;
    }
    *map = (sage_map){data, (size_t)stat.st_size};
out:
    sage_fs_close(fd, path, NULL);
    return st;
}

void sage_map_expect(const void *data, size_t bytes) {
#ifdef MADV_POPULATE_READ
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)data, begin = at / page * page;
    if (bytes > 0) (void)madvise((void *)begin, at + bytes - begin, MADV_POPULATE_READ);
#else
    (void)data;
    (void)bytes;
#endif
}

/* From the page in which they begin, which a reader that goes on is done with, to the last whole one. */
void sage_map_release(const sage_map *map, const void *data, size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), at = (size_t)((const unsigned char *)data - map->data);
    size_t begin = at / page * page, end = (at + bytes) / page * page;
    if (begin < end) (void)madvise((void *)(uintptr_t)(map->data + begin), end - begin, MADV_DONTNEED);
}

void sage_map_close(sage_map *map) {
    if (map->data != NULL) munmap((void *)(uintptr_t)map->data, map->size);
    *map = (sage_map){0};
}
