/* Inside the room: a folder with config.json and model.safetensors, read tensor by tensor; every one is checked. */
#ifndef SAGE_PRETRAINED_CHECKPOINT_H
#define SAGE_PRETRAINED_CHECKPOINT_H

#include <base/arena.h>
#include <base/error.h>
#include <io/fs.h>
#include <io/json.h>
#include <io/safetensors.h>
#include <kernels/gemm.h>

enum { CONFIG_BYTES_MAX = 16 * 1000 * 1000, CHECKPOINT_SCOPE = 96 };

typedef struct checkpoint {
    const char *dir;
    char config_path[SAGE_PATH_MAX], weights_path[SAGE_PATH_MAX];
    json_t *config;
    sage_safetensors *file;
    const char *base;             /* what all names begin with, such as "bert."; set by the family */
    char scope[CHECKPOINT_SCOPE]; /* what names go on with, such as "encoder.layer.3." */
    sage_precision precision;     /* of the matrices that are made */
    sage_arena *arena;            /* of the encoder: what vectors are read into */
    struct sage_pretrained *encoder;
    real *buffer, *stacked; /* values on their way, and matrices that are put together */
    size_t buffer_capacity, stacked_capacity;
    size_t parameters; /* read so far */
} checkpoint;

sage_status checkpoint_open(checkpoint *ck, const char *dir, sage_error *error); /* closed by the caller in any case */
void checkpoint_close(checkpoint *ck);
/* SAGE_E_FORMAT about config.json: "<path>: <text>". */
sage_status checkpoint_refuse(const checkpoint *ck, sage_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- members of config.json or a part of it ---- */
/* A whole number of 1..max; where it is absent: `fallback`, or an error where that is 0. */
sage_status checkpoint_size(const checkpoint *ck, const json_t *part, const char *key, size_t fallback, size_t max,
                            size_t *value, sage_error *error);
/* A number of 0..1, or the fallback. */
sage_status checkpoint_share(const checkpoint *ck, const json_t *part, const char *key, double fallback, real *value,
                             sage_error *error);
sage_status checkpoint_flag(const checkpoint *ck, const json_t *part, const char *key, bool fallback, bool *value,
                            sage_error *error);
/* A text, or the fallback; lives as long as the config. */
sage_status checkpoint_text(const checkpoint *ck, const json_t *part, const char *key, const char *fallback,
                            const char **value, sage_error *error);

/* ---- tensors; their full name is base, scope and name ---- */
typedef struct checkpoint_shape {
    size_t n_dims, dim[4];
} checkpoint_shape;
bool checkpoint_has(const checkpoint *ck, const char *name);
/* One of its dimensions, 1 .. 2^14; 0 where there is no such tensor or it is out of range. */
size_t checkpoint_dim(const checkpoint *ck, const char *name, size_t dimension);
/* The tensor, of this shape and of a type that is read. */
sage_status checkpoint_find(checkpoint *ck, const char *name, checkpoint_shape shape, const sage_tensor **tensor,
                            sage_error *error);
/* A table [rows][dim] that is read where it lies. */
sage_status checkpoint_table(checkpoint *ck, const char *name, size_t rows, size_t dim, const sage_tensor **table,
                             sage_error *error);
/* Its values, until the next call. */
sage_status checkpoint_values(checkpoint *ck, const char *name, checkpoint_shape shape, const real **values,
                              sage_error *error);
/* Its values in the encoder's memory, which the caller may change. */
sage_status checkpoint_keep(checkpoint *ck, const char *name, checkpoint_shape shape, real **values, sage_error *error);
/* Memory to put a matrix together in, until the next call. */
sage_status checkpoint_stacked(checkpoint *ck, size_t n, real **values, sage_error *error);
/* Memory of the encoder. */
sage_status checkpoint_reals(checkpoint *ck, size_t n, real **values, sage_error *error);
/* A matrix of the encoder, of values [out][in]. */
sage_status checkpoint_matrix(checkpoint *ck, size_t out, size_t in, const real *values, sage_weights **weights,
                              sage_error *error);
/* n values from where a tensor's data has the element `at`, as reals. */
void checkpoint_convert(const sage_tensor *tensor, size_t at, size_t n, real *to);

#endif
