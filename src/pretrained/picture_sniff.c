/* What bytes are, by how they begin; a shop's .jpg is often something else, and its owner should read what. */
#include <ctype.h>
#include <pretrained/picture_codec.h>
#include <stdio.h>
#include <string.h>

typedef struct mark {
    size_t at, n;
    const char *bytes, *what;
} mark;

static const mark marks[] = {
    {0, 6, "GIF87a", "a GIF picture"},
    {0, 6, "GIF89a", "a GIF picture"},
    {4, 8, "ftypavif", "an AVIF picture"},
    {4, 8, "ftypavis", "a moving AVIF picture"},
    {4, 7, "ftyphei", "a HEIC picture"},
    {4, 8, "ftypmif1", "a HEIF picture"},
    {4, 4, "ftyp", "a video or an MP4-like file"},
    {0, 4, "II*\0", "a TIFF picture"},
    {0, 4, "MM\0*", "a TIFF picture"},
    {0, 4, "8BPS", "a Photoshop file"},
    {0, 5, "%PDF-", "a PDF document"},
    {0, 4, "%!PS", "a PostScript document"},
    {0, 12, "\0\0\0\x0CJXL \r\n\x87\n", "a JPEG XL picture"},
    {0, 2, "\xFF\x0A", "a JPEG XL picture"},
    {0, 8, "\0\0\0\x0CjP  ", "a JPEG 2000 picture"},
    {0, 4, "\xFF\x4F\xFF\x51", "a JPEG 2000 picture"},
    {0, 4, "\0\0\1\0", "a Windows icon"},
    {0, 4, "RIFF", "a sound or video file"},
    {0, 4, "\x1A\x45\xDF\xA3", "a video"},
    {0, 4, "PK\3\4", "a ZIP archive"},
    {0, 2, "\x1F\x8B", "a gzip file"},
    {0, 4, "\x28\xB5\x2F\xFD", "a zstd file"},
    {0, 24, "version https://git-lfs.", "a Git LFS pointer, not the file that it points to"},
    {0, 2, "BM", "a BMP picture"},
};

/* Texts are told by their first tag, whatever its case; blanks and a byte order mark may stand before. */
static const mark texts[] = {
    {0, 14, "<!doctype html", "a web page (HTML), as servers send in place of a missing picture"},
    {0, 5, "<html", "a web page (HTML), as servers send in place of a missing picture"},
    {0, 5, "<head", "a web page (HTML), as servers send in place of a missing picture"},
    {0, 4, "<svg", "an SVG drawing"},
    {0, 1, "<", "an XML text"},
    {0, 1, "{", "a JSON text, as servers send in place of a missing picture"},
};

static bool begins(const unsigned char *bytes, size_t n, const mark *m) {
    return n >= m->at + m->n && memcmp(bytes + m->at, m->bytes, m->n) == 0;
}

static bool begins_as_text(const unsigned char *bytes, size_t n, const mark *m) {
    if (n < m->n) return false;
    for (size_t i = 0; i < m->n; i++) {
        if (tolower(bytes[i]) != m->bytes[i]) return false;
    }
    return true;
}

static bool all_text(const unsigned char *bytes, size_t n) {
    for (size_t i = 0; i < n && i < 512; i++) {
        if ((bytes[i] < 0x20 && !isspace(bytes[i])) || bytes[i] == 0x7F) return false;
    }
    return bytes[0] < 0x80;
}

static bool contains(const unsigned char *bytes, size_t n, const char *text) {
    size_t len = strlen(text);
    for (size_t i = 0; i + len <= n && i < 1024; i++) {
        if (memcmp(bytes + i, text, len) == 0) return true;
    }
    return false;
}

static const char *text_kind(const unsigned char *bytes, size_t n) {
    size_t blanks = n >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (blanks < n && isspace(bytes[blanks])) blanks++;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!begins_as_text(bytes + blanks, n - blanks, &texts[i])) continue;
        return texts[i].bytes[1] == '\0' && texts[i].bytes[0] == '<' && contains(bytes, n, "<svg") ? "an SVG drawing"
                                                                                                   : texts[i].what;
    }
    return all_text(bytes, n) ? "a text" : NULL;
}

static const char *found(const unsigned char *bytes, size_t n) {
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (begins(bytes, n, &marks[i])) return marks[i].what;
    }
    return text_kind(bytes, n);
}

bool sage_picture_format_of(const void *bytes, size_t n, sage_picture_format *format) {
    static const mark jpeg = {0, 3, "\xFF\xD8\xFF", NULL}, png = {0, 8, "\x89PNG\r\n\x1A\n", NULL},
                      riff = {0, 4, "RIFF", NULL}, webp = {8, 4, "WEBP", NULL};
    if (begins(bytes, n, &jpeg))
        *format = SAGE_PICTURE_JPEG;
    else if (begins(bytes, n, &png))
        *format = SAGE_PICTURE_PNG;
    else if (begins(bytes, n, &riff) && begins(bytes, n, &webp))
        *format = SAGE_PICTURE_WEBP;
    else
        return false;
    return true;
}

sage_status sage_picture_sniff(const sage_picture_job *job, sage_picture_format *format, sage_error *error) {
    static const char wanted[] = "JPEG, PNG and WebP are read";
    const unsigned char *b = job->bytes;
    size_t n = job->n_bytes;
    char hex[16] = "";
    if (sage_picture_format_of(b, n, format)) return SAGE_OK;
    if (n == 0) return sage_fail_at(error, SAGE_E_FORMAT, job->name, 0, 0, "an empty file, no picture");
    if (found(b, n) != NULL) return sage_fail_at(error, SAGE_E_FORMAT, job->name, 0, 0, "%s; %s", found(b, n), wanted);
    for (size_t i = 0; i < n && i < 4; i++) snprintf(hex + 3 * i, 4, " %02x", b[i]);
    return sage_fail_at(error, SAGE_E_FORMAT, job->name, 0, 0, "no known picture, its bytes begin with%s; %s", hex,
                        wanted);
}
