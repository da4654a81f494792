/* Products for a picture. Where the model was trained on pictures that shoppers searched with, its tower for pictures
 * makes the query's vector. Where it was trained on products' own pictures, the products of the release whose pictures
 * lie nearest have half a say: the mean of their vectors, weighted by likeness. Where it was trained on neither, they
 * speak alone. docs/results.md has the figures. */
#ifndef SAGE_SHOP_SEARCH_PICTURE_H
#define SAGE_SHOP_SEARCH_PICTURE_H

#include <features/picture_encoder.h>
#include <shop/shop.h>

/* Zero-initialised; belongs to one open release. */
typedef struct sage_picture_query {
    sage_picture_origin *origin;   /* of the vectors that the model knows; NULL: not read yet */
    sage_picture_training taught;  /* with it */
    sage_picture_encoder *encoder; /* NULL: not opened yet */
    float *vector;                 /* [image_dim] of the picture */
    float *target, *near;          /* [dim of the index] */
} sage_picture_query;

void sage_picture_query_free(sage_picture_query *query);

/* *vector [image_dim], each part of length 1, as the model's encoder sees the picture; lives until the next call. From
 * the cache of the catalogue, or from the encoder, which must be the very one. Statuses as sage_search says. */
sage_status sage_picture_query_vector(sage_picture_query *query, sage_shop *shop, const sage_open_release *opened,
                                      const char *path, const float **vector, sage_error *error);

/* *target [dim of the index] of length 1; lives until the next call. The picture's own vector comes from the cache of
 * the catalogue, or from the encoder, which must be the very one. Where the nearest pictures have a say, every picture
 * vector of the catalogue is read once. Statuses as sage_search says. */
sage_status sage_picture_query_target(sage_picture_query *query, sage_shop *shop, const sage_open_release *opened,
                                      const char *path, const float **target, sage_error *error);

/* What the shop gives for a picture (surface image), by its link or by the file that stands for that link below the
 * folder of pictures; NULL: nothing. */
sage_status sage_picture_query_given(sage_shop *shop, const sage_open_release *opened, const char *path,
                                     const float **given, sage_error *error);

/* SAGE_E_STATE: the catalogue's picture vectors are not of the encoder that the model knows. */
sage_status sage_picture_other_encoder(sage_error *error);

#endif
