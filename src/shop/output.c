/* What a command is to write for the user is looked at before the work, which may take hours, and not after it. */
#include <base/error.h>
#include <io/undo.h>
#include <shop/shop.h>
#include <stdlib.h>
#include <string.h>

/* What lies directly in a shop's directory and is not the user's to replace. */
static bool is_own(const char *name, size_t len) {
    static const char *const own[] = {"catalog.db", "catalog.db-wal", "catalog.db-shm", "itemsage.conf", "current",
                                      "previous",   "ablation",       "changes",        "dataset",       "encoders",
                                      "given",      "inbox",          "index",          "keywords",      "models",
                                      "pictures",   "releases",       "sentences",      "vectors"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strlen(own[i]) == len && memcmp(own[i], name, len) == 0) return true;
    return len > 6 && memcmp(name, ".lock-", 6) == 0;
}

/* `folder` is where the file is to lie, and `name` what it is called there. */
static bool is_of_shop(const sage_shop *shop, const char *folder, const char *name) {
    char *home = realpath(shop->dir, NULL), *place = realpath(folder, NULL);
    size_t n = home != NULL ? strlen(home) : 0;
    bool own = false;
    if (home != NULL && place != NULL && strcmp(home, place) == 0)
        own = is_own(name, strlen(name));
    else if (home != NULL && place != NULL && strncmp(place, home, n) == 0 && place[n] == '/')
        own = is_own(place + n + 1, strcspn(place + n + 1, "/"));
    free(home);
    free(place);
    return own;
}

sage_status sage_shop_check_outside(const sage_shop *shop, const char *path, sage_error *error) {
    char folder[SAGE_PATH_MAX], *place = realpath(path, NULL); /* a link leads to what would be written */
    const char *full = place != NULL ? place : path, *slash = strrchr(full, '/');
    sage_path_parent(folder, full);
    const bool own = is_of_shop(shop, folder, slash != NULL ? slash + 1 : full);
    free(place);
    return own ? sage_fail(error, SAGE_E_ARGUMENT, "%s belongs to the shop; name another file", path) : SAGE_OK;
}

sage_status sage_shop_check_output(const sage_shop *shop, const char *path, sage_error *error) {
    const char *slash = strrchr(path, '/');
    sage_status st = SAGE_OK;
    if (*(slash != NULL ? slash + 1 : path) == '\0')
        return sage_fail(error, SAGE_E_ARGUMENT, "'%s' names no file to write", path);
    SAGE_TRY(sage_fs_check_place(path, error));
    st = sage_shop_check_outside(shop, path, error);
out:
    return st;
}
