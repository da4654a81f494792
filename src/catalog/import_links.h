/* Links of products: the merchant and the path in them, and which picture links are taken. */
#ifndef SAGE_CATALOG_IMPORT_LINKS_H
#define SAGE_CATALOG_IMPORT_LINKS_H

#include <catalog/price.h>
#include <io/fs.h>

/* Views into `link`: host without user, port and a leading "www."; path without query and fragment. A link without a
 * scheme or leading "//" is all path. */
void sage_link_split(sage_str link, sage_str *domain, sage_str *path);

/* Length of "scheme" where the link begins with "scheme:" (two characters or more: "C:" is a drive); else 0. */
size_t sage_link_scheme(sage_str link);

/* False and "image-outside" where a picture link without a scheme leaves images_dir: by "..", as an absolute path, or
 * through a symbolic link; and where a "file:" link does not lead into it. images_dir is a real path or "": then only
 * ".." and "file:" are refused. */
bool sage_link_check_image(sage_str link, const char *images_dir, sage_flaw *flaw);

/* Where the file of a picture link lies below images_dir (a real path or ""), as a path relative to it:
 *   without a scheme  the link itself
 *   file:             what it resolves to, percent escapes undone
 *   any other         the XXH3-128 of the link as 32 hexadecimal digits: that is where a downloader puts it, since last
 *                     parts of paths ("main.jpg") are not unique
 * A file need not be there. */
typedef enum sage_link_kind { SAGE_LINK_OUTSIDE, SAGE_LINK_LOCAL, SAGE_LINK_REMOTE } sage_link_kind;
sage_link_kind sage_link_place(sage_str link, const char *images_dir, char place[SAGE_PATH_MAX]);
/* Whether what lies at `place` is, by a symbolic link, a file from elsewhere. */
bool sage_link_escapes(const char *place, const char *images_dir);

/* The real path of --images DIR; "" for NULL. SAGE_E_NOT_FOUND where there is no such folder. */
sage_status sage_images_dir(const char *dir, char real[SAGE_PATH_MAX], sage_error *error);

#endif
