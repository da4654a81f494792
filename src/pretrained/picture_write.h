/* Pixels as a small file, for pages that show pictures. */
#ifndef SAGE_PRETRAINED_PICTURE_WRITE_H
#define SAGE_PRETRAINED_PICTURE_WRITE_H

#include <base/buf.h>
#include <pretrained/picture.h>

/* Adds the picture as a baseline JPEG of a quality of 1 .. 100 to `out`. The same pixels give the same bytes with one
 * libjpeg. SAGE_E_STATE: this build writes no JPEG; SAGE_E_LIMIT: no pixels, more than 65,535 of a side, or more bytes
 * than `out` takes. */
sage_status sage_picture_write_jpeg(const sage_pixels *pixels, int quality, sage_buf *out, sage_error *error);

#endif
