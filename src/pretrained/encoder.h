/* Frozen pretrained encoders: texts or pictures to vectors, on the project's own kernels, from a folder as Hugging Face
 * writes it: config.json and model.safetensors, preprocessor_config.json where there, and modules.json with
 * 1_Pooling/config.json as sentence-transformers writes them.
 *
 * Families, by config.json's model_type:
 *   bert, distilbert            Devlin et al. 2019, Sanh et al. 2019; mean pooling (where nothing else is said) or CLS
 *   clip, clip_vision_model     Radford et al. 2021: the picture side, class token, visual projection where there
 *   siglip, siglip_vision_model Zhai et al. 2023: the picture side, attention pooling
 *   dinov2                      Oquab et al. 2023: class token, no registers; bicubic positions for another size
 *   mobilenet_v2                Sandler et al. 2018: the last channels averaged, as transformers and
 *                               scripts/get-encoders write them
 * Every tensor of the encoder must be there with its shape, as F32, F16 or BF16; what belongs to other parts of a
 * checkpoint (a text side, a classifier, a decoder, position_ids) is not read. */
#ifndef SAGE_PRETRAINED_ENCODER_H
#define SAGE_PRETRAINED_ENCODER_H

#include <base/error.h>
#include <kernels/gemm.h>
#include <parallel/pool.h>
#include <pretrained/picture_rule.h>

typedef struct sage_pretrained sage_pretrained;

typedef enum sage_pooling {
    SAGE_POOL_MEAN,     /* over all tokens, or places of a picture */
    SAGE_POOL_CLASS,    /* the class token */
    SAGE_POOL_ATTENTION /* a learned query */
} sage_pooling;

typedef struct sage_pretrained_info {
    const char *family; /* "bert", "distilbert", "clip-vision", "siglip-vision", "dinov2", "mobilenet_v2" */
    bool texts;         /* of texts; else of pictures */
    size_t dim;         /* of a vector */
    size_t max_tokens;  /* of texts, with their special tokens; 0 for pictures */
    size_t vocabulary;  /* ids are below it; 0 for pictures */
    bool lower_case;    /* of texts: the tokenizer's do_lower_case, where tokenizer_config.json says it; else true */
    sage_picture_rule picture; /* zeros for texts */
    sage_pooling pooling;
    sage_precision precision;
    size_t parameters, layers;
} sage_pretrained_info;

/* F32 or BF16 products (see kernels/gemm.h; all else is f32). The pool may be NULL and must outlive the encoder.
 * SAGE_E_NOT_FOUND: a file is missing; SAGE_E_FORMAT, SAGE_E_LIMIT: it is damaged, of an unknown family or not
 * supported; the text says which file, what and what to do. */
sage_status sage_pretrained_open(const char *dir, sage_precision precision, sage_pool *pool, sage_pretrained **encoder,
                                 sage_error *error);
void sage_pretrained_free(sage_pretrained *encoder);
const sage_pretrained_info *sage_pretrained_about(const sage_pretrained *encoder); /* lives as long as it */
size_t sage_pretrained_bytes(const sage_pretrained *encoder);                      /* weights and workspaces held now */

/* Vectors out [n][dim], of length 1 (a vector of zeros stays one). Calls from several threads take turns. Workspaces
 * grow with the sizes asked for; nothing is allocated once these repeat. SAGE_E_ARGUMENT: an encoder of the other kind,
 * an id outside the vocabulary, a text longer than max_tokens; SAGE_E_MEMORY. */

/* pixels [n][3][s][s]: red, green, blue planes, normalised by the rule's mean and std. */
sage_status sage_pretrained_pictures(sage_pretrained *encoder, size_t n, const float *pixels, float *out,
                                     sage_error *error);
/* Text i has the ids [begin[i], begin[i + 1]), special tokens included; begin [n + 1]. A text without ids gives zeros.
 * A vector does not depend, but for rounding, on what else is in the call. */
sage_status sage_pretrained_texts(sage_pretrained *encoder, size_t n, const uint32_t *ids, const size_t *begin,
                                  float *out, sage_error *error);

#endif
