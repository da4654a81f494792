/* Several encoders at once: the vector of a picture is then theirs side by side, each a part of it. The identity of
 * such a joined encoder is those of its parts in order, with a comma between, and so is its name. */
#ifndef SAGE_CATALOG_PICTURE_PARTS_H
#define SAGE_CATALOG_PICTURE_PARTS_H

#include <catalog/catalog.h>

enum {
    SAGE_PICTURE_PARTS_MAX = 3,
    SAGE_PART_IDENTITY_MAX = 64, /* bytes with the end of the text, of one encoder */
    SAGE_PICTURE_IDENTITY_MAX = SAGE_PICTURE_PARTS_MAX * SAGE_PART_IDENTITY_MAX
};

/* How wide the parts of a vector are. n = 0: nobody knows yet. */
typedef struct sage_picture_parts {
    size_t n, dim[SAGE_PICTURE_PARTS_MAX];
} sage_picture_parts;

size_t sage_picture_parts_dim(const sage_picture_parts *parts); /* of all of them together */
bool sage_picture_parts_equal(const sage_picture_parts *a, const sage_picture_parts *b);

/* The next of the identities or names in *list, which moves behind it, without the blanks around it; false at the end.
 * Empty ones count. */
bool sage_picture_parts_next(const char **list, sage_str *one);

/* Of the vectors in a file of the shop's: n = 1, dim[0] = 0 where they are of one encoder or made elsewhere, and the
 * encoder's identity, or "". SAGE_E_FORMAT where the catalogue does not know its parts. */
sage_status sage_catalog_vector_parts(sage_catalog *catalog, const char *vector_file, sage_picture_parts *parts,
                                      char identity[SAGE_PICTURE_IDENTITY_MAX], sage_error *error);
/* Of the encoder of this identity; as above. */
sage_status sage_catalog_encoder_parts(sage_catalog *catalog, const char *identity, sage_picture_parts *parts,
                                       sage_error *error);

#endif
