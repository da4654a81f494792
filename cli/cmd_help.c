/* itemsage help */
#include "cli.h"
#include <string.h>

static int run(const cli_args *args) {
    int words;
    bool man = cli_given(args, "man");
    const char *first = args->n_operands ? args->operands[0] : NULL,
               *second = args->n_operands > 1 ? args->operands[1] : NULL;
    if (!first && man)
        cli_man_page(NULL);
    else if (!first)
        cli_help_overview();
    else if (strcmp(first, "options") == 0)
        cli_help_options();
    else {
        const cli_command *command = cli_find_command(first, second, &words);
        if (!command || (second && words == 1)) return cli_no_command(first, second);
        if (man)
            cli_man_page(command);
        else
            cli_help_command(command);
    }
    return CLI_DONE;
}

static const cli_flag flags[] = {{"man", 0, NULL, "Writes the man page in place of the help."}, {NULL, 0, NULL, NULL}};

const cli_command cli_help = {
    .name = "help",
    .operands = "[COMMAND | options]",
    .max_operands = 2,
    .summary = "Help on a command, or the list of all options",
    .text = "Shows what a command does, its options and an example. `itemsage help options` lists every option that "
            "--set and the shop's itemsage.conf take, with bounds and defaults.",
    .flags = flags,
    .example = "itemsage help import products",
    .run = run,
};
