/* itemsage synth events */
#include "cli.h"
#include <stdio.h>

static int run(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    sage_synth_options options = {.seed = 1};
    sage_synth_report r;
    size_t seed = 1, sessions = 0, users = 0;
    char a[32], b[32], c[32], d[32], e[32];
    if (!cli_number(args, "seed", 0, SIZE_MAX, &seed) || !cli_number(args, "sessions", 1, 1000000000, &sessions) ||
        !cli_number(args, "users", 1, 1000000000, &users) ||
        !cli_real(args, "position-power", false, &options.position_power))
        return CLI_USAGE;
    options.seed = seed;
    options.sessions = sessions;
    options.users = users;
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    if (sage_synth_events(shop, &options, args->operands[0], cli_monitor(), &r, &error) != SAGE_OK)
        result = cli_fail(&error);
    cli_end_progress();
    if (result == CLI_DONE)
        printf("SIMULATED events written to %s: %s searches; %s clicks, %s saves, %s carts, %s checkouts\n",
               args->operands[0], cli_count(r.sessions, a), cli_count(r.clicks, b), cli_count(r.saves, c),
               cli_count(r.carts, d), cli_count(r.checkouts, e));
    sage_shop_close(shop);
    return result;
}

static const cli_flag flags[] = {
    {"seed", 0, "N", "Another seed gives other shoppers; 1 where not given."},
    {"sessions", 0, "N", "Searches to simulate; chosen by the catalogue's size where not given."},
    {"users", 0, "N", "Shoppers to simulate; a fifth of the searches where not given."},
    {"position-power", 0, "ETA", "Shoppers look at position r of a list with probability r^-ETA; 0.6 where not given."},
    {NULL, 0, NULL, NULL},
};

const cli_command cli_synth_events = {
    .name = "synth events",
    .operands = "OUT.tsv",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "Simulates shoppers, to try the program on a catalogue without events",
    .text =
        "Writes a file of simulated events over the catalogue: queries made of its own words, lists by an imperfect "
        "ranking that shoppers look down, each event with the position it happened at, "
        "clicks, saves, carts and checkouts from latent preferences. The same seed and catalogue give the same "
        "file.\n\nSimulated events show that the parts work together. What a model is worth, only real events "
        "show; results on simulated ones say that they are.",
    .flags = flags,
    .example = "itemsage -C myshop synth events simulated.tsv && itemsage -C myshop import events simulated.tsv",
    .run = run,
};
