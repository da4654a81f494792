/* What a folder of weights holds. */
#include <base/error.h>
#include <io/tensor.h>
#include <pretrained/encoder.h>
#include <pretrained/wordpiece.h>
#include <shop/encoder_files.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The type that most of the values have. */
static sage_status read_precision(const char *dir, sage_encoder_about *about, sage_error *error) {
    static const sage_dtype types[] = {SAGE_F32, SAGE_F16, SAGE_BF16};
    sage_status st = SAGE_OK;
    sage_safetensors *file = NULL;
    char path[SAGE_PATH_MAX];
    size_t most = 0;
    SAGE_TRY(sage_path_join(path, dir, "model.safetensors", error));
    SAGE_TRY(sage_safetensors_open(path, &file, error));
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        size_t values = 0;
        for (size_t i = 0; i < sage_safetensors_count(file); i++) {
            const sage_tensor *tensor = sage_safetensors_at(file, i);
            if (tensor->dtype == types[t]) values += tensor->bytes / sage_dtype_bytes(types[t]);
        }
        if (values <= most) continue;
        most = values;
        snprintf(about->precision, sizeof about->precision, "%s", sage_dtype_name(types[t]));
    }
out:
    sage_safetensors_close(file);
    return st;
}

static sage_status check_tokenizer(const char *dir, const sage_pretrained_info *info, sage_encoder_about *about,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    sage_wordpiece *wordpiece = NULL;
    SAGE_TRY(sage_wordpiece_open(dir, &wordpiece, error));
    const sage_wordpiece_info *tokens = sage_wordpiece_about(wordpiece);
    if (tokens->vocabulary > info->vocabulary) {
        st = sage_fail(error, SAGE_E_FORMAT,
                       "%s: its tokenizer gives ids up to %zu where the encoder knows %zu; take both from one model",
                       dir, tokens->vocabulary - 1, info->vocabulary);
        goto out;
    }
    about->max_tokens =
        tokens->max_tokens != 0 && tokens->max_tokens < info->max_tokens ? tokens->max_tokens : info->max_tokens;
out:
    sage_wordpiece_free(wordpiece);
    return st;
}

sage_status sage_encoder_check(const char *dir, sage_encoder_about *about, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pretrained *encoder = NULL;
    struct stat there;
    if (stat(dir, &there) != 0) return sage_fail_errno(error, "open", dir);
    if (!S_ISDIR(there.st_mode))
        return sage_fail(error, SAGE_E_ARGUMENT,
                         "%s is no folder; name the one that holds config.json and model.safetensors", dir);
    SAGE_TRY(sage_pretrained_open(dir, SAGE_PRECISION_F32, NULL, &encoder, error));
    const sage_pretrained_info *info = sage_pretrained_about(encoder);
    snprintf(about->family, sizeof about->family, "%s", info->family);
    about->texts = info->texts;
    about->dim = info->dim;
    about->parameters = info->parameters;
    about->picture_size = info->picture.size;
    SAGE_TRY(read_precision(dir, about, error));
    if (info->texts) SAGE_TRY(check_tokenizer(dir, info, about, error));
out:
    sage_pretrained_free(encoder);
    return st;
}
