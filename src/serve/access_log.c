#include <base/alloc.h>
#include <base/buf.h>
#include <base/error.h>
#include <errno.h>
#include <fcntl.h>
#include <io/fs.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <serve/access_log.h>
#include <serve/json_out.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A method and a path are the client's; however long, and with each byte escaped, a line holds what is shown of them.
 */
enum { HELD_BYTES = 32 << 10, LINE_BYTES = 8 << 10, METHOD_SHOWN = 32, PATH_SHOWN = 1000 };

/* The file does not pass the seam of io/fs.h: it is no part of the shop, and losing its end loses nothing. */
struct sage_access_log {
    char path[SAGE_PATH_MAX]; /* "": standard output */
    int fd;
    pthread_mutex_t lock;
    sage_buf held; /* lines, not yet written; of the first one maybe the end alone */
    size_t dropped;
};

static int open_file(const char *path) {
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

sage_status sage_access_log_open(const char *path, sage_access_log **log, sage_error *error) {
    sage_status st = SAGE_OK;
    *log = NULL;
    sage_access_log *l = sage_alloc_zero(1, sizeof *l);
    if (l == NULL) return sage_fail_memory(error, sizeof *l);
    pthread_mutex_init(&l->lock, NULL);
    sage_buf_init(&l->held, 1 << 20);
    l->fd = STDOUT_FILENO;
    if (strcmp(path, "-") != 0) {
        if (strlen(path) >= sizeof l->path)
            SAGE_TRY(
                sage_fail(error, SAGE_E_LIMIT, "the access log's path is longer than %d bytes", SAGE_PATH_MAX - 1));
        snprintf(l->path, sizeof l->path, "%s", path);
        l->fd = open_file(path);
        if (l->fd < 0) SAGE_TRY(sage_fail_errno(error, "write", path));
    }
    *log = l;
    l = NULL;
out:
    sage_access_log_close(l);
    return st;
}

/* Whether so much as PIPE_BUF can be written without waiting: who reads a pipe may have stopped, and nobody who asks
 * the server waits for that. */
static bool is_ready(int fd) {
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    return poll(&one, 1, 0) == 1;
}

static size_t lines_of(const char *text, size_t n) {
    size_t lines = 0;
    for (const char *at = text, *end = text + n; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) lines++;
    return lines;
}

/* Under the lock. What cannot be written yet stays, as far as there is room for what comes. */
static void write_held(sage_access_log *log) {
    sage_buf *held = &log->held;
    size_t at = 0;
    while (at < held->len && is_ready(log->fd)) {
        const size_t piece = held->len - at < PIPE_BUF ? held->len - at : PIPE_BUF;
        const ssize_t n = write(log->fd, held->data + at, piece);
        if (n > 0) at += (size_t)n;
        if (n > 0 || errno == EINTR) continue;
        log->dropped += lines_of(held->data + at, held->len - at);
        at = held->len;
    }
    if (at == 0) return;
    memmove(held->data, held->data + at, held->len - at);
    held->len -= at;
}

void sage_access_log_close(sage_access_log *log) {
    if (log == NULL) return;
    if (log->fd >= 0) write_held(log);
    if (*log->path && log->fd >= 0) close(log->fd);
    pthread_mutex_destroy(&log->lock);
    sage_buf_free(&log->held);
    sage_free(log);
}

static void write_time(sage_json_out *out) {
    struct timespec now;
    struct tm day;
    char text[48], whole[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &day);
    strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &day);
    snprintf(text, sizeof text, "%s.%03uZ", whole, (unsigned)(now.tv_nsec / 1000000) % 1000);
    sage_out_text_at(out, "time", text);
}

static sage_status write_line(sage_buf *line, const sage_access *access) {
    sage_json_out out = {.buf = line};
    sage_out_open(&out, '{');
    write_time(&out);
    sage_out_text_at(&out, "remote", access->remote);
    sage_out_key(&out, "method");
    sage_out_bytes(&out, access->method, strnlen(access->method, METHOD_SHOWN));
    sage_out_key(&out, "path");
    sage_out_bytes(&out, access->path, strnlen(access->path, PATH_SHOWN));
    sage_out_text_at(&out, "route", access->route);
    sage_out_whole_at(&out, "status", access->status);
    sage_out_whole_at(&out, "bytes", (int64_t)access->bytes);
    sage_out_key(&out, "ms");
    sage_out_float(&out, access->took_s * 1000);
    sage_out_key(&out, "wait_ms");
    sage_out_float(&out, access->waited_s * 1000);
    if (access->release > 0) sage_out_whole_at(&out, "release", (int64_t)access->release);
    sage_out_close(&out, '}');
    return out.st == SAGE_OK ? sage_buf_byte(line, '\n', NULL) : out.st;
}

void sage_access_log_write(sage_access_log *log, const sage_access *access) {
    sage_buf line;
    if (log == NULL) return;
    sage_buf_init(&line, LINE_BYTES);
    const sage_status made = write_line(&line, access);
    pthread_mutex_lock(&log->lock);
    if (made != SAGE_OK || sage_buf_add(&log->held, line.data, line.len, NULL) != SAGE_OK) log->dropped++;
    if (log->held.len >= HELD_BYTES) write_held(log);
    pthread_mutex_unlock(&log->lock);
    sage_buf_free(&line);
}

/* Whether the path names another file by now, or none. */
static bool moved(const sage_access_log *log) {
    struct stat open, named;
    if (!*log->path || fstat(log->fd, &open) != 0) return false;
    return stat(log->path, &named) != 0 || named.st_ino != open.st_ino || named.st_dev != open.st_dev;
}

void sage_access_log_turn(sage_access_log *log, size_t *dropped) {
    *dropped = 0;
    if (log == NULL) return;
    pthread_mutex_lock(&log->lock);
    write_held(log);
    const int next = moved(log) ? open_file(log->path) : -1;
    if (next >= 0) {
        close(log->fd);
        log->fd = next;
    }
    *dropped = log->dropped;
    log->dropped = 0;
    pthread_mutex_unlock(&log->lock);
}
