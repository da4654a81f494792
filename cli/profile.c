/* What --profile shows: where the time of train or embed went. */
#include "profile.h"
#include <stdio.h>
#include <string.h>

enum { ROWS_MAX = 64 };

typedef struct profile {
    sage_profile_row rows[ROWS_MAX];
    size_t n;
    sage_profile_time time;
    double flops_ceiling, bytes_ceiling; /* of a core, a second */
} profile;

static void take(profile *p, sage_shop *shop, const char *precision) {
    sage_profile_ceilings ceilings;
    p->n = sage_profile_stages(p->rows, ROWS_MAX);
    if (p->n > ROWS_MAX) p->n = ROWS_MAX;
    sage_profile_elapsed(shop, &p->time);
    sage_profile_measure(&ceilings);
    p->bytes_ceiling = ceilings.read_bytes;
    p->flops_ceiling = strcmp(precision, "bf16") == 0   ? ceilings.flops_bf16
                       : strcmp(precision, "int8") == 0 ? ceilings.flops_int8
                                                        : ceilings.flops_f32;
}

/* Of the nearer ceiling: what memory delivers, or what the multiply-adds of the precision can do. */
static double share_of_ceiling(const profile *p, const sage_profile_row *row) {
    double bytes = p->bytes_ceiling > 0 ? row->bytes / row->seconds / p->bytes_ceiling : 0;
    double flops = p->flops_ceiling > 0 ? row->flops / row->seconds / p->flops_ceiling : 0;
    return bytes > flops ? bytes : flops;
}

static double core_seconds(const profile *p) {
    return p->time.wall_s * (double)p->time.threads;
}

static double rate(double amount, double seconds) {
    return seconds > 0 ? amount / seconds : 0;
}

/* A number, or a dash where there is nothing to count. */
static void print_figure(double value, const char *unit) {
    if (value > 0)
        fprintf(stderr, " %9.1f%s", value, unit);
    else
        fprintf(stderr, " %9s", "-");
}

static void print_row(const profile *p, const sage_profile_row *row) {
    char calls[32];
    fprintf(stderr, "%-32s %13s %12.1f %6.1f %%", row->stage, cli_count(row->calls, calls), 1e3 * row->seconds,
            100 * rate(row->seconds, core_seconds(p)));
    print_figure(1e-9 * rate(row->bytes, row->seconds), "");
    print_figure(1e-9 * rate(row->flops, row->seconds), "");
    print_figure(row->seconds > 0 ? 100 * share_of_ceiling(p, row) : 0, " %");
    fputc('\n', stderr);
}

void cli_profile_begin(const cli_args *args) {
    if (cli_given(args, "profile")) sage_profile_on(true);
}

void cli_profile_end(const cli_args *args, sage_shop *shop, const char *precision) {
    if (!cli_given(args, "profile")) return;
    profile p;
    double staged = 0;
    take(&p, shop, precision);
    fprintf(stderr, "%-32s %13s %12s %8s %9s %9s %11s\n", "stage", "calls", "ms", "of time", "GB/s", "GFLOP/s",
            "of ceiling");
    for (size_t i = 0; i < p.n; i++) {
        print_row(&p, &p.rows[i]);
        staged += p.rows[i].seconds;
    }
    double rest = core_seconds(&p) - staged;
    fprintf(stderr, "%-32s %13s %12.1f %6.1f %%\n", "the rest, and waiting", "", 1e3 * (rest > 0 ? rest : 0),
            100 * rate(rest > 0 ? rest : 0, core_seconds(&p)));
    fprintf(stderr,
            "Cores busy %.0f %%: %.1f s of processor time in %.1f s on %zu thread%s. A core's ceilings: %.1f GB/s "
            "from memory, %.0f GFLOP/s in %s.\n",
            100 * rate(p.time.cpu_s, core_seconds(&p)), p.time.cpu_s, p.time.wall_s, p.time.threads,
            p.time.threads == 1 ? "" : "s", 1e-9 * p.bytes_ceiling, 1e-9 * p.flops_ceiling, precision);
}

json_t *cli_profile_json(const cli_args *args, sage_shop *shop, const char *precision) {
    if (!cli_given(args, "profile")) return NULL;
    profile p;
    take(&p, shop, precision);
    json_t *stages = json_array();
    for (size_t i = 0; i < p.n; i++) {
        const sage_profile_row *row = &p.rows[i];
        json_array_append_new(stages,
                              json_pack("{s:s, s:I, s:f, s:f, s:f, s:f}", "stage", row->stage, "calls",
                                        (json_int_t)row->calls, "seconds", row->seconds, "bytes", row->bytes, "flops",
                                        row->flops, "of_ceiling", row->seconds > 0 ? share_of_ceiling(&p, row) : 0));
    }
    return json_pack("{s:o, s:I, s:f, s:f, s:f, s:s, s:f}", "stages", stages, "threads", (json_int_t)p.time.threads,
                     "seconds", p.time.wall_s, "cpu_seconds", p.time.cpu_s, "core_bytes_per_s", p.bytes_ceiling,
                     "precision", precision, "core_flops_per_s", p.flops_ceiling);
}
