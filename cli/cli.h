/* The command line. One table of commands, each with its flags, from which parsing, help and the man pages come. */
#ifndef CLI_H
#define CLI_H

#include <itemsage/itemsage.h>
#include <stdbool.h>
#include <stdint.h>

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

typedef struct cli_flag {
    const char *name;    /* without its dashes; NULL closes a list */
    char letter;         /* short form, 0 = none */
    const char *metavar; /* NULL: a switch that takes no value */
    const char *help;    /* one sentence */
} cli_flag;

typedef struct cli_args cli_args;

typedef struct cli_command {
    const char *name;     /* one or two words: "import products" */
    const char *operands; /* as in the synopsis: "FILE..." or "" */
    size_t min_operands, max_operands;
    const char *summary; /* one line */
    const char *text;    /* some paragraphs, separated by blank lines */
    const cli_flag *flags;
    const char *example; /* a command line that works */
    int (*run)(const cli_args *args);
} cli_command;

extern const cli_command *const cli_commands[]; /* closed by NULL */
extern const cli_flag cli_common_flags[];

/* ---- what was given ---- */
struct cli_args {
    const cli_command *command;
    const char *shop; /* -C, else $ITEMSAGE_SHOP, else "." */
    size_t n_operands;
    const char *const *operands;
    struct {
        const cli_flag *flag;
        const char *value;
    } * given;
    size_t n_given;
};
bool cli_given(const cli_args *args, const char *flag);
const char *cli_value(const cli_args *args, const char *flag); /* the last one; NULL where not given */
/* A whole number in [min, max]; prints the fault and returns false. Leaves *value where not given. */
bool cli_number(const cli_args *args, const char *flag, size_t min, size_t max, size_t *value);
/* A number above 0, or with `zero` of at least 0; *value is 0 where the flag is not given. False: it was complained. */
bool cli_real(const cli_args *args, const char *flag, bool zero, double *value);
bool cli_share(const cli_args *args, const char *flag, double *value); /* the same from 0 to 1 */
/* The numbers of -k, as cli_number does it; *n_k stays where not given. */
bool cli_cutoffs(const cli_args *args, size_t k[SAGE_EVAL_K_MAX], size_t *n_k);
/* That what these flags (closed by NULL) name can be written, and is nothing else that the command line names. False:
 * it was complained, and *result is how to end. */
bool cli_check_outputs(const cli_args *args, const sage_shop *shop, const char *const *flags, int *result);
/* Finds the command and reads the flags. CLI_DONE, or CLI_USAGE after printing what is wrong. */
int cli_parse(int argc, char **argv, cli_args *args);
/* Says that there is no such command, or which second word is missing. */
int cli_no_command(const char *first, const char *second);
void cli_args_free(cli_args *args);

/* ---- help ---- */
void cli_help_overview(void);
void cli_help_command(const cli_command *command);
void cli_help_options(void);
void cli_man_page(const cli_command *command); /* roff; NULL: the program's own page */
const cli_command *cli_find_command(const char *first, const char *second, int *words);

/* ---- the terminal ---- */
sage_monitor *cli_monitor(void); /* messages and progress on stderr (progress on a terminal only); Ctrl-C cancels */
void cli_end_progress(void);
int cli_fail(
    const sage_error *error); /* prints "itemsage: ..." and returns CLI_FAILED (CLI_USAGE for a bad argument) */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *cli_count(uint64_t n, char out[32]); /* 1,234,567 */
/* "1 run", or "1,234 runs" where `many` is "runs". */
const char *cli_counted(uint64_t n, const char *one, const char *many, char out[64]);
void cli_print_eval(const sage_eval_report *report);
int cli_open(const cli_args *args, sage_shop **shop); /* opens the shop and applies --set */

/* Releases that are kept, for `status`; the second adds them to a json_t. */
struct json_t;
int cli_print_releases(sage_shop *shop);
int cli_add_releases(sage_shop *shop, struct json_t *root);

/* Commands, one file each. */
extern const cli_command cli_init, cli_import_products, cli_import_events, cli_import_inbox, cli_import_images,
    cli_import_vectors, cli_train, cli_embed, cli_index, cli_sync, cli_rollback, cli_eval, cli_query, cli_serve,
    cli_export, cli_forget, cli_status, cli_synth_events, cli_ablate, cli_help, cli_encoders_add, cli_encoders_list,
    cli_encoders_remove;

#endif
