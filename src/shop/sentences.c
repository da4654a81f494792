#include <base/alloc.h>
#include <base/error.h>
#include <shop/encoder_files.h>
#include <shop/encoders.h>
#include <shop/sentences.h>
#include <string.h>

static sage_status not_of_texts(const char *name, const sage_encoder_about *about, sage_error *error) {
    return sage_fail(error, SAGE_E_ARGUMENT,
                     "text_encoder = %s: that is an encoder of pictures (%s); name one of texts, or none", name,
                     about->family);
}

/* Takes over the hold. */
static sage_status open_place(sage_shop *shop, const char *name, const char *dir, const sage_encoder_about *about,
                              int hold, bool keep, sage_sentences **sentences, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_pool *pool = NULL;
    const sage_sentence_source source = {.shop_dir = shop->dir,
                                         .encoder_dir = dir,
                                         .name = name,
                                         .identity = about->identity,
                                         .dim = about->dim,
                                         .keep = keep,
                                         .hold = hold};
    if (!about->texts) st = not_of_texts(name, about, error);
    if (st == SAGE_OK) st = sage_shop_pool(shop, &pool, error);
    if (st == SAGE_OK) return sage_sentences_open(&source, pool, sentences, error);
    sage_fs_unlock(hold);
    return st;
}

/* A folder's identity is what it would be in the shop. */
static sage_status open_folder(sage_shop *shop, const char *name, bool keep, sage_sentences **sentences,
                               sage_error *error) {
    sage_status st = SAGE_OK;
    sage_encoder_manifest *manifest = sage_alloc_zero(1, sizeof *manifest);
    if (manifest == NULL) return sage_fail_memory(error, sizeof *manifest);
    SAGE_TRY(sage_encoder_check(name, &manifest->about, error));
    SAGE_TRY(sage_encoder_files(name, manifest, error));
    SAGE_TRY(sage_encoder_copy(name, NULL, manifest, NULL, error));
    SAGE_TRY(open_place(shop, name, name, &manifest->about, -1, keep, sentences, error));
out:
    sage_free(manifest);
    return st;
}

sage_status sage_shop_sentences(sage_shop *shop, const char *name, bool keep, sage_sentences **sentences,
                                sage_error *error) {
    sage_encoder_place place = {.fd = -1};
    *sentences = NULL;
    if (strcmp(name, "none") == 0) return SAGE_OK;
    if (strchr(name, '/') != NULL) return open_folder(shop, name, keep, sentences, error);
    sage_status st = sage_encoder_find(shop, name, &place, error);
    if (st == SAGE_E_NOT_FOUND || st == SAGE_E_ARGUMENT)
        return sage_fail(error, st,
                         "text_encoder = %s: the shop has no encoder of this name; give none, one that 'itemsage "
                         "encoders list' names, or a folder of weights as a path with a slash",
                         name);
    if (st != SAGE_OK) return st;
    return open_place(shop, name, place.dir, &place.about, place.fd, keep, sentences, error);
}

sage_status sage_shop_model_sentences(sage_shop *shop, const sage_model_config *config, bool keep,
                                      sage_sentences **sentences, sage_error *error) {
    const sage_text_origin *origin = &config->texts;
    *sentences = NULL;
    if (origin->identity[0] == '\0') return SAGE_OK;
    sage_status st = sage_shop_sentences(shop, origin->name, keep, sentences, error);
    if (st == SAGE_E_NOT_FOUND || st == SAGE_E_ARGUMENT)
        return sage_fail(error, SAGE_E_STATE,
                         "the encoder of texts '%.100s', which the model was trained with, is gone; bring it back "
                         "('itemsage encoders add'), or run 'itemsage train', 'embed' and 'index'",
                         origin->name);
    if (st != SAGE_OK || strcmp(sage_sentences_identity(*sentences), origin->identity) == 0) return st;
    st = sage_fail(error, SAGE_E_STATE,
                   "the encoder of texts '%.100s' is not the one that the model was trained with (%s, then %s); bring "
                   "that one back, or run 'itemsage train', 'embed' and 'index'",
                   origin->name, sage_sentences_identity(*sentences), origin->identity);
    sage_sentences_close(*sentences);
    *sentences = NULL;
    return st;
}
