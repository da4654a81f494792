/* itemsage init */
#include "cli.h"
#include <stdio.h>

static int run(const cli_args *args) {
    sage_error error;
    const char *dir = args->n_operands ? args->operands[0] : args->shop;
    if (sage_shop_init(dir, &error) != SAGE_OK) return cli_fail(&error);
    printf("%s is a shop now; next: itemsage -C %s import products FILE\n", dir, dir);
    return CLI_DONE;
}

static const cli_flag flags[] = {{NULL, 0, NULL, NULL}};

const cli_command cli_init = {
    .name = "init",
    .operands = "[SHOP]",
    .max_operands = 1,
    .summary = "Makes a directory an empty shop",
    .text = "Makes the shop's directory with an empty catalogue and an itemsage.conf to put options into. An existing "
            "shop is left as it is.",
    .flags = flags,
    .example = "itemsage init myshop",
    .run = run,
};
