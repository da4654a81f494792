#include <base/alloc.h>
#include <base/error.h>
#include <catalog/feed_scan.h>
#include <catalog/xml_state.h>
#include <string.h>

static const XML_Memory_Handling_Suite memory = {sage_alloc, sage_realloc, sage_free};

/* The file offset of expat's current event. */
static uint64_t event_at(const sage_xml *xml) {
    return (uint64_t)XML_GetCurrentByteIndex(xml->parser);
}

static const char *window_bytes(const sage_xml *xml) {
    return xml->feed->window.data + xml->feed->window.begin;
}

static const char *item_bytes(const sage_xml *xml) {
    return window_bytes(xml) + (xml->item_at - xml->window_at);
}

/* Counts the lines up to the file offset `at` into feed->line. */
static void count_lines(sage_xml *xml, uint64_t at) {
    const char *from = window_bytes(xml) + (xml->line_at - xml->window_at);
    size_t n = (size_t)(at - xml->line_at);
    const char *lf = memrchr(from, '\n', n);
    if (lf != NULL) {
        xml->feed->line += sage_scan_lines(from, n);
        xml->line_from = xml->line_at + (uint64_t)(lf - from) + 1;
    }
    xml->line_at = at;
}

/* Makes the row a reject whatever was found wrong with it before: this explains the rest. */
#define REJECT_ANYWAY(feed, ...) ((feed)->row.reject = NULL, sage_feed_reject(feed, __VA_ARGS__))

/* Looks at the original bytes of the item, where some of the copy were replaced. */
static void check_item(sage_xml *xml, sage_str item) {
    sage_text_fault fault;
    if (xml->patched_to <= xml->item_at || sage_xml_check(item.data, item.len, &fault)) return;
    const char *lf = memrchr(item.data, '\n', fault.offset);
    uint64_t at = xml->item_at + fault.offset,
             from = lf != NULL ? xml->item_at + (uint64_t)(lf + 1 - item.data) : xml->line_from;
    REJECT_ANYWAY(xml->feed, fault.reason, xml->feed->line + sage_scan_lines(item.data, fault.offset),
                  (size_t)(at - from) + 1, "the item %s", fault.what);
}

static void reject_long(sage_xml *xml) {
    REJECT_ANYWAY(xml->feed, "row-too-long", 0, 0, "the item is longer than %d bytes", SAGE_FEED_ROW_MAX);
}

/* ---- expat's events ---- */

static void begin_item(sage_xml *xml) {
    xml->item_at = event_at(xml);
    count_lines(xml, xml->item_at);
    xml->feed->row.line = xml->feed->line;
    sage_xml_item_begin(xml);
}

static bool is_root(const char *local) {
    return strcmp(local, "rss") == 0 || strcmp(local, "feed") == 0 || strcmp(local, "RDF") == 0 ||
           strcmp(local, "rdf:RDF") == 0 || strcmp(local, "channel") == 0;
}

static void on_start(void *ctx, const XML_Char *name, const XML_Char **attributes) {
    sage_xml *xml = ctx;
    if (xml->st != SAGE_OK) return;
    if (xml->in_item) {
        sage_xml_open_tag(xml, name, attributes);
        return;
    }
    bool google;
    sage_xml_note_namespace(xml, attributes);
    const char *local = sage_xml_local_name(xml, name, &google);
    if (!xml->root_seen) {
        xml->root_seen = true;
        if (!is_root(local)) {
            sage_xml_stop(xml, SAGE_E_FORMAT, "the XML is no product feed: its first tag is neither <rss> nor <feed>");
            return;
        }
        XML_StopParser(xml->parser, XML_TRUE); /* the file is what it claims to be: sage_feed_open is done */
    } else if (strcmp(local, "item") == 0 || strcmp(local, "entry") == 0) {
        begin_item(xml);
        return;
    }
}

static void on_end(void *ctx, const XML_Char *name) {
    (void)name;
    sage_xml *xml = ctx;
    if (xml->st != SAGE_OK) return;
    if (!xml->in_item) return;
    if (xml->depth > 0) {
        sage_xml_close_tag(xml);
    } else {
        xml->in_item = false;
        xml->item_done = true;
        XML_StopParser(xml->parser, XML_TRUE);
    }
}

static void on_text(void *ctx, const XML_Char *text, int len) {
    sage_xml_add_text(ctx, text, (size_t)len);
}

/* An entity that no DTD declares; those of HTML are known all the same. */
static void on_unknown_entity(void *ctx, const XML_Char *name, int parameter) {
    sage_xml *xml = ctx;
    if (parameter || !xml->in_item) return;
    const char *text = sage_xml_html_entity(name, strlen(name));
    if (text != NULL) {
        sage_xml_add_text(xml, text, strlen(text));
    } else {
        sage_feed_reject(xml->feed, "bad-xml", sage_xml_line(xml), sage_xml_column(xml),
                         "the entity &%.64s; is not known", name);
    }
}

/* Entities of a feed's own serve attacks (files read, texts blown up), never feeds. */
static void on_entity_declaration(void *ctx, const XML_Char *name, int parameter, const XML_Char *value, int len,
                                  const XML_Char *base, const XML_Char *system, const XML_Char *public_id,
                                  const XML_Char *notation) {
    (void)name, (void)parameter, (void)value, (void)len, (void)base, (void)system, (void)public_id, (void)notation;
    sage_xml_stop(ctx, SAGE_E_FORMAT, "the XML declares entities of its own, which is refused; remove its DTD");
}

/* ---- blocks ---- */

/* The fault that stopped expat. */
static sage_status parse_fault(sage_xml *xml, sage_error *error) {
    enum XML_Error code = XML_GetErrorCode(xml->parser);
    if (xml->st != SAGE_OK) {
        if (error != NULL) *error = xml->error;
        return xml->st;
    }
    if (code == XML_ERROR_NO_MEMORY) return sage_fail_memory(error, xml->fed);
    if (code == XML_ERROR_UNKNOWN_ENCODING) {
        return sage_fail_at(error, SAGE_E_FORMAT, xml->feed->name, 1, 0,
                            "the XML declares an encoding that is not supported; convert the file to UTF-8");
    }
    return sage_fail_at(error, SAGE_E_FORMAT, xml->feed->name, sage_xml_line(xml), sage_xml_column(xml),
                        "the XML is not well formed: %s", XML_ErrorString(code));
}

/* Lets go of the bytes that expat is done with, but for those of the item that is being read. Expat holds back the
 * beginning of what may go on, and with large tokens more than that. */
static sage_status leave_block(sage_xml *xml, sage_error *error) {
    sage_status st = SAGE_OK;
    XML_Index event = XML_GetCurrentByteIndex(xml->parser); /* -1 while it waits for more */
    if (event >= 0) xml->told_at = (uint64_t)event;
    if (xml->in_item && !xml->oversized && xml->told_at - xml->item_at > SAGE_FEED_ROW_MAX) {
        xml->oversized = true;
        reject_long(xml);
        SAGE_TRY(sage_feed_raw_copy(xml->feed, item_bytes(xml), SAGE_FEED_RAW_MAX, error));
    }
    uint64_t end = xml->window_at + xml->fed, keep = xml->in_item && !xml->oversized ? xml->item_at : xml->told_at;
    count_lines(xml, keep);
    xml->feed->window.begin += (size_t)(keep - xml->window_at);
    xml->fed = (size_t)(end - keep);
    xml->window_at = keep;
    if (end - xml->told_at > 2 * SAGE_FEED_ROW_MAX) {
        st = sage_fail_at(error, SAGE_E_FORMAT, xml->feed->name, xml->feed->line, 0,
                          "a tag or comment of the XML is longer than %d bytes", 2 * SAGE_FEED_ROW_MAX);
    }
out:
    return st;
}

/* Hands the next block to expat. */
static sage_status next_block(sage_xml *xml, enum XML_Status *status, sage_error *error) {
    enum { BLOCK_MAX = 1 << 20 };
    sage_status st = SAGE_OK;
    sage_window *window = &xml->feed->window;
    SAGE_TRY(sage_window_want(window, xml->fed + 8, error)); /* a character's open tail is shorter */
    const char *block = window_bytes(xml) + xml->fed;
    size_t ready = sage_window_ready(window) - xml->fed, n = ready < BLOCK_MAX ? ready : BLOCK_MAX;
    bool last = window->eof && n == ready;
    if (!last && xml->utf8) n -= sage_xml_open_tail(block, n);
    void *copy = XML_GetBuffer(xml->parser, (int)n);
    if (copy == NULL && n > 0) {
        st = sage_fail_memory(error, n);
        goto out;
    }
    if (n > 0) memcpy(copy, block, n);
    xml->fed += n;
    if (n > 0 && xml->utf8 && sage_xml_patch(copy, n)) xml->patched_to = xml->window_at + xml->fed;
    xml->finished = last;
    *status = XML_ParseBuffer(xml->parser, (int)n, last);
out:
    return st;
}

/* Parses on until expat was stopped on purpose or the file is through. */
static sage_status parse(sage_xml *xml, sage_error *error) {
    sage_status st = SAGE_OK;
    enum XML_Status status;
    if (xml->suspended) {
        status = XML_ResumeParser(xml->parser);
    } else if (xml->finished) {
        goto out;
    } else {
        SAGE_TRY(next_block(xml, &status, error));
    }
    while (status == XML_STATUS_OK && xml->st == SAGE_OK) {
        SAGE_TRY(leave_block(xml, error));
        if (xml->finished) break;
        SAGE_TRY(next_block(xml, &status, error));
    }
    xml->suspended = status == XML_STATUS_SUSPENDED;
    if (status == XML_STATUS_ERROR || xml->st != SAGE_OK) st = parse_fault(xml, error);
out:
    return st;
}

/* ---- the reader ---- */

static sage_status xml_open(sage_feed *feed, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_xml *xml = sage_alloc_zero(1, sizeof *xml);
    feed->state = xml;
    if (xml == NULL) return sage_fail_memory(error, sizeof *xml);
    xml->feed = feed;
    xml->first_line = feed->line;
    sage_buf_init(&xml->text, 2 * SAGE_FEED_ROW_MAX);
    const char *p = feed->window.data + feed->window.begin;
    while (*p == ' ' || *p == '\t') p++, feed->window.begin++; /* blanks before <?xml are common; expat refuses them */
    SAGE_TRY(sage_window_want(&feed->window, 512, error));
    xml->utf8 = sage_xml_says_utf8(window_bytes(xml), sage_window_ready(&feed->window));
    xml->parser = XML_ParserCreate_MM(xml->utf8 ? "UTF-8" : NULL, &memory, NULL);
    if (xml->parser == NULL) {
        st = sage_fail_memory(error, 64 << 10);
        goto out;
    }
    XML_SetUserData(xml->parser, xml);
    XML_SetElementHandler(xml->parser, on_start, on_end);
    XML_SetCharacterDataHandler(xml->parser, on_text);
    XML_SetEntityDeclHandler(xml->parser, on_entity_declaration);
    XML_SetSkippedEntityHandler(xml->parser, on_unknown_entity);
    XML_SetUnknownEncodingHandler(xml->parser, sage_xml_encoding, NULL);
    /* With a DTD that might declare them, undeclared entities are reported in place of ending the parse. None is ever
     * read. */
    XML_UseForeignDTD(xml->parser, XML_TRUE);
    SAGE_TRY(parse(xml, error));
out:
    return st;
}

static void xml_close(sage_feed *feed) {
    sage_xml *xml = feed->state;
    if (xml == NULL) return;
    XML_ParserFree(xml->parser);
    sage_buf_free(&xml->text);
    sage_free(xml->values);
    sage_free(xml);
}

/* The item ended at expat's current event. */
static sage_status finish_item(sage_xml *xml, sage_error *error) {
    uint64_t end = event_at(xml) + (uint64_t)XML_GetCurrentByteCount(xml->parser);
    if (!xml->oversized) {
        sage_str item = {item_bytes(xml), (size_t)(end - xml->item_at)};
        sage_feed_raw(xml->feed, item.data, item.len);
        if (item.len > SAGE_FEED_ROW_MAX)
            reject_long(xml);
        else
            check_item(xml, item);
    } else {
        reject_long(xml);
    }
    return sage_xml_item_fields(xml, error);
}

static sage_status xml_next(sage_feed *feed, bool *more, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_xml *xml = feed->state;
    xml->item_done = false;
    SAGE_TRY(parse(xml, error));
    *more = xml->item_done;
    if (*more) SAGE_TRY(finish_item(xml, error));
out:
    return st;
}

const sage_feed_reader sage_feed_xml = {xml_open, xml_next, xml_close};
