/* The picture rows of a product. Feeds give links, vector files give vectors, by position; neither undoes the other:
 * a vector stays while the link at its position is the same (or was absent), and goes when the picture changes. */
#ifndef SAGE_CATALOG_IMPORT_IMAGES_H
#define SAGE_CATALOG_IMPORT_IMAGES_H

#include <base/arena.h>
#include <catalog/fingerprint.h>
#include <catalog/store.h>

/* By position; a place with neither link nor vector is empty. */
typedef struct sage_pictures {
    sage_picture at[SAGE_IMAGES_MAX];
} sage_pictures;

typedef struct sage_image_rows {
    sqlite3_stmt *read, *clear, *add;
    sage_arena *arena; /* holds the links that were read; reset by each read */
} sage_image_rows;

sage_status sage_image_rows_init(sage_image_rows *rows, sage_catalog *catalog, sage_error *error);
void sage_image_rows_free(sage_image_rows *rows);
sage_status sage_image_rows_read(sage_image_rows *rows, int64_t pid, sage_pictures *pictures, sage_error *error);
/* Writes `now` where it differs from `old` (all of it where old is NULL). */
sage_status sage_image_rows_write(sage_image_rows *rows, int64_t pid, const sage_pictures *old,
                                  const sage_pictures *now, sage_error *error);

/* The feed's links over what was there; *dropped is raised by the vectors whose picture changed. */
void sage_pictures_relink(const sage_pictures *old, const sage_str *links, size_t n, sage_pictures *now,
                          uint64_t *dropped);
/* Without the empty places; returns how many. */
size_t sage_pictures_list(const sage_pictures *pictures, sage_picture list[SAGE_IMAGES_MAX]);

#endif
