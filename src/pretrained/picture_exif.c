/* EXIF is a TIFF file of tags; the one that counts here says how the camera was held. Exif 2.3 (CIPA DC-008), TIFF 6.0.
 */
#include <pretrained/picture_codec.h>
#include <stdint.h>
#include <string.h>

typedef struct tiff {
    const unsigned char *bytes;
    size_t n;
    bool big; /* the most significant byte comes first */
} tiff;

static unsigned get16(const tiff *t, size_t at) {
    return t->big ? (unsigned)t->bytes[at] << 8 | t->bytes[at + 1] : (unsigned)t->bytes[at + 1] << 8 | t->bytes[at];
}

static size_t get32(const tiff *t, size_t at) {
    size_t first = get16(t, at), second = get16(t, at + 2);
    return t->big ? first << 16 | second : second << 16 | first;
}

enum { ENTRY_BYTES = 12, TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3 };

unsigned sage_exif_orientation(const unsigned char *bytes, size_t n) {
    tiff t = {bytes, n, false};
    if (n < 8) return 1;
    t.big = memcmp(bytes, "MM\0*", 4) == 0;
    if (!t.big && memcmp(bytes, "II*\0", 4) != 0) return 1;
    size_t at = get32(&t, 4);
    if (at > n - 2) return 1;
    size_t entries = get16(&t, at);
    at += 2;
    for (; entries > 0 && n - at >= ENTRY_BYTES; entries--, at += ENTRY_BYTES) {
        if (get16(&t, at) != TAG_ORIENTATION || get16(&t, at + 2) != TYPE_SHORT || get32(&t, at + 4) != 1) continue;
        unsigned value = get16(&t, at + 8);
        return value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}
