/* Immutable, numbered directories: parent/<n>. Built in parent/.tmp-<name>, synced, renamed, parent synced. */
#ifndef SAGE_IO_VERSION_H
#define SAGE_IO_VERSION_H

#include <io/fs.h>

/* Largest complete version below parent; 0 where there is none (or no parent). */
sage_status sage_version_newest(const char *parent, uint64_t *version, sage_error *error);
/* All complete versions, ascending; free with sage_free. */
sage_status sage_version_list(const char *parent, uint64_t **versions, size_t *n, sage_error *error);
sage_status sage_version_path(char out[SAGE_PATH_MAX], const char *parent, uint64_t version, sage_error *error);
/* Removes what a stopped build left (parent/.tmp-<name>), makes it anew, and gives its path. */
sage_status sage_version_begin(const char *parent, const char *name, char tmp[SAGE_PATH_MAX], sage_error *error);
/* Syncs every file in tmp and tmp itself, renames it to the next number, syncs the parent. */
sage_status sage_version_publish(const char *parent, const char *tmp, uint64_t *version, sage_error *error);
/* A shared lock that keeps a version from being pruned while it is read; fd from sage_fs_lock. */
sage_status sage_version_hold(const char *parent, uint64_t version, int *fd, sage_error *error);
/* Removes old versions but the newest `keep` and those listed in `pinned`; versions that are held are skipped. */
sage_status sage_version_prune(const char *parent, size_t keep, const uint64_t *pinned, size_t n_pinned,
                               sage_error *error);

#endif
