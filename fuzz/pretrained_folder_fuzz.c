/* A folder of an encoder whose weights are good and whose descriptions are the input. The first byte says whose
 * weights, the second which file: config.json, preprocessor_config.json, or 1_Pooling/config.json beside a
 * modules.json; the others are the weights' own. What opens makes a vector; what does not says why. */
#include "fuzz.h"
#include <pretrained/encoder.h>
#include <string.h>
#include <sys/stat.h>

static const char *const families[] = {"bert_mean",     "bert_cls_f16", "distilbert_bf16", "clip",
                                       "siglip_vision", "dinov2",       "mobilenet"};
static const char *const names[] = {"config.json", "preprocessor_config.json", "1_Pooling/config.json"};
enum { FAMILIES = sizeof families / sizeof *families, NAMES = sizeof names / sizeof *names, PATH = 512 };
enum { SIDE_MAX = 256, FILE_MAX = 1 << 16 };

static char dir[64];

static void path_of(char path[PATH], const char *name) {
    snprintf(path, PATH, "%s/%s", dir, name);
}

static void clear(void) {
    static const char *const files[] = {"config.json",       "preprocessor_config.json",
                                        "model.safetensors", "1_Pooling/config.json",
                                        "modules.json",      "1_Pooling"};
    char path[PATH];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        path_of(path, files[i]);
        remove(path);
    }
}

static void remove_all(void) {
    clear();
    rmdir(dir);
}

static void make_dir(void) {
    snprintf(dir, sizeof dir, "%s/folder_fuzz_XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    FUZZ_CHECK(mkdtemp(dir) != NULL && atexit(remove_all) == 0);
}

static void put(const char *name, const void *bytes, size_t size) {
    char path[PATH];
    path_of(path, name);
    remove(path);
    FILE *file = fopen(path, "wb");
    FUZZ_CHECK(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

/* The family's own file, where it has one. */
static void lend(const char *family, const char *name) {
    char from[PATH], to[PATH];
    snprintf(from, sizeof from, "%s/%s/%s", FUZZ_ENCODERS, family, name);
    path_of(to, name);
    if (access(from, R_OK) == 0) FUZZ_CHECK(symlink(from, to) == 0);
}

static void make_folder(const char *family, size_t which, const uint8_t *data, size_t size) {
    static const char modules[] = "[{\"type\":\"sentence_transformers.models.Transformer\",\"path\":\"\"},"
                                  "{\"type\":\"sentence_transformers.models.Pooling\",\"path\":\"1_Pooling\"}]";
    char path[PATH];
    clear();
    lend(family, "model.safetensors");
    lend(family, "config.json");
    lend(family, "preprocessor_config.json");
    if (which == 2) {
        path_of(path, "1_Pooling");
        FUZZ_CHECK(mkdir(path, 0700) == 0);
        put("modules.json", modules, sizeof modules - 1);
    }
    put(names[which], data, size < FILE_MAX ? size : FILE_MAX);
}

static void run(sage_pretrained *encoder) {
    const sage_pretrained_info *info = sage_pretrained_about(encoder);
    const size_t begin[] = {0, info->max_tokens < 3 ? info->max_tokens : 3}, side = info->picture.size;
    const uint32_t ids[] = {0, (uint32_t)(info->vocabulary - 1), 0};
    FUZZ_CHECK(info->dim > 0 && info->texts == (info->vocabulary > 0) && (info->texts || side > 0));
    float *out = malloc(info->dim * sizeof *out), *pixels = NULL;
    FUZZ_CHECK(out != NULL);
    if (info->texts)
        FUZZ_CHECK(sage_pretrained_texts(encoder, 1, ids, begin, out, NULL) == SAGE_OK);
    else if (side <= SIDE_MAX) {
        pixels = calloc(3 * side * side, sizeof *pixels);
        FUZZ_CHECK(pixels != NULL && sage_pretrained_pictures(encoder, 1, pixels, out, NULL) == SAGE_OK);
    } else
        memset(out, 0, info->dim * sizeof *out);
    fuzz_touch(out, info->dim * sizeof *out);
    free(pixels);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sage_pretrained *encoder;
    sage_error error = {0};
    if (size < 2) return 0;
    if (dir[0] == '\0') make_dir();
    make_folder(families[data[0] % FAMILIES], data[1] % NAMES, data + 2, size - 2);
    if (sage_pretrained_open(dir, SAGE_PRECISION_F32, NULL, &encoder, &error) != SAGE_OK) {
        FUZZ_CHECK(encoder == NULL && error.text[0] != '\0');
        return 0;
    }
    run(encoder);
    sage_pretrained_free(encoder);
    return 0;
}
