/* Where the picture vectors of a shop's products come from, and the vector of a picture that the shop has seen before.
 * For reading; nobody need hold the catalogue's lock. */
#ifndef SAGE_CATALOG_PICTURE_ORIGIN_H
#define SAGE_CATALOG_PICTURE_ORIGIN_H

#include <catalog/picture_parts.h>
#include <io/fs.h>

typedef enum sage_picture_maker {
    SAGE_PICTURES_UNKNOWN,  /* no product has one, or nobody wrote it down */
    SAGE_PICTURES_IMPORTED, /* made elsewhere */
    SAGE_PICTURES_COMPUTED  /* by one encoder of the shop, or by several, joined */
} sage_picture_maker;

typedef struct sage_picture_origin {
    sage_picture_maker maker;
    char identity[SAGE_PICTURE_IDENTITY_MAX], name[SAGE_PATH_MAX]; /* of the encoder, as sage_picture_source has them;
                                                                      else "" */
} sage_picture_origin;

/* Of the vectors that products have now. Reads the table of pictures once. */
sage_status sage_catalog_picture_origin(sage_catalog *catalog, sage_picture_origin *origin, sage_error *error);

/* The vector [dim] that the encoder of this identity once made of a file of this content (XXH3-128), as it was
 * computed. SAGE_E_NOT_FOUND: there is none; so it is where its file is not as it was. */
sage_status sage_catalog_picture_vector(sage_catalog *catalog, const char *shop_dir, const char *identity,
                                        const unsigned char content[16], size_t dim, float *out, sage_error *error);

#endif
