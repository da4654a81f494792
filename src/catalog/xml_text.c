#include <catalog/feed_scan.h>
#include <catalog/xml_state.h>
#include <string.h>
#include <strings.h>

/* The value of encoding="..." in an XML declaration; len 0 where there is none. */
static sage_str declared_encoding(const char *text, size_t len) {
    const char *stop = len > 5 && memcmp(text, "<?xml", 5) == 0 ? memchr(text, '>', len) : NULL;
    if (stop == NULL) return (sage_str){"", 0};
    const char *p = memmem(text, (size_t)(stop - text), "encoding", 8);
    if (p == NULL) return (sage_str){"", 0};
    for (p += 8; p < stop && *p != '"' && *p != '\''; p++) {
    }
    if (p == stop) return (sage_str){"", 0};
    const char *begin = p + 1, *close = memchr(begin, *p, (size_t)(stop - begin));
    return (sage_str){begin, close != NULL ? (size_t)(close - begin) : 0};
}

bool sage_xml_says_utf8(const char *text, size_t len) {
    static const char *const names[] = {"", "utf-8", "utf8", "us-ascii", "ascii"};
    sage_str said = declared_encoding(text, len);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == said.len && strncasecmp(names[i], said.data, said.len) == 0) return true;
    }
    return false;
}

static bool control(char c) {
    return (unsigned char)c < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

/* Offset of the first control character that XML does not allow, or len. */
static size_t find_control(const char *text, size_t len) {
    size_t i = 0;
    while (len - i >= 8) {
        uint64_t word = sage_scan_load(text + i);
        if (((word - SAGE_SCAN_ONES * 0x20) & ~word & SAGE_SCAN_HIGHS) != 0) {
            for (size_t j = i; j < i + 8; j++) {
                if (control(text[j])) return j;
            }
        }
        i += 8;
    }
    while (i < len && !control(text[i])) i++;
    return i;
}

bool sage_xml_patch(char *text, size_t len) {
    bool patched = false;
    /* An underscore may stand wherever a letter may, in names and at their beginning too. */
    for (size_t i = 0; (i += sage_scan_utf8(text + i, len - i)) < len; patched = true) text[i] = '_';
    for (size_t i = 0; (i += find_control(text + i, len - i)) < len; patched = true) text[i] = ' ';
    return patched;
}

bool sage_xml_check(const char *text, size_t len, sage_text_fault *fault) {
    size_t at = find_control(text, len);
    bool broken = !sage_feed_check_text(text, len, fault);
    if (broken && fault->offset <= at) return false; /* a zero byte is a control character too */
    if (at == len) return true;
    *fault = (sage_text_fault){"control-character", "holds a control character, which XML does not allow", at};
    return false;
}

size_t sage_xml_open_tail(const char *text, size_t len) {
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        unsigned char c = (unsigned char)text[len - back];
        if (c < 0x80) return 0;
        if (c >= 0xC0) return (size_t)(c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2) > back ? back : 0;
    }
    return 0;
}

/* 0x80 to 0x9F of Windows-1252; the rest is as ISO 8859-1. -1: no such letter. */
static const short upper_controls[32] = {0x20AC, -1,     0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                         0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, -1,     0x017D, -1,
                                         -1,     0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                         0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, -1,     0x017E, 0x0178};

int sage_xml_encoding(void *ctx, const XML_Char *name, XML_Encoding *info) {
    (void)ctx;
    if (strcasecmp(name, "windows-1252") != 0 && strcasecmp(name, "cp1252") != 0) return XML_STATUS_ERROR;
    for (int i = 0; i < 256; i++) info->map[i] = i >= 0x80 && i < 0xA0 ? upper_controls[i - 0x80] : i;
    info->data = NULL;
    info->convert = NULL;
    info->release = NULL;
    return XML_STATUS_OK;
}
