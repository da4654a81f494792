#include <base/error.h>
#include <errno.h>
#include <serve/picture.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static bool write_all(int fd, sage_str bytes) {
    for (size_t at = 0; at < bytes.len;) {
        const ssize_t n = write(fd, bytes.data + at, bytes.len - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += (size_t)n;
    }
    return true;
}

sage_status sage_picture_hold(sage_held_picture *picture, sage_str bytes, sage_error *error) {
    picture->fd = memfd_create("picture", MFD_CLOEXEC);
    picture->held = picture->fd >= 0;
    if (!picture->held || !write_all(picture->fd, bytes)) return sage_fail_errno(error, "hold", "a picture in memory");
    snprintf(picture->path, sizeof picture->path, "/proc/self/fd/%d", picture->fd);
    return SAGE_OK;
}

void sage_picture_let_go(sage_held_picture *picture) {
    if (picture->held) close(picture->fd);
    *picture = (sage_held_picture){.held = false};
}
