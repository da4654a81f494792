/* Products' pictures as the shop has them: files below the folder of `import images --images DIR`. */
#ifndef SAGE_SHOP_PICTURE_FILE_H
#define SAGE_SHOP_PICTURE_FILE_H

#include <base/buf.h>
#include <shop/shop.h>

/* The folder, as the catalogue remembers it; "" where there is none, or no catalogue that can be read. */
void sage_picture_folder(sage_shop *shop, char dir[SAGE_PATH_MAX]);

/* The file that a product's link means (catalog/import_links.h). False where there is none below the folder, be it that
 * the link, or a symbolic link on the way, leads out of it. */
bool sage_picture_of_link(const char *dir, const char *link, char path[SAGE_PATH_MAX]);

/* Its bytes behind what `out` has, and what they are: "image/jpeg", "image/png" or "image/webp", told by the bytes.
 * SAGE_E_FORMAT: another thing, or no plain file; SAGE_E_LIMIT: more than out's maximum. */
sage_status sage_picture_bytes(const char *path, sage_buf *out, const char **type, sage_error *error);

#endif
