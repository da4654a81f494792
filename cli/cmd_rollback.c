/* itemsage rollback; and what status says of the releases that are kept */
#include "cli.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *day(uint64_t published_s, char out[32]) {
    const time_t at = (time_t)published_s;
    struct tm utc;
    out[0] = '\0';
    if (published_s > 0 && gmtime_r(&at, &utc) != NULL) strftime(out, 32, ", %Y-%m-%d %H:%M UTC", &utc);
    return out;
}

int cli_print_releases(sage_shop *shop) {
    sage_error error;
    sage_kept_release kept[SAGE_KEPT_MAX];
    size_t n;
    char when[32];
    if (sage_shop_releases(shop, kept, &n, &error) != SAGE_OK) return cli_fail(&error);
    for (size_t i = n; n > 1 && i-- > 0;)
        printf("  %-22s %" PRIu64 " (model %" PRIu64 "%s)%s\n", i + 1 == n ? "kept releases" : "", kept[i].release,
               kept[i].model, day(kept[i].published_s, when), kept[i].in_force ? ", in force" : "");
    return CLI_DONE;
}

int cli_add_releases(sage_shop *shop, json_t *root) {
    sage_error error;
    sage_kept_release kept[SAGE_KEPT_MAX];
    size_t n;
    if (sage_shop_releases(shop, kept, &n, &error) != SAGE_OK) return cli_fail(&error);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            list, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "release", (json_int_t)kept[i].release, "model",
                            (json_int_t)kept[i].model, "query_model", (json_int_t)kept[i].query_model, "keywords",
                            (json_int_t)kept[i].keywords, "revision", (json_int_t)kept[i].catalogue_revision,
                            "published", (json_int_t)kept[i].published_s, "in_force", kept[i].in_force));
    json_object_set_new(root, "releases", list);
    return CLI_DONE;
}

static int run_rollback(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    sage_kept_release now;
    uint64_t wanted = 0;
    if (args->n_operands > 0) {
        const char *text = args->operands[0];
        char *end = NULL;
        wanted = strtoull(text, &end, 10);
        if (*text < '1' || *text > '9' || *end != '\0')
            return cli_usage("'%s' is no number of a release; 'itemsage status' lists them", text);
    }
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    if (sage_rollback(shop, wanted, &now, &error) != SAGE_OK)
        result = cli_fail(&error);
    else
        printf("Release %" PRIu64 " (model %" PRIu64 ") is in force again, until the next 'sync' or 'index'\n",
               now.release, now.model);
    sage_shop_close(shop);
    return result;
}

static const cli_flag no_flags[] = {{NULL, 0, NULL, NULL}};

const cli_command cli_rollback = {
    .name = "rollback",
    .operands = "[RELEASE]",
    .max_operands = 1,
    .summary = "Publishes an older release again",
    .text =
        "Puts a release that was in force before back in force, by its number as `status` lists it; without a number "
        "the one that was in force before, and after going back the newest that is older. It is opened and "
        "verified first; then `current` is replaced at once. keep_releases releases are kept.\n\n"
        "The catalogue stays as it is, so that the next `sync` or `index` publishes from it again: where a feed was "
        "at fault, stop the timer until it is mended.",
    .flags = no_flags,
    .example = "itemsage -C myshop rollback",
    .run = run_rollback,
};
