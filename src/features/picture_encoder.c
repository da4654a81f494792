#include <base/error.h>
#include <catalog/fingerprint.h>
#include <features/picture_encoder.h>
#include <io/fs.h>
#include <io/map.h>
#include <math.h>
#include <pretrained/builtin.h>
#include <pretrained/encoder.h>
#include <stdio.h>
#include <string.h>

/* Over the files that decide what comes out; one that is not there counts as empty. */
static sage_status read_identity(sage_picture_encoder *e, const char *dir, sage_error *error) {
    static const char *const files[] = {"config.json", "preprocessor_config.json", "model.safetensors"};
    enum { FILES = sizeof files / sizeof *files };
    sage_status st = SAGE_OK;
    unsigned char hashes[FILES][16] = {{0}}, all[16];
    char path[SAGE_PATH_MAX];
    for (size_t i = 0; i < FILES; i++) {
        sage_map map;
        SAGE_TRY(sage_path_join(path, dir, files[i], error));
        if (!sage_fs_exists(path)) continue;
        SAGE_TRY(sage_map_open(path, &map, error));
        sage_hash_bytes(map.data, map.size, hashes[i]);
        sage_map_close(&map);
    }
    sage_hash_bytes(hashes, sizeof hashes, all);
    size_t n = (size_t)snprintf(e->identity, sizeof e->identity, "%.24s-", sage_pretrained_about(e->network)->family);
    for (size_t i = 0; i < 16; i++) snprintf(e->identity + n + 2 * i, 3, "%02x", all[i]);
out:
    return st;
}

static sage_status open_network(sage_picture_encoder *e, const char *dir, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_pretrained_open(dir, SAGE_PRECISION_F32, e->pool, &e->network, error));
    const sage_pretrained_info *about = sage_pretrained_about(e->network);
    if (about->texts) {
        st = sage_fail(error, SAGE_E_ARGUMENT, "%s is an encoder of texts (%s); name one of pictures", dir,
                       about->family);
        goto out;
    }
    e->dim = about->dim;
    e->rule = &about->picture;
    SAGE_TRY(read_identity(e, dir, error));
out:
    return st;
}

sage_status sage_picture_encoder_open(const char *name, const char *dir, sage_pool *pool, sage_picture_encoder *encoder,
                                      sage_error *error) {
    *encoder = (sage_picture_encoder){.pool = pool};
    snprintf(encoder->name, sizeof encoder->name, "%s", name);
    if (dir == NULL) {
        snprintf(encoder->identity, sizeof encoder->identity, "%s", sage_builtin_identity);
        encoder->dim = SAGE_BUILTIN_DIM;
        encoder->rule = &sage_builtin_rule;
        return SAGE_OK;
    }
    sage_status st = open_network(encoder, dir, error);
    if (st != SAGE_OK) sage_picture_encoder_close(encoder);
    return st;
}

void sage_picture_encoder_close(sage_picture_encoder *encoder) {
    sage_pretrained_free(encoder->network);
    *encoder = (sage_picture_encoder){.dim = 0};
}

typedef struct builtin_job {
    const float *pixels;
    float *out;
} builtin_job;

static void run_builtin(void *ctx, size_t begin, size_t end, size_t worker) {
    const builtin_job *job = ctx;
    const size_t s = sage_builtin_rule.size;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        sage_builtin_picture(job->pixels + i * 3 * s * s, job->out + i * SAGE_BUILTIN_DIM);
}

sage_status sage_picture_encoder_run(sage_picture_encoder *encoder, size_t n, const float *pixels, float *out,
                                     sage_error *error) {
    if (encoder->network != NULL) return sage_pretrained_pictures(encoder->network, n, pixels, out, error);
    builtin_job job = {pixels, out};
    sage_pool_for_dynamic(encoder->pool, n, 1, run_builtin, &job);
    return SAGE_OK;
}

sage_status sage_picture_encoder_check(const sage_picture_encoder *encoder, const char *name, const float *vector,
                                       sage_error *error) {
    for (size_t i = 0; i < encoder->dim; i++)
        if (!isfinite(vector[i]))
            return sage_fail(error, SAGE_E_FORMAT,
                             "the encoder %s gives numbers that are not finite (of %s); its weights are damaged",
                             encoder->name, name);
    return SAGE_OK;
}
