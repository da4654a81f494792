/* From a picture's file to the vector that the published model's product encoder takes. */
#ifndef SAGE_SHOP_SEARCH_PICTURE_H
#define SAGE_SHOP_SEARCH_PICTURE_H

#include <features/picture_encoder.h>
#include <shop/shop.h>

/* Zero-initialised; belongs to one open release. */
typedef struct sage_picture_query {
    sage_picture_origin *origin;   /* of the vectors that the model knows; NULL: not read yet */
    sage_picture_encoder *encoder; /* NULL: not opened yet */
    float *vector;
} sage_picture_query;

void sage_picture_query_free(sage_picture_query *query);

/* *vector [sage_engine_image_dim] of length 1; lives until the next call. The cache of the catalogue is asked first,
 * then the encoder is opened and must be the very one. Statuses as sage_search says. */
sage_status sage_picture_query_vector(sage_picture_query *query, sage_shop *shop, const sage_open_release *opened,
                                      const char *path, const float **vector, sage_error *error);

#endif
