/* The vectors of pictures that are no product's: a picture that shoppers searched with is found by its link as those of
 * products are (catalog/import_links.h), and its vector by what lay at that place. For reading. */
#ifndef SAGE_CATALOG_PICTURE_FIND_H
#define SAGE_CATALOG_PICTURE_FIND_H

#include <catalog/catalog.h>

/* The links of all pictures: of products, and of events that began with a picture. */
#define SAGE_PICTURE_LINKS_SQL                                                                                         \
    "SELECT link FROM images WHERE link <> '' UNION ALL SELECT key FROM queries WHERE surface = 1"

/* How many different pictures events began with. */
sage_status sage_catalog_searched_pictures(sage_catalog *catalog, uint64_t *n, sage_error *error);

typedef struct sage_picture_finder sage_picture_finder; /* belongs to its catalogue */

/* Finds vectors of the encoder that those of the products are of; none, where they are of no one encoder. */
sage_status sage_picture_finder_open(sage_catalog *catalog, sage_picture_finder **finder, sage_error *error);
void sage_picture_finder_close(sage_picture_finder *finder);
/* image->vector_file is "" where there is no vector. Its strings live until the next call; its link is `link`'s. */
sage_status sage_picture_finder_find(sage_picture_finder *finder, sage_str link, sage_image_ref *image,
                                     sage_error *error);

#endif
