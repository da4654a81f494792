#include <base/alloc.h>
#include <base/error.h>
#include <base/order.h>
#include <shop/inbox_format.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

const char sage_inbox_header[SAGE_INBOX_HEADER_BYTES] = "SAGEINBX\1";

sage_status sage_inbox_folder(sage_inbox_of of, char path[SAGE_PATH_MAX], sage_error *error) {
    return sage_path_join(path, of.shop_dir, of.name, error);
}

sage_status sage_inbox_lock_path(sage_inbox_of of, char path[SAGE_PATH_MAX], sage_error *error) {
    char name[64];
    snprintf(name, sizeof name, ".lock-%s", of.name);
    return sage_path_join(path, of.shop_dir, name, error);
}

sage_status sage_inbox_path(sage_inbox_of of, uint64_t first, char path[SAGE_PATH_MAX], sage_error *error) {
    char name[64];
    snprintf(name, sizeof name, "%s/%020llu.log", of.name, (unsigned long long)first);
    return sage_path_join(path, of.shop_dir, name, error);
}

typedef struct files {
    uint64_t *firsts;
    size_t n, capacity;
} files;

static sage_status add_file(void *ctx, const char *name, sage_error *error) {
    files *f = ctx;
    char *end;
    const unsigned long long first = strtoull(name, &end, 10);
    if (end != name + 20 || strcmp(end, ".log") != 0) return SAGE_OK;
    if (sage_grow((void **)&f->firsts, &f->capacity, f->n + 1, sizeof *f->firsts) != 0)
        return sage_fail_memory(error, (f->n + 1) * sizeof *f->firsts);
    f->firsts[f->n++] = first;
    return SAGE_OK;
}

sage_status sage_inbox_files(sage_inbox_of of, uint64_t **firsts, size_t *n, sage_error *error) {
    sage_status st = SAGE_OK;
    char path[SAGE_PATH_MAX];
    files f = {NULL};
    *firsts = NULL;
    *n = 0;
    SAGE_TRY(sage_inbox_folder(of, path, error));
    if (sage_fs_exists(path)) SAGE_TRY(sage_fs_list(path, add_file, &f, error));
    if (f.n > 0) qsort(f.firsts, f.n, sizeof *f.firsts, sage_order_i64); /* numbers stay far below 2^63 */
    *firsts = f.firsts;
    *n = f.n;
    f.firsts = NULL;
out:
    sage_free(f.firsts);
    return st;
}

/* number u64, bytes u32, kind u32, XXH3-64 of these and the text; then the text. Little-endian, as all files are. */
static void put_head(const sage_inbox_entry *entry, unsigned char head[SAGE_INBOX_ENTRY_BYTES]) {
    const uint32_t bytes = (uint32_t)entry->text.len;
    memcpy(head, &entry->number, 8);
    memcpy(head + 8, &bytes, 4);
    memcpy(head + 12, &entry->kind, 4);
    const uint64_t sum = XXH3_64bits_withSeed(entry->text.data, entry->text.len, XXH3_64bits(head, 16));
    memcpy(head + 16, &sum, 8);
}

sage_status sage_inbox_encode(sage_buf *out, const sage_inbox_entry *entry, sage_error *error) {
    unsigned char head[SAGE_INBOX_ENTRY_BYTES];
    put_head(entry, head);
    sage_status st = sage_buf_add(out, head, sizeof head, error);
    return st == SAGE_OK ? sage_buf_add(out, entry->text.data, entry->text.len, error) : st;
}

bool sage_inbox_decode(const char *data, size_t n, size_t *at, sage_inbox_entry *entry) {
    unsigned char head[SAGE_INBOX_ENTRY_BYTES];
    uint32_t bytes;
    if (n - *at < sizeof head) return false;
    memcpy(&entry->number, data + *at, 8);
    memcpy(&bytes, data + *at + 8, 4);
    memcpy(&entry->kind, data + *at + 12, 4);
    if (bytes > SAGE_INBOX_ENTRY_MAX || n - *at - sizeof head < bytes) return false;
    entry->text = (sage_str){data + *at + sizeof head, bytes};
    put_head(entry, head);
    if (memcmp(head, data + *at, sizeof head) != 0) return false;
    *at += sizeof head + bytes;
    return true;
}
