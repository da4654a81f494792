/* Files that a command is to write, looked at before its work. */
#include "cli.h"
#include <string.h>

/* The file in a flag's value: FILE, or NAME=FILE. */
static const char *file_of(const cli_flag *flag, const char *value) {
    const char *equals = strchr(value, '=');
    return flag->metavar && strcmp(flag->metavar, "NAME=FILE") == 0 && equals ? equals + 1 : value;
}

/* Another flag that names this file, or NULL. */
static const char *also(const cli_args *args, const char *name, const char *path) {
    for (size_t i = 0; i < args->n_given; i++) {
        const cli_flag *flag = args->given[i].flag;
        if (!flag->metavar || !strstr(flag->metavar, "FILE") || strcmp(flag->name, name) == 0) continue;
        if (strcmp(file_of(flag, args->given[i].value), path) == 0) return flag->name;
    }
    return NULL;
}

bool cli_check_outputs(const cli_args *args, const sage_shop *shop, const char *const *flags, int *result) {
    sage_error error;
    for (; *flags; flags++) {
        const char *path = cli_value(args, *flags), *other = path ? also(args, *flags, path) : NULL;
        if (!path) continue;
        if (other)
            *result = cli_usage("'--%s' would write over what '--%s' names, %s", *flags, other, path);
        else if (sage_shop_check_output(shop, path, &error) != SAGE_OK)
            *result = cli_fail(&error);
        else
            continue;
        return false;
    }
    return true;
}
