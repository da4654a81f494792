#include <base/alloc.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <io/fs.h>
#include <io/undo.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file or directory, kept open so that its inode number stays its own. */
typedef struct node {
    struct node *next;
    dev_t dev;
    ino_t ino;
    int fd;
} node;

typedef enum kind { BYTES, GONE, MADE_FILE, MADE_DIR, MOVED } kind;

struct sage_undo {
    sage_undo *older;
    kind kind;
    node *dir;      /* where the name lies; NULL for BYTES */
    node *from_dir; /* MOVED */
    node *what;     /* BYTES: the file; GONE: what the name stood for */
    char *name, *from_name;
    mode_t mode;   /* GONE */
    uint64_t at;   /* BYTES */
    uint64_t size; /* BYTES: of the file before */
    size_t n;
    char *bytes; /* the bytes before, or a link's target */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool armed;
static node *nodes;
static sage_undo *newest;

static void must(bool held) {
    if (!held) _exit(70);
}

static void *get(size_t bytes) {
    void *memory = sage_alloc_zero(1, bytes);
    must(memory != NULL);
    return memory;
}

static node *node_of(const struct stat *stat) {
    for (node *at = nodes; at != NULL; at = at->next) {
        if (at->dev == stat->st_dev && at->ino == stat->st_ino) return at;
    }
    return NULL;
}

static node *node_add(const struct stat *stat, int fd) {
    must(fd >= 0);
    node *made = get(sizeof *made);
    *made = (node){.next = nodes, .dev = stat->st_dev, .ino = stat->st_ino, .fd = fd};
    nodes = made;
    return made;
}

static node *node_of_fd(int fd) {
    struct stat stat;
    must(fstat(fd, &stat) == 0);
    node *known = node_of(&stat);
    if (known != NULL) return known;
    /* Opened anew, since the caller's descriptor may be for writing only, or append. */
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return node_add(&stat, open(path, O_RDWR | O_CLOEXEC));
}

static node *node_of_dir(const char *path) {
    struct stat info;
    must(stat(path, &info) == 0);
    node *known = node_of(&info);
    return known != NULL ? known : node_add(&info, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void sage_path_parent(char *out, const char *path) {
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/') len--;
    while (len > 0 && path[len - 1] != '/') len--;
    while (len > 1 && path[len - 1] == '/') len--;
    if (len == 0 || len >= SAGE_PATH_MAX) {
        memcpy(out, ".", 2);
    } else {
        memcpy(out, path, len);
        out[len] = '\0';
    }
}

/* Splits a path into its directory's node and its last name. */
static void locate(const char *path, node **dir, char **name) {
    char parent[SAGE_PATH_MAX];
    sage_path_parent(parent, path);
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    *dir = node_of_dir(parent);
    *name = sage_strndup(path + begin, end - begin);
    must(*name != NULL);
}

static void undo_free(sage_undo *undo) {
    sage_free(undo->name);
    sage_free(undo->from_name);
    sage_free(undo->bytes);
    sage_free(undo);
}

static void push(sage_undo *undo) {
    undo->older = newest;
    newest = undo;
}

bool sage_undo_armed(void) {
    return atomic_load_explicit(&armed, memory_order_relaxed);
}

void sage_undo_arm(bool on) {
    pthread_mutex_lock(&mutex);
    while (newest != NULL) {
        sage_undo *undo = newest;
        newest = undo->older;
        undo_free(undo);
    }
    while (nodes != NULL) {
        node *gone = nodes;
        nodes = gone->next;
        close(gone->fd);
        sage_free(gone);
    }
    if (on) {
        struct rlimit limit;
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
            limit.rlim_cur = limit.rlim_max;
            setrlimit(RLIMIT_NOFILE, &limit);
        }
    }
    atomic_store(&armed, on);
    pthread_mutex_unlock(&mutex);
}

static void keep(sage_undo *undo, int fd, uint64_t at, uint64_t n) {
    uint64_t there = at < undo->size ? undo->size - at : 0;
    undo->at = at;
    undo->n = (size_t)(n < there ? n : there);
    if (undo->n == 0) return;
    undo->bytes = get(undo->n);
    for (size_t done = 0; done < undo->n;) {
        ssize_t got = pread(fd, undo->bytes + done, undo->n - done, (off_t)(at + done));
        must(got > 0);
        done += (size_t)got;
    }
}

static sage_undo *bytes_before(int fd, uint64_t at, uint64_t n) {
    if (!sage_undo_armed()) return NULL;
    pthread_mutex_lock(&mutex);
    sage_undo *undo = get(sizeof *undo);
    undo->kind = BYTES;
    undo->what = node_of_fd(fd);
    struct stat stat;
    must(fstat(undo->what->fd, &stat) == 0);
    undo->size = (uint64_t)stat.st_size;
    keep(undo, undo->what->fd, at, n);
    pthread_mutex_unlock(&mutex);
    return undo;
}

sage_undo *sage_undo_bytes(int fd, uint64_t at, size_t n) {
    return bytes_before(fd, at, n);
}

sage_undo *sage_undo_cut(int fd, uint64_t size) {
    return bytes_before(fd, size, UINT64_MAX);
}

sage_undo *sage_undo_gone(const char *path) {
    struct stat stat;
    if (!sage_undo_armed() || lstat(path, &stat) != 0) return NULL;
    pthread_mutex_lock(&mutex);
    sage_undo *undo = get(sizeof *undo);
    undo->kind = GONE;
    undo->mode = stat.st_mode;
    locate(path, &undo->dir, &undo->name);
    if (S_ISDIR(stat.st_mode)) {
        undo->what = node_of_dir(path);
    } else if (S_ISLNK(stat.st_mode)) {
        undo->bytes = get(SAGE_PATH_MAX);
        must(readlink(path, undo->bytes, SAGE_PATH_MAX - 1) >= 0);
    } else {
        undo->what = node_of(&stat);
        if (undo->what == NULL) undo->what = node_add(&stat, open(path, O_RDWR | O_CLOEXEC));
        undo->size = (uint64_t)stat.st_size;
        keep(undo, undo->what->fd, 0, UINT64_MAX);
    }
    pthread_mutex_unlock(&mutex);
    return undo;
}

void sage_undo_settle(sage_undo *undo, bool happened) {
    if (undo == NULL) return;
    pthread_mutex_lock(&mutex);
    if (happened) {
        push(undo);
    } else {
        undo_free(undo);
    }
    pthread_mutex_unlock(&mutex);
}

void sage_undo_made(const char *path, bool directory) {
    if (!sage_undo_armed()) return;
    pthread_mutex_lock(&mutex);
    sage_undo *undo = get(sizeof *undo);
    undo->kind = directory ? MADE_DIR : MADE_FILE;
    locate(path, &undo->dir, &undo->name);
    push(undo);
    pthread_mutex_unlock(&mutex);
}

void sage_undo_moved(const char *from, const char *to) {
    if (!sage_undo_armed()) return;
    pthread_mutex_lock(&mutex);
    sage_undo *undo = get(sizeof *undo);
    undo->kind = MOVED;
    locate(from, &undo->from_dir, &undo->from_name);
    locate(to, &undo->dir, &undo->name);
    push(undo);
    pthread_mutex_unlock(&mutex);
}

static void forget(const node *synced, bool directory) {
    for (sage_undo **link = &newest; *link != NULL;) {
        sage_undo *undo = *link;
        if (directory ? undo->dir == synced : undo->kind == BYTES && undo->what == synced) {
            *link = undo->older;
            undo_free(undo);
        } else {
            link = &undo->older;
        }
    }
}

void sage_undo_synced(int fd) {
    struct stat stat;
    if (!sage_undo_armed() || fstat(fd, &stat) != 0) return;
    pthread_mutex_lock(&mutex);
    node *known = node_of(&stat);
    if (known != NULL) forget(known, false);
    pthread_mutex_unlock(&mutex);
}

void sage_undo_synced_dir(const char *path) {
    struct stat info;
    if (!sage_undo_armed() || stat(path, &info) != 0) return;
    pthread_mutex_lock(&mutex);
    node *known = node_of(&info);
    if (known != NULL) forget(known, true);
    pthread_mutex_unlock(&mutex);
}

/* ---- the cut ---- */

static void put_back(int fd, const sage_undo *undo) {
    must(ftruncate(fd, (off_t)undo->size) == 0);
    for (size_t done = 0; done < undo->n;) {
        ssize_t put = pwrite(fd, undo->bytes + done, undo->n - done, (off_t)(undo->at + done));
        must(put > 0);
        done += (size_t)put;
    }
}

/* Where ENOENT says that the directory around it is gone for good, so is what lay in it. */
static void bring_back(sage_undo *undo) {
    int dir = undo->dir->fd, fd = -1;
    mode_t mode = undo->mode & 07777;
    if (S_ISLNK(undo->mode)) {
        must(symlinkat(undo->bytes, dir, undo->name) == 0 || errno == ENOENT);
        return;
    }
    if (S_ISDIR(undo->mode)) {
        must(mkdirat(dir, undo->name, mode) == 0 || errno == ENOENT);
        fd = openat(dir, undo->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } else {
        fd = openat(dir, undo->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (fd >= 0) put_back(fd, undo);
    }
    must(fd >= 0 || errno == ENOENT);
    /* Older entries that speak of what was removed now mean what has come back. */
    if (fd >= 0) undo->what->fd = fd;
}

static void remove_below(int dir_fd, const char *name) {
    if (unlinkat(dir_fd, name, 0) == 0) return;
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0) return;
    DIR *dir = fdopendir(fd);
    must(dir != NULL);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) remove_below(fd, entry->d_name);
    }
    closedir(dir);
    unlinkat(dir_fd, name, AT_REMOVEDIR);
}

void sage_undo_everything(void) {
    pthread_mutex_lock(&mutex);
    for (sage_undo *undo = newest; undo != NULL; undo = undo->older) {
        switch (undo->kind) {
        case BYTES: put_back(undo->what->fd, undo); break;
        case GONE: bring_back(undo); break;
        case MADE_FILE: /* may have moved on durably: then there is nothing to remove */
        case MADE_DIR: remove_below(undo->dir->fd, undo->name); break;
        case MOVED: renameat(undo->dir->fd, undo->name, undo->from_dir->fd, undo->from_name); break;
        }
    }
    newest = NULL;
    pthread_mutex_unlock(&mutex);
}
