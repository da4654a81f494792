/* itemsage: finds the command and runs it. */
#include "cli.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

const cli_command *const cli_commands[] = {&cli_init,
                                           &cli_import_products,
                                           &cli_import_events,
                                           &cli_import_inbox,
                                           &cli_import_images,
                                           &cli_import_vectors,
                                           &cli_train,
                                           &cli_embed,
                                           &cli_index,
                                           &cli_sync,
                                           &cli_rollback,
                                           &cli_eval,
                                           &cli_ablate,
                                           &cli_query,
                                           &cli_serve,
                                           &cli_export,
                                           &cli_forget,
                                           &cli_status,
                                           &cli_encoders_add,
                                           &cli_encoders_list,
                                           &cli_encoders_remove,
                                           &cli_synth_events,
                                           &cli_help,
                                           NULL};

/* OpenBLAS starts threads when it is loaded, and where memory is too limited for them its end waits for them for ever.
 * Everything is written and closed by now. */
static int leave(int result) {
    struct rlimit memory;
    if (getrlimit(RLIMIT_AS, &memory) == 0 && memory.rlim_cur != RLIM_INFINITY) {
        fflush(stderr);
        _exit(result);
    }
    return result;
}

static int run(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("itemsage %s\n", ITEMSAGE_VERSION);
        return CLI_DONE;
    }
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_help_overview();
        return argc < 2 ? CLI_USAGE : CLI_DONE;
    }
    cli_args args;
    int result = cli_parse(argc, argv, &args);
    if (result == CLI_DONE) result = args.command->run(&args);
    cli_args_free(&args);
    return result;
}

int main(int argc, char **argv) {
    int result = run(argc, argv);
    if (fflush(stdout) != 0 && result == CLI_DONE) {
        fprintf(stderr, "itemsage: cannot write the output\n");
        result = CLI_FAILED;
    }
    return leave(result);
}
