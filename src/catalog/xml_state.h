/* Google Merchant XML: RSS 2.0 (or RDF) <item>s and Atom <entry>s, one row each. How the parts of the reader meet:
 *
 *   xml.c         feeds blocks of the window to expat and stops it at the end of every item
 *   xml_item.c    expat's events inside an item -> fields
 *   xml_text.c    encodings; xml_entities.c: the entities of HTML
 *
 * expat gets a copy of each block in which bytes that no XML may hold are replaced, so that one bad byte costs its row
 * and not the whole file; the row is then rejected by looking at the original bytes. */
#ifndef SAGE_CATALOG_XML_STATE_H
#define SAGE_CATALOG_XML_STATE_H

#include <catalog/feed_core.h>
#include <expat.h>

enum { SAGE_XML_PREFIX_MAX = 32 };

/* An element that is open inside an item. Offsets into `text`. */
typedef struct sage_xml_frame {
    size_t name, name_len; /* with the names around it: shipping.country */
    size_t text;           /* its value so far runs from here to the end of `text` */
    bool google;           /* has the g: prefix */
    bool inline_markup;    /* stands within its parent's text and belongs to it */
    bool had_children;
    bool skip; /* an Atom link that is not the product's page */
} sage_xml_frame;

typedef struct sage_xml_value {
    size_t name, name_len, value, value_len; /* offsets into `text` */
    bool google;
} sage_xml_value;

typedef struct sage_xml {
    sage_feed *feed;
    XML_Parser parser;
    bool utf8;                        /* not declared to be anything else */
    char prefix[SAGE_XML_PREFIX_MAX]; /* bound to Google's namespace, with its colon, besides g: */

    /* The window's beginning: bytes that expat has but may not have told about yet, or that belong to the item. Offsets
     * are in the file, as expat counts. */
    size_t fed;          /* how many bytes */
    uint64_t window_at;  /* offset of the first */
    uint64_t told_at;    /* expat is done with all before this */
    uint64_t patched_to; /* behind the last block in which bytes were replaced */
    uint64_t line_at;    /* up to here lines were counted into feed->line ... */
    uint64_t line_from;  /* ... and that line begins here */
    bool suspended, finished;
    size_t first_line; /* of the file, where expat counts 1 */

    bool in_item, item_done, root_seen;
    uint64_t item_at; /* offset of the item's start tag */
    bool oversized;   /* the item is longer than a row may be, and its bytes are no longer kept */
    sage_buf text;    /* names and values of the row */
    sage_xml_frame frames[SAGE_FEED_DEPTH_MAX];
    size_t depth; /* frames in use, and further open elements after a fault */
    sage_xml_value *values;
    size_t n_values, values_cap;

    sage_status st; /* a fault inside of a callback that ends the file */
    sage_error error;
} sage_xml;

/* ---- xml_item.c ---- */
void sage_xml_item_begin(sage_xml *xml);
void sage_xml_open_tag(sage_xml *xml, const char *name, const char **attributes);
void sage_xml_close_tag(sage_xml *xml);
void sage_xml_add_text(sage_xml *xml, const char *text, size_t len);
sage_status sage_xml_item_fields(sage_xml *xml, sage_error *error); /* values -> feed->fields */
/* Remembers a prefix that the attributes bind to Google's namespace. */
void sage_xml_note_namespace(sage_xml *xml, const char **attributes);
/* The name without its prefix; *google: whether that is Google's. Unknown prefixes stay part of the name. */
const char *sage_xml_local_name(const sage_xml *xml, const char *name, bool *google);
/* Ends the whole file out of a callback. */
void sage_xml_stop(sage_xml *xml, sage_status status, const char *text);

/* The line in the file of expat's current event, and its 1-based byte column. */
size_t sage_xml_line(const sage_xml *xml);
size_t sage_xml_column(const sage_xml *xml);

/* ---- xml_entities.c ---- */
/* UTF-8 of an HTML entity ("nbsp"), NULL where it is none. */
const char *sage_xml_html_entity(const char *name, size_t len);

/* ---- xml_text.c ---- */
/* The encoding of the XML declaration at the beginning of `text`: true where it is absent or UTF-8 (or US-ASCII). */
bool sage_xml_says_utf8(const char *text, size_t len);
/* Replaces what expat would refuse in UTF-8 text: broken sequences and control characters. Returns whether there was
 * any. */
bool sage_xml_patch(char *text, size_t len);
/* The first such byte of the text; false where there is one. */
bool sage_xml_check(const char *text, size_t len, sage_text_fault *fault);
/* Bytes at the end that may be the beginning of a UTF-8 character that goes on. */
size_t sage_xml_open_tail(const char *text, size_t len);
/* For XML_SetUnknownEncodingHandler: Windows-1252. */
int sage_xml_encoding(void *ctx, const XML_Char *name, XML_Encoding *info);

#endif
