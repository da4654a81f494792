/* What makes a vector of a picture: the built-in statistics, or a pretrained network from a folder; or several of them,
 * each with a part of the vector (catalog/picture_parts.h). */
#ifndef SAGE_FEATURES_PICTURE_ENCODER_H
#define SAGE_FEATURES_PICTURE_ENCODER_H

#include <catalog/picture_parts.h>
#include <io/fs.h>
#include <parallel/pool.h>
#include <pretrained/picture_rule.h>

typedef struct sage_encoder_part {
    char name[SAGE_PATH_MAX];              /* as the user calls it: it may be a folder */
    char identity[SAGE_PART_IDENTITY_MAX]; /* of its weights and rules: another one makes other vectors */
    size_t dim, at;                        /* columns at .. at + dim of the vector */
    const sage_picture_rule *rule;
    struct sage_pretrained *network; /* NULL: built in */
} sage_encoder_part;

typedef struct sage_picture_encoder {
    char name[SAGE_PATH_MAX], identity[SAGE_PICTURE_IDENTITY_MAX]; /* of the parts, joined by ',' */
    size_t dim;                                                    /* of them together */
    size_t n_parts;
    sage_encoder_part parts[SAGE_PICTURE_PARTS_MAX];
    sage_pool *pool;
} sage_picture_encoder;

/* Of one part. dir: NULL for the built-in one, whatever the name. The pool may be NULL and must outlive the encoder.
 * SAGE_E_ARGUMENT where the folder holds an encoder of texts; else as sage_pretrained_open. */
sage_status sage_picture_encoder_open(const char *name, const char *dir, sage_pool *pool, sage_picture_encoder *encoder,
                                      sage_error *error);
/* One more part behind the others; after an error the encoder is as it was. SAGE_E_ARGUMENT too where it is there
 * already, or there are SAGE_PICTURE_PARTS_MAX. */
sage_status sage_picture_encoder_join(sage_picture_encoder *encoder, const char *name, const char *dir,
                                      sage_error *error);
void sage_picture_encoder_close(sage_picture_encoder *encoder);
/* pixels [n][3][s][s] by the part's rule; out [n][dim of the part], of length 1 or zeros. */
sage_status sage_picture_encoder_run(sage_picture_encoder *encoder, size_t part, size_t n, const float *pixels,
                                     float *out, sage_error *error);
/* SAGE_E_FORMAT where a part's vector that came out, of the picture `name`, has a number that is not finite. */
sage_status sage_picture_encoder_check(const sage_encoder_part *part, const char *name, const float *vector,
                                       sage_error *error);
void sage_picture_encoder_parts(const sage_picture_encoder *encoder, sage_picture_parts *parts);

#endif
