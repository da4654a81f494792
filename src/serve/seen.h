/* Whether a file is another one than when it was looked at last. */
#ifndef SAGE_SERVE_SEEN_H
#define SAGE_SERVE_SEEN_H

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/* All zero where there is none. */
static inline struct stat sage_look_at(const char *path) {
    struct stat now;
    if (stat(path, &now) != 0) memset(&now, 0, sizeof now);
    return now;
}

static inline bool sage_same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

#endif
