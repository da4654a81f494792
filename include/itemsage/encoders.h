/* Pretrained encoders of a shop: frozen networks that make vectors of texts or pictures. Each is a folder of weights as
 * Hugging Face writes it, checked, copied whole into the shop and kept under a name. */
#ifndef ITEMSAGE_ENCODERS_H
#define ITEMSAGE_ENCODERS_H

#include <itemsage/shop.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SAGE_ENCODER_NAME_MAX = 48, SAGE_ENCODER_IDENTITY_BYTES = 33 };

typedef struct sage_encoder_about {
    char name[SAGE_ENCODER_NAME_MAX + 1];
    char family[24];       /* "bert", "distilbert", "clip-vision", "siglip-vision", "dinov2", "mobilenet_v2" */
    bool texts;            /* else of pictures */
    char precision[8];     /* of most of its weights, as they lie in the file: "F32", "F16", "BF16" */
    uint64_t dim;          /* of a vector */
    uint64_t max_tokens;   /* of a text; what is longer is cut. 0 for pictures */
    uint64_t picture_size; /* pixels of a side of the square that it sees; 0 for texts */
    uint64_t parameters, files, bytes;
    char identity[SAGE_ENCODER_IDENTITY_BYTES]; /* 32 hexadecimal digits: of the content of what it reads, whatever its
                                                   name; vectors of equal identities are the same */
    char damage[256];                           /* what is wrong with it; "" where nothing is. Then only name is sure */
} sage_encoder_about;

/* Checks the folder `path` and puts a copy of it into the shop as `name` (1 to 48 letters, digits, '.', '_' or '-', the
 * first a letter or digit; not "builtin", "none" or "auto"), at once or not at all. SAGE_E_STATE where the name is
 * taken and `replace` is not set. SAGE_E_NOT_FOUND, SAGE_E_FORMAT, SAGE_E_LIMIT: a file is missing, damaged or of a
 * kind that is not read. */
sage_status sage_encoder_add(sage_shop *shop, const char *name, const char *path, bool replace,
                             const sage_monitor *monitor, sage_encoder_about *about, sage_error *error);
/* All of them, by name; free with sage_encoders_free. Looks at the files' sizes, not at all of their bytes. */
sage_status sage_encoders_list(sage_shop *shop, sage_encoder_about **encoders, size_t *n, sage_error *error);
void sage_encoders_free(sage_encoder_about *encoders);
/* Removes it at once; vectors that it made stay. SAGE_E_NOT_FOUND where there is none of that name. */
sage_status sage_encoder_remove(sage_shop *shop, const char *name, sage_error *error);

#ifdef __cplusplus
}
#endif
#endif
