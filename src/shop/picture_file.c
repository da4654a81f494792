#include <base/alloc.h>
#include <base/error.h>
#include <catalog/import_links.h>
#include <shop/picture_file.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void sage_picture_folder(sage_shop *shop, char dir[SAGE_PATH_MAX]) {
    sage_catalog *catalog = NULL;
    const char *found = "";
    dir[0] = '\0';
    if (sage_shop_catalog(shop, false, &catalog, NULL) == SAGE_OK &&
        sage_catalog_meta(catalog, "images_dir", &found, NULL) == SAGE_OK)
        snprintf(dir, SAGE_PATH_MAX, "%s", found);
    sage_catalog_close(catalog);
}

bool sage_picture_of_link(const char *dir, const char *link, char path[SAGE_PATH_MAX]) {
    char place[SAGE_PATH_MAX];
    if (dir[0] == '\0' || link[0] == '\0') return false;
    if (sage_link_place((sage_str){link, strlen(link)}, dir, place) == SAGE_LINK_OUTSIDE) return false;
    if (sage_link_escapes(place, dir) || sage_path_join(path, dir, place, NULL) != SAGE_OK) return false;
    return sage_fs_exists(path);
}

/* By the first bytes, as browsers tell them. */
static const char *type_of(const char *bytes, size_t n) {
    if (n > 3 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0) return "image/jpeg";
    if (n > 8 && memcmp(bytes, "\x89PNG\r\n\x1A\n", 8) == 0) return "image/png";
    if (n > 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0) return "image/webp";
    return NULL;
}

sage_status sage_picture_bytes(const char *path, sage_buf *out, const char **type, sage_error *error) {
    sage_status st = SAGE_OK;
    char *bytes = NULL;
    size_t n = 0;
    struct stat is;
    /* What is no plain file, a pipe say, might never end. */
    if (stat(path, &is) == 0 && !S_ISREG(is.st_mode))
        return sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "it is no plain file");
    SAGE_TRY(sage_fs_read_all(path, out->max - out->len, &bytes, &n, error));
    *type = type_of(bytes, n);
    if (*type == NULL) SAGE_TRY(sage_fail_at(error, SAGE_E_FORMAT, path, 0, 0, "it is no JPEG, PNG or WebP"));
    SAGE_TRY(sage_buf_add(out, bytes, n, error));
out:
    sage_free(bytes);
    return st;
}
