/* Writing. Whoever finds nobody at the disk writes and syncs for all who have come; who comes meanwhile waits, and is
 * written by the next. */
#include <base/alloc.h>
#include <base/error.h>
#include <pthread.h>
#include <shop/inbox_format.h>
#include <stdio.h>

/* Who waits for entries of one group; on its own stack. */
typedef struct waiter {
    struct waiter *next;
    bool done;
    sage_status st;
    sage_error why;
} waiter;

struct sage_inbox {
    char dir[SAGE_PATH_MAX], path[SAGE_PATH_MAX]; /* the shop's; of the file that is open */
    sage_inbox_of of;
    int lock, fd;          /* fd -1: none is open */
    uint64_t file_bytes;   /* of it, that are safe */
    pthread_mutex_t mutex; /* for what follows */
    pthread_cond_t turned;
    sage_buf gathered, writing; /* entries that wait; those that are being written */
    waiter *waiting;            /* for what is gathered */
    uint64_t next, safe;        /* number of the next entry; of the last one that is safe. Some may be missing */
    uint64_t first;             /* of what is gathered */
    bool at_disk, broken;
};

static sage_status prepare(sage_inbox *inbox, uint64_t used, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    uint64_t folded, last;
    sage_inbox_gaps gaps;
    SAGE_TRY(sage_inbox_lock_path(inbox->of, path, error));
    SAGE_TRY(sage_fs_lock(path, true, &inbox->lock, error));
    SAGE_TRY(sage_inbox_folder(inbox->of, path, error));
    SAGE_TRY(sage_fs_mkdir(path, error));
    SAGE_TRY(sage_fs_sync_dir(inbox->dir, error));
    SAGE_TRY(sage_inbox_folded(inbox->of, &folded, error));
    SAGE_TRY(sage_inbox_read(inbox->of, 0, NULL, NULL, &last, &gaps, error));
    inbox->safe = last > folded ? last : folded;
    if (used > inbox->safe) inbox->safe = used;
    inbox->next = inbox->safe + 1;
out:
    return st;
}

sage_status sage_inbox_open(sage_inbox_of of, uint64_t used, sage_inbox **inbox, sage_error *error) {
    sage_status st = SAGE_OK;
    *inbox = NULL;
    sage_inbox *in = sage_alloc_zero(1, sizeof *in);
    if (in == NULL) return sage_fail_memory(error, sizeof *in);
    in->lock = in->fd = -1;
    pthread_mutex_init(&in->mutex, NULL);
    pthread_cond_init(&in->turned, NULL);
    sage_buf_init(&in->gathered, SAGE_INBOX_FILE_MAX);
    sage_buf_init(&in->writing, SAGE_INBOX_FILE_MAX);
    if (strlen(of.shop_dir) >= sizeof in->dir)
        SAGE_TRY(sage_fail(error, SAGE_E_LIMIT, "the shop's path is longer than %d bytes", SAGE_PATH_MAX - 1));
    snprintf(in->dir, sizeof in->dir, "%s", of.shop_dir);
    in->of = (sage_inbox_of){in->dir, of.name};
    SAGE_TRY(prepare(in, used, error));
    *inbox = in;
    in = NULL;
out:
    sage_inbox_close(in);
    return st;
}

void sage_inbox_close(sage_inbox *inbox) {
    if (inbox == NULL) return;
    if (inbox->fd >= 0) sage_fs_close(inbox->fd, inbox->path, NULL);
    sage_fs_unlock(inbox->lock);
    pthread_cond_destroy(&inbox->turned);
    pthread_mutex_destroy(&inbox->mutex);
    sage_buf_free(&inbox->gathered);
    sage_buf_free(&inbox->writing);
    sage_free(inbox);
}

/* ---- at the disk: by one thread at a time, outside of the mutex ---- */

/* A file that begins with entry `first`. */
static sage_status begin_file(sage_inbox *inbox, uint64_t first, sage_error *error) {
    sage_status st = SAGE_OK;
    char folder[SAGE_PATH_MAX];
    SAGE_TRY(sage_inbox_path(inbox->of, first, inbox->path, error));
    SAGE_TRY(sage_fs_create(inbox->path, false, &inbox->fd, error));
    SAGE_TRY(sage_fs_write(inbox->fd, inbox->path, sage_inbox_header, SAGE_INBOX_HEADER_BYTES, error));
    SAGE_TRY(sage_inbox_folder(inbox->of, folder, error));
    SAGE_TRY(sage_fs_sync_dir(folder, error));
    inbox->file_bytes = SAGE_INBOX_HEADER_BYTES;
out:
    if (st != SAGE_OK && inbox->fd >= 0) {
        sage_fs_close(inbox->fd, inbox->path, NULL);
        inbox->fd = -1;
    }
    return st;
}

/* Whether all that the open file holds is needed no more; then another begins, and it can go. */
static bool is_folded(const sage_inbox *inbox) {
    uint64_t folded;
    return sage_inbox_folded(inbox->of, &folded, NULL) == SAGE_OK && folded >= inbox->safe;
}

static sage_status write_out(sage_inbox *inbox, uint64_t first, sage_error *error) {
    sage_status st = SAGE_OK;
    const bool full = inbox->file_bytes + inbox->writing.len > SAGE_INBOX_FILE_MAX;
    if (inbox->fd >= 0 && (full || is_folded(inbox))) {
        const int fd = inbox->fd;
        inbox->fd = -1;
        SAGE_TRY(sage_fs_close(fd, inbox->path, error));
    }
    if (inbox->fd < 0) SAGE_TRY(begin_file(inbox, first, error));
    SAGE_TRY(sage_fs_write(inbox->fd, inbox->path, inbox->writing.data, inbox->writing.len, error));
    if ((st = sage_fs_sync(inbox->fd, inbox->path, error)) != SAGE_OK) {
        inbox->broken = true; /* nobody knows what is on the disk */
        goto out;
    }
    inbox->file_bytes += inbox->writing.len;
out:
    /* Half-written entries would stand before the next ones. */
    if (st != SAGE_OK && !inbox->broken && inbox->fd >= 0)
        inbox->broken = sage_fs_truncate(inbox->fd, inbox->path, inbox->file_bytes, NULL) != SAGE_OK;
    return st;
}

/* Under the mutex, which is let go meanwhile: what has been gathered gets to the disk, and all who wait for it know. */
static void write_gathered(sage_inbox *inbox) {
    const uint64_t first = inbox->first, last = inbox->next - 1;
    const sage_buf empty = inbox->writing;
    waiter *group = inbox->waiting;
    sage_error why = {0};
    inbox->writing = inbox->gathered;
    inbox->gathered = empty;
    inbox->waiting = NULL;
    inbox->at_disk = true;
    pthread_mutex_unlock(&inbox->mutex);
    const sage_status st = write_out(inbox, first, &why);
    pthread_mutex_lock(&inbox->mutex);
    inbox->at_disk = false;
    sage_buf_clear(&inbox->writing);
    if (st == SAGE_OK) inbox->safe = last;
    for (waiter *next; group != NULL; group = next) {
        next = group->next; /* it may be gone once it is done */
        group->st = st;
        group->why = why;
        group->done = true;
    }
    pthread_cond_broadcast(&inbox->turned);
}

/* Under the mutex. All of them or none. */
static sage_status gather(sage_inbox *inbox, sage_inbox_entry *entries, size_t n, sage_error *error) {
    const size_t before = inbox->gathered.len;
    sage_status st = SAGE_OK;
    if (inbox->broken)
        return sage_fail(error, SAGE_E_IO,
                         "%s could not be written safely, and takes nothing more; look at the disk and start anew",
                         inbox->path);
    for (size_t i = 0; st == SAGE_OK && i < n; i++) {
        entries[i].number = inbox->next + i;
        if (entries[i].text.len > SAGE_INBOX_ENTRY_MAX)
            st = sage_fail(error, SAGE_E_LIMIT, "an entry has more than %d bytes", SAGE_INBOX_ENTRY_MAX);
        else
            st = sage_inbox_encode(&inbox->gathered, &entries[i], error);
    }
    if (st != SAGE_OK) {
        inbox->gathered.len = before;
        return st;
    }
    if (before == 0) inbox->first = inbox->next;
    inbox->next += n;
    return SAGE_OK;
}

sage_status sage_inbox_add(sage_inbox *inbox, sage_inbox_entry *entries, size_t n, sage_error *error) {
    waiter self = {NULL};
    if (n == 0) return SAGE_OK;
    pthread_mutex_lock(&inbox->mutex);
    sage_status st = gather(inbox, entries, n, error);
    if (st == SAGE_OK) {
        self.next = inbox->waiting;
        inbox->waiting = &self;
        while (!self.done) {
            if (inbox->at_disk)
                pthread_cond_wait(&inbox->turned, &inbox->mutex);
            else
                write_gathered(inbox);
        }
        st = self.st;
        if (st != SAGE_OK && error != NULL) *error = self.why;
    }
    pthread_mutex_unlock(&inbox->mutex);
    return st;
}

void sage_inbox_tidy(sage_inbox *inbox) {
    pthread_mutex_lock(&inbox->mutex);
    if (!inbox->at_disk && !inbox->broken && inbox->fd >= 0 && is_folded(inbox)) {
        sage_fs_close(inbox->fd, inbox->path, NULL);
        inbox->fd = -1;
        sage_fs_unlink(inbox->path, NULL); /* else the next import does */
    }
    pthread_mutex_unlock(&inbox->mutex);
}

void sage_inbox_turn(sage_inbox *inbox) {
    pthread_mutex_lock(&inbox->mutex);
    if (!inbox->at_disk && !inbox->broken && inbox->fd >= 0) {
        sage_fs_close(inbox->fd, inbox->path, NULL);
        inbox->fd = -1;
    }
    pthread_mutex_unlock(&inbox->mutex);
}
