/* What a picture goes through before it is encoded. RGB of 0..1 becomes (x - mean) / std. As preprocessor_config.json
 * of Hugging Face says it: CLIP        size 224, resize 224, bicubic DINOv2      size 224, resize 256, bicubic
 *   MobileNetV2 size 224, resize 256, bilinear
 *   SigLIP      size 224, resize 0, bicubic */
#ifndef SAGE_PRETRAINED_PICTURE_RULE_H
#define SAGE_PRETRAINED_PICTURE_RULE_H

#include <stddef.h>

typedef enum sage_resample {
    SAGE_RESAMPLE_BILINEAR, /* triangle, support 1 */
    SAGE_RESAMPLE_BICUBIC,  /* Keys 1981, a = -0.5, support 2 */
    SAGE_RESAMPLE_LANCZOS   /* a = 3 */
} sage_resample;

typedef struct sage_picture_rule {
    size_t size;   /* s: pixels of the square that the encoder takes */
    size_t resize; /* the shorter side's length before the square is cut from the middle, >= size; 0: both sides are
                      stretched to `size`, whatever their ratio */
    sage_resample resample;
    float mean[3], std[3];
} sage_picture_rule;

#endif
