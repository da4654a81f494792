/* What makes a vector of a picture: the built-in statistics, or a pretrained network from a folder. */
#ifndef SAGE_FEATURES_PICTURE_ENCODER_H
#define SAGE_FEATURES_PICTURE_ENCODER_H

#include <io/fs.h>
#include <parallel/pool.h>
#include <pretrained/picture_rule.h>

typedef struct sage_picture_encoder {
    char name[SAGE_PATH_MAX]; /* as the user calls it: it may be a folder */
    char identity[64];        /* of its weights and rules: another one makes other vectors */
    size_t dim;
    const sage_picture_rule *rule;
    struct sage_pretrained *network; /* NULL: built in */
    sage_pool *pool;
} sage_picture_encoder;

/* dir: NULL for the built-in one, whatever the name. The pool may be NULL and must outlive the encoder.
 * SAGE_E_ARGUMENT where the folder holds an encoder of texts; else as sage_pretrained_open. */
sage_status sage_picture_encoder_open(const char *name, const char *dir, sage_pool *pool, sage_picture_encoder *encoder,
                                      sage_error *error);
void sage_picture_encoder_close(sage_picture_encoder *encoder);
/* pixels [n][3][s][s] by the rule; out [n][dim]. */
sage_status sage_picture_encoder_run(sage_picture_encoder *encoder, size_t n, const float *pixels, float *out,
                                     sage_error *error);
/* SAGE_E_FORMAT where a vector that came out, of the picture `name`, has a number that is not finite. */
sage_status sage_picture_encoder_check(const sage_picture_encoder *encoder, const char *name, const float *vector,
                                       sage_error *error);

#endif
