#include <base/alloc.h>
#include <base/error.h>
#include <catalog/xml_state.h>
#include <string.h>

static const char google_uri[] = "http://base.google.com/ns/1.0";

size_t sage_xml_line(const sage_xml *xml) {
    return XML_GetCurrentLineNumber(xml->parser) + xml->first_line - 1;
}

size_t sage_xml_column(const sage_xml *xml) {
    return XML_GetCurrentColumnNumber(xml->parser) + 1;
}

void sage_xml_stop(sage_xml *xml, sage_status status, const char *text) {
    if (xml->st != SAGE_OK) return;
    xml->st = sage_fail_at(&xml->error, status, xml->feed->name, sage_xml_line(xml), sage_xml_column(xml), "%s", text);
    XML_StopParser(xml->parser, XML_FALSE);
}

static void no_memory(sage_xml *xml, size_t bytes) {
    if (xml->st == SAGE_OK) xml->st = sage_fail_memory(&xml->error, bytes);
    XML_StopParser(xml->parser, XML_FALSE);
}

/* A fault that costs the row. Line and column are those of expat's current event. */
static void reject(sage_xml *xml, const char *reason, const char *what) {
    sage_feed_reject(xml->feed, reason, sage_xml_line(xml), sage_xml_column(xml), "%s", what);
}

static bool add(sage_xml *xml, const char *bytes, size_t n) {
    sage_error error;
    sage_status st = sage_buf_add(&xml->text, bytes, n, &error);
    if (st == SAGE_E_LIMIT) reject(xml, "row-too-long", "the item is longer than 4 MiB");
    if (st == SAGE_E_MEMORY) no_memory(xml, n);
    return st == SAGE_OK;
}

void sage_xml_note_namespace(sage_xml *xml, const char **attributes) {
    for (; attributes[0] != NULL; attributes += 2) {
        if (strncmp(attributes[0], "xmlns:", 6) != 0 || strcmp(attributes[1], google_uri) != 0) continue;
        const char *prefix = attributes[0] + 6;
        size_t len = strlen(prefix);
        if (len + sizeof ":" > sizeof xml->prefix) continue;
        memcpy(xml->prefix, prefix, len);
        memcpy(xml->prefix + len, ":", sizeof ":");
    }
}

const char *sage_xml_local_name(const sage_xml *xml, const char *name, bool *google) {
    size_t n = strlen(xml->prefix);
    *google = strncmp(name, "g:", 2) == 0;
    if (*google) return name + 2;
    *google = n > 0 && strncmp(name, xml->prefix, n) == 0;
    return *google ? name + n : name;
}

void sage_xml_item_begin(sage_xml *xml) {
    sage_buf_clear(&xml->text);
    xml->n_values = 0;
    xml->depth = 0;
    xml->oversized = false;
    xml->in_item = true;
}

static bool blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The text from `from` on without blanks around it. */
static sage_str trimmed(const sage_xml *xml, size_t from) {
    const char *p = xml->text.data + from;
    size_t len = xml->text.len - from;
    while (len > 0 && blank(p[0])) p++, len--;
    while (len > 0 && blank(p[len - 1])) len--;
    return (sage_str){p, len};
}

static const char *attribute(const char **attributes, const char *name) {
    for (; attributes[0] != NULL; attributes += 2) {
        if (strcmp(attributes[0], name) == 0) return attributes[1];
    }
    return NULL;
}

/* Atom: <link rel="alternate" href="..."/>; other kinds of link are not the product's page. */
static void atom_link(sage_xml *xml, sage_xml_frame *frame, const char *local, const char **attributes) {
    const char *href = attribute(attributes, "href"), *rel = attribute(attributes, "rel");
    if (href == NULL || strcmp(local, "link") != 0) return;
    frame->skip = rel != NULL && strcmp(rel, "alternate") != 0;
    if (!frame->skip) sage_xml_add_text(xml, href, strlen(href));
}

void sage_xml_open_tag(sage_xml *xml, const char *name, const char **attributes) {
    size_t depth = xml->depth++;
    if (xml->feed->row.reject != NULL || xml->st != SAGE_OK) return;
    if (depth == SAGE_FEED_DEPTH_MAX) {
        reject(xml, "too-deep", "tags are nested more than 16 deep in an item");
        return;
    }
    sage_xml_frame *parent = depth > 0 ? &xml->frames[depth - 1] : NULL, *frame = &xml->frames[depth];
    *frame = (sage_xml_frame){.text = xml->text.len};
    if (parent != NULL && (parent->inline_markup || trimmed(xml, parent->text).len > 0)) {
        frame->inline_markup = true;
        return;
    }
    if (parent != NULL) parent->had_children = true;
    const char *local = sage_xml_local_name(xml, name, &frame->google);
    size_t len = strlen(local), outer = parent != NULL ? parent->name_len + 1 : 0;
    if (len > SAGE_FEED_NAME_MAX || outer + len > SAGE_FEED_NAME_MAX) {
        reject(xml, "name-too-long", "a tag's name is longer than 1024 bytes, with the names around it");
        return;
    }
    char joined[SAGE_FEED_NAME_MAX];
    if (parent != NULL) {
        memcpy(joined, xml->text.data + parent->name, parent->name_len);
        joined[parent->name_len] = '.';
        frame->google |= parent->google;
    }
    size_t joined_len = outer + sage_feed_name(local, len, joined + outer);
    if (joined_len == outer) {
        reject(xml, "bad-xml", "a tag without a name after its prefix");
        return;
    }
    frame->name = xml->text.len;
    frame->name_len = joined_len;
    if (!add(xml, joined, frame->name_len)) return;
    frame->text = xml->text.len;
    atom_link(xml, frame, local, attributes);
}

static void keep(sage_xml *xml, const sage_xml_frame *frame, sage_str value) {
    if (xml->n_values == SAGE_FEED_COLUMNS_MAX) {
        reject(xml, "too-many-fields", "the item has more than 1024 tags");
        return;
    }
    if (value.len > SAGE_FEED_FIELD_MAX) {
        reject(xml, "field-too-long", "a tag's text is longer than 1 MiB");
        return;
    }
    if (sage_grow((void **)&xml->values, &xml->values_cap, xml->n_values + 1, sizeof *xml->values) != 0) {
        no_memory(xml, (xml->n_values + 1) * sizeof *xml->values);
        return;
    }
    xml->values[xml->n_values++] =
        (sage_xml_value){frame->name, frame->name_len, (size_t)(value.data - xml->text.data), value.len, frame->google};
}

void sage_xml_close_tag(sage_xml *xml) {
    size_t depth = --xml->depth;
    if (xml->feed->row.reject != NULL || xml->st != SAGE_OK) return;
    const sage_xml_frame *frame = &xml->frames[depth];
    if (frame->inline_markup) return; /* its text runs on in the parent's */
    sage_str value = trimmed(xml, frame->text);
    if (!frame->skip && (value.len > 0 || !frame->had_children)) keep(xml, frame, value);
    if (depth > 0) xml->frames[depth - 1].text = xml->text.len;
}

void sage_xml_add_text(sage_xml *xml, const char *text, size_t len) {
    if (xml->depth == 0 || xml->feed->row.reject != NULL || xml->st != SAGE_OK) return;
    add(xml, text, len);
}

static bool same_name(const sage_xml *xml, const sage_xml_value *a, const sage_xml_value *b) {
    return a->name_len == b->name_len && memcmp(xml->text.data + a->name, xml->text.data + b->name, a->name_len) == 0;
}

/* RSS's <link> beside <g:link>, Atom's <id> beside <g:id>: Google's is the product's. */
static bool overruled(const sage_xml *xml, const sage_xml_value *value) {
    if (value->google) return false;
    for (size_t i = 0; i < xml->n_values; i++) {
        if (xml->values[i].google && same_name(xml, value, &xml->values[i])) return true;
    }
    return false;
}

sage_status sage_xml_item_fields(sage_xml *xml, sage_error *error) {
    xml->feed->n_fields = 0;
    for (size_t i = 0; i < xml->n_values; i++) {
        const sage_xml_value *v = &xml->values[i];
        if (overruled(xml, v)) continue;
        sage_status st = sage_feed_add(xml->feed, (sage_str){xml->text.data + v->name, v->name_len},
                                       (sage_str){xml->text.data + v->value, v->value_len}, 0, error);
        if (st != SAGE_OK) return st;
    }
    return SAGE_OK;
}
