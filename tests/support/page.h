/* A piece of a report, and whether it is whole: well-formed XML that asks nothing of anybody else. */
#ifndef SAGE_TESTS_PAGE_H
#define SAGE_TESTS_PAGE_H

#include <expat.h>
#include <report/page.h>
#include <report/report.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/test.h>

typedef struct written {
    sage_buf out;
    sage_error error;
    sage_page page;
} written;

static inline sage_page *written_begin(written *w) {
    sage_buf_init(&w->out, 32u << 20);
    w->page = (sage_page){.out = &w->out, .error = &w->error};
    return &w->page;
}

static inline const char *written_text(const written *w) {
    return w->out.data != NULL ? w->out.data : "";
}

/* Of ids, which stand once each. */
static char written_ids[64 << 10];

/* Attributes that load or run something; a link within the page and what it holds itself are none. */
static inline void XMLCALL written_element(void *fault, const char *name, const char **attributes) {
    char *out = fault;
    if (strcmp(name, "script") == 0 || strcmp(name, "iframe") == 0 || strcmp(name, "object") == 0)
        snprintf(out, 256, "element %s", name);
    for (; *attributes != NULL; attributes += 2) {
        const char *key = attributes[0], *value = attributes[1];
        bool loads = strcmp(key, "src") == 0 || strcmp(key, "href") == 0 || strcmp(key, "xlink:href") == 0 ||
                     strcmp(key, "srcset") == 0 || strcmp(key, "action") == 0;
        if (strcmp(key, "id") == 0) {
            char id[128];
            snprintf(id, sizeof id, " %.120s ", value);
            if (strstr(written_ids, id) != NULL) snprintf(out, 256, "id %.100s stands twice", value);
            strncat(written_ids, id, sizeof written_ids - strlen(written_ids) - 1);
        }
        if (loads && value[0] != '#' && strncmp(value, "data:", 5) != 0)
            snprintf(out, 256, "%s=\"%.200s\"", key, value);
        if (strncmp(key, "on", 2) == 0 || strstr(value, "url(") != NULL) snprintf(out, 256, "attribute %s", key);
    }
}

/* NULL where it is; else what is wrong. `root`: the piece has no root of its own. */
static inline const char *written_fault(const written *w, bool root) {
    static char fault[256];
    const char *text = written_text(w);
    XML_Parser parser = XML_ParserCreate("UTF-8");
    fault[0] = written_ids[0] = '\0';
    if (parser == NULL) abort();
    XML_SetUserData(parser, fault);
    XML_SetStartElementHandler(parser, written_element);
    bool good = (!root || XML_Parse(parser, "<root>", 6, 0) != 0) && XML_Parse(parser, text, (int)w->out.len, 0) != 0 &&
                XML_Parse(parser, "</root>", root ? 7 : 0, 1) != 0;
    if (!good)
        snprintf(fault, sizeof fault, "line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(parser),
                 XML_ErrorString(XML_GetErrorCode(parser)));
    XML_ParserFree(parser);
    if (fault[0] == '\0' && strstr(text, "@import") != NULL) snprintf(fault, sizeof fault, "@import");
    return fault[0] != '\0' ? fault : NULL;
}

/* The whole page of `data`, which any reader of XML takes and which asks for nothing; free w->out. */
static inline void written_report(written *w, const sage_report_data *data) {
    written_begin(w);
    sage_status st = sage_report_write(data, &w->out, &w->error);
    if (st != SAGE_OK) fail_msg("%s", w->error.text);
    const char *fault = written_fault(w, false);
    if (fault != NULL) fail_msg("%s", fault);
    assert_null(strstr(w->out.data, "url("));
}

static inline bool report_says(const sage_report_data *data, const char *text) {
    written w;
    written_report(&w, data);
    bool found = strstr(w.out.data, text) != NULL;
    sage_buf_free(&w.out);
    return found;
}

static inline size_t written_count(const written *w, const char *what) {
    size_t n = 0;
    for (const char *at = written_text(w); (at = strstr(at, what)) != NULL; at += strlen(what)) n++;
    return n;
}

#endif
