/* What a feed is, judged by its first bytes. */
#include <base/error.h>
#include <catalog/feed_core.h>
#include <string.h>

static const char separators[] = {'\t', ',', ';', '|'}; /* the earlier wins a tie */
enum { TAB, N_SEPARATORS = sizeof separators };

typedef struct magic {
    const char *bytes;
    size_t n;
    const char *what;
} magic;

static const magic foreign[] = {
    {"\xFF\xFE", 2, "is UTF-16; convert it to UTF-8 (for instance: iconv -f UTF-16 -t UTF-8)"},
    {"\xFE\xFF", 2, "is UTF-16; convert it to UTF-8 (for instance: iconv -f UTF-16 -t UTF-8)"},
    {"\x1F\x8B", 2, "is packed twice with gzip; unpack it once"},
    {"PK\x03\x04", 4, "is a zip archive or a spreadsheet; unpack it, or save it as CSV in UTF-8"},
    {"\x28\xB5\x2F\xFD", 4, "is packed with zstd; unpack it, or pack it with gzip"},
    {"\xFD"
     "7zXZ",
     5, "is packed with xz; unpack it, or pack it with gzip"},
    {"BZh", 3, "is packed with bzip2; unpack it, or pack it with gzip"},
    {"%PDF-", 5, "is a PDF; export the feed as CSV, JSON Lines or XML"},
    {"SQLite format 3", 15, "is a SQLite database; export the feed as CSV, JSON Lines or XML"},
};

static const char *format_names[] = {"auto", "CSV", "TSV", "JSON Lines", "XML"};

/* Other formats that people hand in, by their first bytes. */
static sage_status refuse_foreign(sage_feed *feed, sage_error *error) {
    const char *p = feed->window.data + feed->window.begin;
    size_t ready = sage_window_ready(&feed->window);
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        if (ready >= foreign[i].n && memcmp(p, foreign[i].bytes, foreign[i].n) == 0) {
            return sage_fail_at(error, SAGE_E_FORMAT, feed->name, 0, 0, "the file %s", foreign[i].what);
        }
    }
    for (size_t i = 0; i < ready && i < 8; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c >= 0x20 || (c >= '\t' && c <= '\r')) continue;
        return sage_fail_at(error, SAGE_E_FORMAT, feed->name, 0, 0,
                            "the file is binary, or UTF-16; a feed is text in UTF-8 (CSV, TSV, JSON Lines or XML)");
    }
    return SAGE_OK;
}

/* To the first byte that is neither BOM, blank nor line break, so that the header stands at the window's begin. A tab
 * may be an empty first column's end, so only whole blank lines go. */
static sage_status skip_blank_lines(sage_feed *feed, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_window *window = &feed->window;
    for (;;) {
        size_t at = 0;
        char c = '\0';
        for (;; at++) {
            if (at == sage_window_ready(window)) SAGE_TRY(sage_window_want(window, at + 1, error));
            if (at == sage_window_ready(window)) {
                return sage_fail_at(error, SAGE_E_FORMAT, feed->name, 0, 0, "the file is empty");
            }
            c = window->data[window->begin + at];
            if (c != ' ' && c != '\t' && c != '\r') break;
            if (at > SAGE_FEED_ROW_MAX) {
                return sage_fail_at(error, SAGE_E_FORMAT, feed->name, feed->line, 0,
                                    "the file begins with more than %d blanks", SAGE_FEED_ROW_MAX);
            }
        }
        if (c != '\n') return SAGE_OK;
        window->begin += at + 1;
        feed->line++;
    }
out:
    return st;
}

static void count_separators(const char *line, size_t len, size_t count[N_SEPARATORS]) {
    bool quoted = false;
    memset(count, 0, N_SEPARATORS * sizeof *count);
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '"') quoted = !quoted;
        for (size_t s = 0; s < N_SEPARATORS && !quoted; s++) count[s] += line[i] == separators[s];
    }
}

/* The first line into the window, without its break. */
static sage_status header_line(sage_feed *feed, size_t *len, sage_error *error) {
    sage_window *window = &feed->window;
    for (;;) {
        size_t ready = sage_window_ready(window);
        const char *p = window->data + window->begin;
        const char *lf = memchr(p, '\n', ready);
        *len = lf != NULL ? (size_t)(lf - p) : ready;
        if ((lf != NULL || window->eof) && *len <= SAGE_FEED_ROW_MAX) {
            if (*len > 0 && p[*len - 1] == '\r') --*len;
            return SAGE_OK;
        }
        if (*len > SAGE_FEED_ROW_MAX) {
            return sage_fail_at(error, SAGE_E_FORMAT, feed->name, feed->line, 0,
                                "the first line is longer than %d bytes; a feed begins with a line of column names",
                                SAGE_FEED_ROW_MAX);
        }
        sage_status st = sage_window_more(window, error);
        if (st != SAGE_OK) return st;
    }
}

static sage_status choose_separator(sage_feed *feed, sage_error *error) {
    size_t len = 0, count[N_SEPARATORS];
    sage_status st = header_line(feed, &len, error);
    if (st != SAGE_OK) return st;
    const char *line = feed->window.data + feed->window.begin;
    if (memchr(line, '\r', len) != NULL) {
        return sage_fail_at(error, SAGE_E_FORMAT, feed->name, feed->line, 0,
                            "lines end with a lone CR; save the file with LF or CRLF line ends");
    }
    count_separators(line, len, count);
    size_t best = feed->format == SAGE_FEED_CSV ? TAB + 1 : TAB;
    for (size_t s = best + 1; s < N_SEPARATORS && feed->format != SAGE_FEED_TSV; s++) {
        if (count[s] > count[best]) best = s;
    }
    if (feed->format == SAGE_FEED_AUTO) {
        if (count[best] == 0) best = TAB + 1; /* one column alone: CSV */
        feed->format = best == TAB ? SAGE_FEED_TSV : SAGE_FEED_CSV;
    }
    size_t total = 0;
    for (size_t s = 0; s < N_SEPARATORS; s++) total += count[s];
    if (count[best] == 0 && total > 0) {
        return sage_fail_at(error, SAGE_E_FORMAT, feed->name, feed->line, 0,
                            feed->format == SAGE_FEED_TSV ? "the header has no tab; is the file CSV?"
                                                          : "the header is separated by tabs; is the file TSV?");
    }
    feed->separator = separators[best];
    return SAGE_OK;
}

/* An object spread over lines would give nothing but rejects. */
static sage_status refuse_pretty_json(sage_feed *feed, sage_error *error) {
    sage_status st = sage_window_want(&feed->window, 256, error);
    if (st != SAGE_OK) return st;
    const char *p = feed->window.data + feed->window.begin, *end = feed->window.data + feed->window.end;
    while (p < end && (*p == ' ' || *p == '\t' || *p == '{' || *p == '\r')) p++;
    if (p == end || *p != '\n') return SAGE_OK;
    return sage_fail_at(error, SAGE_E_FORMAT, feed->name, feed->line, 0,
                        "the JSON is spread over lines; write one object a line (for instance: jq -c .)");
}

sage_status sage_feed_sniff(sage_feed *feed, sage_error *error) {
    sage_status st = SAGE_OK;
    SAGE_TRY(sage_window_want(&feed->window, 16, error));
    SAGE_TRY(refuse_foreign(feed, error));
    const char *p = feed->window.data + feed->window.begin;
    if (sage_window_ready(&feed->window) >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) feed->window.begin += 3;
    SAGE_TRY(skip_blank_lines(feed, error));

    p = feed->window.data + feed->window.begin;
    while (*p == ' ' || *p == '\t') p++; /* skip_blank_lines has seen a byte that is neither */
    if (*p == '[' && (feed->format == SAGE_FEED_AUTO || feed->format == SAGE_FEED_JSONL)) {
        return sage_fail_at(
            error, SAGE_E_FORMAT, feed->name, feed->line, 0,
            "the file is one JSON array; write JSON Lines, one object a line (for instance: jq -c '.[]')");
    }
    sage_feed_format seen = *p == '<' ? SAGE_FEED_XML : *p == '{' ? SAGE_FEED_JSONL : SAGE_FEED_AUTO;
    if (feed->format == SAGE_FEED_AUTO) feed->format = seen;
    if (feed->format == SAGE_FEED_JSONL) SAGE_TRY(refuse_pretty_json(feed, error));
    bool table = feed->format != SAGE_FEED_XML && feed->format != SAGE_FEED_JSONL;
    if (!table && seen != feed->format) {
        return sage_fail_at(error, SAGE_E_FORMAT, feed->name, feed->line, 0,
                            "the file does not begin like %s (with '%c')", format_names[feed->format],
                            feed->format == SAGE_FEED_XML ? '<' : '{');
    }
    if (table && seen != SAGE_FEED_AUTO) {
        return sage_fail_at(error, SAGE_E_FORMAT, feed->name, feed->line, 0, "the file begins like %s, not like %s",
                            format_names[seen], format_names[feed->format]);
    }
    if (table) SAGE_TRY(choose_separator(feed, error));
out:
    return st;
}
