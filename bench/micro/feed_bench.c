/* How fast the feed readers parse on one core.
 *
 *   feed_bench --make csv|tsv|jsonl|xml MIB FILE    writes a feed of rows of about 1 KiB, with quotes and accents
 *   feed_bench FILE [REPEATS]                       reads it (default 5 times) and prints the median speed
 *
 * Time is that of the core. The file is read through the page cache; every value is touched once, as an importer would.
 */
#include <catalog/feed.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPEATS_MAX = 101 };

static const char *const words[] = {"Stuhl",  "oak",    "table",   "réglable", "\"big\"", "lamp",  "für",    "garden",
                                    "cotton", "chaise", "leather", "größe",    "24\"",    "steel", "modern", "and",
                                    "with",   "in",     "blue",    "the",      "white",   "of",    "5 cm",   "solid"};

static unsigned long long seed = 1;

static unsigned next_random(unsigned n) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % n;
}

/* How a value is written: format 0 csv, 1 tsv, 2 jsonl, 3 xml. */
static void put_escaped(FILE *out, int format, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '"' && format == 0)
            fputs("\"\"", out);
        else if (*text == '"' && format == 2)
            fputs("\\\"", out);
        else if (*text == '"' && format == 3)
            fputs("&quot;", out);
        else
            fputc(*text, out);
    }
}

static void put_words(FILE *out, int format, unsigned n) {
    if (format == 0 || format == 2) fputc('"', out);
    for (unsigned i = 0; i < n; i++) {
        if (i > 0) fputc(' ', out);
        put_escaped(out, format, words[next_random(sizeof words / sizeof words[0])]);
    }
    if (format == 0 || format == 2) fputc('"', out);
}

typedef struct column {
    const char *name;
    unsigned words; /* 0: the row's number behind `prefix` */
    const char *prefix;
} column;

static const column columns[] = {{"id", 0, "SKU-"},
                                 {"title", 9, NULL},
                                 {"description", 110, NULL},
                                 {"link", 0, "https://shop.example/products/item-"},
                                 {"image_link", 0, "https://cdn.shop.example/images/large/item-"},
                                 {"brand", 1, NULL},
                                 {"google_product_category", 3, NULL},
                                 {"product_type", 3, NULL},
                                 {"color", 1, NULL},
                                 {"material", 1, NULL},
                                 {"price", 0, "12.50 EUR "},
                                 {"availability", 0, "in stock "}};

static void put_row(FILE *out, int format, unsigned long number) {
    size_t n = sizeof columns / sizeof columns[0];
    fputs(format == 2 ? "{" : format == 3 ? "<item>\n" : "", out);
    for (size_t i = 0; i < n; i++) {
        if (format == 3) fprintf(out, "  <g:%s>", columns[i].name);
        if (format == 2) fprintf(out, "\"%s\":", columns[i].name);
        if (columns[i].words > 0)
            put_words(out, format, columns[i].words);
        else
            fprintf(out, format == 2 ? "\"%s%lu\"" : "%s%lu", columns[i].prefix, number);
        if (format == 3)
            fprintf(out, "</g:%s>\n", columns[i].name);
        else if (i + 1 < n)
            fputc(format == 1 ? '\t' : ',', out);
    }
    fputs(format == 2 ? "}\n" : format == 3 ? "</item>\n" : "\n", out);
}

static int make(const char *name, long mib, const char *path) {
    static const char *const names[] = {"csv", "tsv", "jsonl", "xml"};
    int format = 0;
    while (format < 4 && strcmp(names[format], name) != 0) format++;
    FILE *out = format < 4 && mib > 0 ? fopen(path, "wb") : NULL;
    if (out == NULL) {
        fprintf(stderr, "feed_bench: cannot make %s %s\n", name, path);
        return 1;
    }
    if (format == 3) fputs("<rss xmlns:g=\"http://base.google.com/ns/1.0\"><channel>\n", out);
    for (size_t i = 0; format < 2 && i < sizeof columns / sizeof columns[0]; i++) {
        fprintf(out, "%s%c", columns[i].name,
                i + 1 == sizeof columns / sizeof columns[0] ? '\n'
                : format == 1                               ? '\t'
                                                            : ',');
    }
    for (unsigned long row = 1; ftell(out) < mib << 20; row++) put_row(out, format, row);
    if (format == 3) fputs("</channel></rss>\n", out);
    return fclose(out) == 0 ? 0 : 1;
}

typedef struct totals {
    unsigned long long rows, rejects, fields, bytes, check;
    double seconds;
} totals;

/* The time that this thread had a core, which is all of it on a quiet machine and the honest measure on a busy one. */
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static sage_status read_once(const char *path, totals *sum, sage_error *error) {
    sage_feed *feed;
    const sage_feed_row *row;
    *sum = (totals){0};
    double begin = now();
    sage_status st = sage_feed_open(path, SAGE_FEED_AUTO, &feed, error);
    if (st != SAGE_OK) return st;
    while ((st = sage_feed_next(feed, &row, error)) == SAGE_OK && row != NULL) {
        sum->rows++;
        sum->rejects += row->reject != NULL;
        sum->fields += row->n_fields;
        for (size_t i = 0; i < row->n_fields; i++) {
            sage_str value = row->fields[i].value;
            sum->check += value.len + (value.len > 0 ? (unsigned char)value.data[value.len - 1] : 0);
        }
    }
    sum->seconds = now() - begin;
    sum->bytes = sage_feed_bytes(feed);
    sage_feed_close(feed);
    return st;
}

static int by_time(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc == 5 && strcmp(argv[1], "--make") == 0) return make(argv[2], atol(argv[3]), argv[4]);
    long repeats = argc > 2 ? atol(argv[2]) : 5;
    if (argc < 2 || argv[1][0] == '-' || repeats < 1 || repeats > REPEATS_MAX) {
        fputs("usage: feed_bench FILE [REPEATS]\n       feed_bench --make csv|tsv|jsonl|xml MIB FILE\n", stderr);
        return 2;
    }
    double seconds[REPEATS_MAX];
    totals sum = {0};
    for (long i = 0; i < repeats; i++) {
        sage_error error;
        if (read_once(argv[1], &sum, &error) != SAGE_OK) {
            char line[1024];
            fprintf(stderr, "feed_bench: %s\n", sage_error_line(&error, line, sizeof line));
            return 1;
        }
        seconds[i] = sum.seconds;
    }
    qsort(seconds, (size_t)repeats, sizeof *seconds, by_time);
    double median = seconds[repeats / 2], mb = (double)sum.bytes / 1e6;
    printf(
        "%s: %.1f MB, %llu rows, %llu rejects, %llu fields: %.0f MB/s, %.0f rows/s (median of %ld; best %.0f MB/s)\n",
        argv[1], mb, sum.rows, sum.rejects, sum.fields, mb / median, (double)sum.rows / median, repeats,
        mb / seconds[0]);
    return 0;
}
