/* Reading a command line by the table of commands. */
#include "cli.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const cli_flag cli_common_flags[] = {
    {"shop", 'C', "SHOP", "The shop's directory; else $ITEMSAGE_SHOP, else the current directory."},
    {"set", 's', "KEY=VALUE", "Sets an option for this call; may be repeated. `itemsage help options` lists them."},
    {"help", 'h', NULL, "Shows this help."},
    {NULL, 0, NULL, NULL},
};

/* "products, events or images" for a first word that needs a second; false where it is no such word. */
static bool second_words(const char *first, char *out, size_t bytes) {
    size_t len = strlen(first), n = 0, at = 0, found = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; cli_commands[i]; i++) {
            const char *name = cli_commands[i]->name;
            if (strncmp(name, first, len) != 0 || name[len] != ' ') continue;
            if (pass == 0) {
                n++;
                continue;
            }
            const char *between = !found ? "" : found + 1 == n ? " or " : ", ";
            found++;
            at += (size_t)snprintf(out + at, bytes - at, "%s%s", between, name + len + 1);
        }
    return n > 0;
}

int cli_no_command(const char *first, const char *second) {
    char words[128];
    if (second_words(first, words, sizeof words))
        return cli_usage("'itemsage %s' needs one of: %s; see 'itemsage --help'", first, words);
    return cli_usage("no command '%s%s%s'; see 'itemsage --help'", first, second ? " " : "", second ? second : "");
}

/* As one would type it: -n, --method. */
static const char *dashes(const char *flag) {
    return flag[1] ? "--" : "-";
}

const cli_command *cli_find_command(const char *first, const char *second, int *words) {
    for (size_t i = 0; cli_commands[i]; i++) {
        const char *name = cli_commands[i]->name, *blank = strchr(name, ' ');
        size_t head = blank ? (size_t)(blank - name) : strlen(name);
        if (strncmp(name, first, head) != 0 || first[head]) continue;
        if (blank && (!second || strcmp(blank + 1, second) != 0)) continue;
        *words = blank ? 2 : 1;
        return cli_commands[i];
    }
    return NULL;
}

static const cli_flag *find_long(const cli_flag *flags, const char *name, size_t len) {
    for (; flags->name; flags++)
        if (strlen(flags->name) == len && memcmp(flags->name, name, len) == 0) return flags;
    return NULL;
}

static const cli_flag *find_short(const cli_flag *flags, char letter) {
    for (; flags->name; flags++)
        if (flags->letter == letter) return flags;
    return NULL;
}

/* Names like "-n", "--json", "--k=10,100". Sets *value to what stands in the same word, or NULL. */
static const cli_flag *find_flag(const cli_command *command, const char *word, const char **value) {
    const cli_flag *flag;
    *value = NULL;
    if (word[1] != '-') {
        flag = find_short(command->flags, word[1]);
        if (!flag) flag = find_short(cli_common_flags, word[1]);
        if (flag && word[2]) *value = word + 2;
        return flag;
    }
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    if (equals) *value = equals + 1;
    flag = find_long(command->flags, name, len);
    return flag ? flag : find_long(cli_common_flags, name, len);
}

static int read_flag(cli_args *args, char **argv, int argc, int *at) {
    const char *word = argv[*at], *value;
    const cli_flag *flag = find_flag(args->command, word, &value);
    if (!flag && !*args->command->name)
        return cli_usage("unknown option '%s' before the command; see 'itemsage --help'", word);
    if (!flag)
        return cli_usage("unknown option '%s' for 'itemsage %s'; see 'itemsage help %s'", word, args->command->name,
                         args->command->name);
    if (!flag->metavar && value) return cli_usage("'%s%s' takes no value", dashes(flag->name), flag->name);
    if (flag->metavar && !value) {
        if (*at + 1 >= argc)
            return cli_usage("'%s%s' needs a value: %s%s %s", dashes(flag->name), flag->name, dashes(flag->name),
                             flag->name, flag->metavar);
        value = argv[++*at];
    }
    args->given[args->n_given].flag = flag;
    args->given[args->n_given++].value = value;
    return CLI_DONE;
}

static int check(cli_args *args) {
    const cli_command *command = args->command;
    if (cli_given(args, "help")) {
        cli_help_command(command);
        exit(CLI_DONE);
    }
    if (args->n_operands < command->min_operands || args->n_operands > command->max_operands)
        return cli_usage("usage: itemsage %s%s%s%s; see 'itemsage help %s'", command->name,
                         command->flags->name ? " [options]" : "", *command->operands ? " " : "", command->operands,
                         command->name);
    const char *shop = cli_value(args, "shop"), *environment = getenv("ITEMSAGE_SHOP");
    args->shop = shop ? shop : environment && *environment ? environment : ".";
    return CLI_DONE;
}

int cli_parse(int argc, char **argv, cli_args *args) {
    int words = 0, at = 1;
    memset(args, 0, sizeof *args);
    /* -C SHOP and --set may stand before the command. */
    args->given = calloc((size_t)argc, sizeof *args->given);
    const char **operands = calloc((size_t)argc, sizeof *operands);
    args->operands = operands;
    if (!args->given || !operands) return cli_usage("out of memory");
    static const cli_flag none[] = {{NULL, 0, NULL, NULL}};
    static const cli_command before = {.name = "", .flags = none};
    for (args->command = &before; at < argc && argv[at][0] == '-' && argv[at][1]; at++)
        if (read_flag(args, argv, argc, &at) != CLI_DONE) return CLI_USAGE;
    if (at >= argc) return cli_usage("no command; see 'itemsage --help'");
    args->command = cli_find_command(argv[at], at + 1 < argc ? argv[at + 1] : NULL, &words);
    if (!args->command) return cli_no_command(argv[at], NULL);
    bool flags_end = false;
    for (at += words; at < argc; at++) {
        if (!flags_end && strcmp(argv[at], "--") == 0)
            flags_end = true;
        else if (!flags_end && argv[at][0] == '-' && argv[at][1]) {
            if (read_flag(args, argv, argc, &at) != CLI_DONE) return CLI_USAGE;
        } else
            operands[args->n_operands++] = argv[at];
    }
    return check(args);
}

void cli_args_free(cli_args *args) {
    free(args->given);
    free((void *)(uintptr_t)args->operands);
}

bool cli_given(const cli_args *args, const char *flag) {
    for (size_t i = 0; i < args->n_given; i++)
        if (strcmp(args->given[i].flag->name, flag) == 0) return true;
    return false;
}

const char *cli_value(const cli_args *args, const char *flag) {
    for (size_t i = args->n_given; i-- > 0;)
        if (strcmp(args->given[i].flag->name, flag) == 0) return args->given[i].value;
    return NULL;
}

/* Leaves *value where the flag is not given; false: it is no number. */
static bool read_real(const cli_args *args, const char *name, double *value) {
    char *end;
    const char *text = cli_value(args, name);
    if (!text) return true;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value);
}

bool cli_share(const cli_args *args, const char *name, double *value) {
    *value = 0;
    if (read_real(args, name, value) && *value >= 0 && *value <= 1) return true;
    cli_usage("'--%s' takes a number from 0 to 1, not '%s'", name, cli_value(args, name));
    return false;
}

bool cli_real(const cli_args *args, const char *name, bool zero, double *value) {
    const char *text = cli_value(args, name);
    *value = 0;
    if (!text || (read_real(args, name, value) && *value >= 0 && (*value > 0 || zero))) return true;
    cli_usage("'--%s' takes a number %s 0, not '%s'", name, zero ? "of at least" : "above", text);
    return false;
}

bool cli_number(const cli_args *args, const char *flag, size_t min, size_t max, size_t *value) {
    const char *text = cli_value(args, flag);
    if (!text) return true;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || number < min || number > max) {
        cli_usage("'%s%s' must be a whole number from %zu to %zu, not '%s'", dashes(flag), flag, min, max, text);
        return false;
    }
    *value = (size_t)number;
    return true;
}

bool cli_cutoffs(const cli_args *args, size_t k[SAGE_EVAL_K_MAX], size_t *n_k) {
    const char *text = cli_value(args, "k");
    char *end;
    for (; text != NULL; text = *end ? end + 1 : NULL) {
        unsigned long long number = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || (*end && *end != ',')) {
            cli_usage("'-k' takes numbers such as 10,100, not '%s'", cli_value(args, "k"));
            return false;
        }
        if (*n_k == SAGE_EVAL_K_MAX) {
            cli_usage("'-k' takes at most %d numbers", SAGE_EVAL_K_MAX);
            return false;
        }
        k[(*n_k)++] = (size_t)number;
    }
    return true;
}
