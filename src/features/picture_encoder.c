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
static sage_status read_identity(sage_encoder_part *part, const char *dir, sage_error *error) {
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
    size_t n =
        (size_t)snprintf(part->identity, sizeof part->identity, "%.24s-", sage_pretrained_about(part->network)->family);
    for (size_t i = 0; i < 16; i++) snprintf(part->identity + n + 2 * i, 3, "%02x", all[i]);
out:
    return st;
}

static sage_status open_network(sage_encoder_part *part, const char *dir, sage_pool *pool, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_pretrained_open(dir, SAGE_PRECISION_F32, pool, &part->network, error));
    const sage_pretrained_info *about = sage_pretrained_about(part->network);
    if (about->texts) {
        st = sage_fail(error, SAGE_E_ARGUMENT, "%s is an encoder of texts (%s); name one of pictures", dir,
                       about->family);
        goto out;
    }
    part->dim = about->dim;
    part->rule = &about->picture;
    SAGE_TRY(read_identity(part, dir, error));
out:
    return st;
}

static sage_status open_part(sage_encoder_part *part, const char *name, const char *dir, sage_pool *pool,
                             sage_error *error) {
    snprintf(part->name, sizeof part->name, "%s", name);
    if (dir != NULL) return open_network(part, dir, pool, error);
    snprintf(part->identity, sizeof part->identity, "%s", sage_builtin_identity);
    part->dim = SAGE_BUILTIN_DIM;
    part->rule = &sage_builtin_rule;
    return SAGE_OK;
}

/* ---- joining ---- */

static sage_status append(char *list, size_t room, const char *one, sage_error *error) {
    size_t used = strlen(list), more = strlen(one) + (used > 0);
    if (used + more >= room)
        return sage_fail(error, SAGE_E_LIMIT, "the names of the picture encoders are too long together (%.100s)", one);
    snprintf(list + used, room - used, "%s%s", used > 0 ? "," : "", one);
    return SAGE_OK;
}

static sage_status check_new(const sage_picture_encoder *encoder, const sage_encoder_part *part, sage_error *error) {
    for (size_t i = 0; i < encoder->n_parts; i++)
        if (strcmp(encoder->parts[i].identity, part->identity) == 0)
            return sage_fail(error, SAGE_E_ARGUMENT,
                             "the picture encoders '%.100s' and '%.100s' are one and the same; name it once",
                             encoder->parts[i].name, part->name);
    return SAGE_OK;
}

sage_status sage_picture_encoder_join(sage_picture_encoder *encoder, const char *name, const char *dir,
                                      sage_error *error) {
    sage_status st = SAGE_OK;
    const size_t n = encoder->n_parts, names = strlen(encoder->name), identities = strlen(encoder->identity);
    if (n == SAGE_PICTURE_PARTS_MAX)
        return sage_fail(error, SAGE_E_ARGUMENT, "%d picture encoders at most", SAGE_PICTURE_PARTS_MAX);
    sage_encoder_part *part = &encoder->parts[n];
    *part = (sage_encoder_part){.at = encoder->dim};
    SAGE_TRY(open_part(part, name, dir, encoder->pool, error));
    SAGE_TRY(check_new(encoder, part, error));
    SAGE_TRY(append(encoder->name, sizeof encoder->name, part->name, error));
    SAGE_TRY(append(encoder->identity, sizeof encoder->identity, part->identity, error));
    encoder->dim += part->dim;
    encoder->n_parts++;
out:
    if (st != SAGE_OK) {
        sage_pretrained_free(part->network);
        *part = (sage_encoder_part){.dim = 0};
        encoder->name[names] = encoder->identity[identities] = '\0';
    }
    return st;
}

sage_status sage_picture_encoder_open(const char *name, const char *dir, sage_pool *pool, sage_picture_encoder *encoder,
                                      sage_error *error) {
    *encoder = (sage_picture_encoder){.pool = pool};
    return sage_picture_encoder_join(encoder, name, dir, error);
}

void sage_picture_encoder_close(sage_picture_encoder *encoder) {
    for (size_t i = 0; i < encoder->n_parts; i++) sage_pretrained_free(encoder->parts[i].network);
    *encoder = (sage_picture_encoder){.dim = 0};
}

void sage_picture_encoder_parts(const sage_picture_encoder *encoder, sage_picture_parts *parts) {
    *parts = (sage_picture_parts){.n = encoder->n_parts};
    for (size_t i = 0; i < encoder->n_parts; i++) parts->dim[i] = encoder->parts[i].dim;
}

/* ---- encoding ---- */

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

sage_status sage_picture_encoder_run(sage_picture_encoder *encoder, size_t part, size_t n, const float *pixels,
                                     float *out, sage_error *error) {
    struct sage_pretrained *network = encoder->parts[part].network;
    if (network != NULL) return sage_pretrained_pictures(network, n, pixels, out, error);
    builtin_job job = {pixels, out};
    sage_pool_for_dynamic(encoder->pool, n, 1, run_builtin, &job);
    return SAGE_OK;
}

sage_status sage_picture_encoder_check(const sage_encoder_part *part, const char *name, const float *vector,
                                       sage_error *error) {
    for (size_t i = 0; i < part->dim; i++)
        if (!isfinite(vector[i]))
            return sage_fail(error, SAGE_E_FORMAT,
                             "the encoder %s gives numbers that are not finite (of %s); its weights are damaged",
                             part->name, name);
    return SAGE_OK;
}
