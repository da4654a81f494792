/* A part of a resized picture, without computing the rest. Inside the room only. */
#ifndef SAGE_PRETRAINED_PICTURE_RESIZE_H
#define SAGE_PRETRAINED_PICTURE_RESIZE_H

#include <pretrained/picture.h>

/* One direction: the source becomes `whole` pixels, of which [begin, begin + n) are wanted. */
typedef struct sage_span {
    size_t whole, begin, n;
} sage_span;

sage_status sage_picture_resize_part(const sage_pixels *from, sage_span across, sage_span down, sage_resample resample,
                                     sage_pixels *to, sage_error *error);

#endif
