/* Help and man pages, both from the tables. */
#include "cli.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char about[] = "one vector per product, learned from its texts, pictures and what shoppers did";

void cli_help_overview(void) {
    printf("itemsage %s: %s\n\nUsage: itemsage [-C SHOP] COMMAND ...\n\nCommands:\n", ITEMSAGE_VERSION, about);
    for (size_t i = 0; cli_commands[i]; i++) printf("  %-16s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    printf(
        "\n`itemsage help COMMAND` says more; `itemsage help options` lists every option of --set and itemsage.conf.\n"
        "A shop from nothing: init, import products, import events, train, embed, index; then query and eval.\n");
}

/* Breaks text at blanks so that no line is longer than the terminal's usual 80, and none ends in a blank. */
static void wrapped(const char *text, int indent, int column) {
    bool blank = false;
    while (*text) {
        int word = (int)strcspn(text, " \n");
        if (column + blank + word > 79 && column > indent) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (blank && word) {
            putchar(' ');
            column++;
        }
        fwrite(text, 1, (size_t)word, stdout);
        column += word;
        text += word;
        blank = *text == ' ';
        if (*text == '\n') {
            printf("\n%*s", text[1] == '\n' ? 0 : indent, "");
            column = indent;
        }
        if (*text) text++;
    }
    putchar('\n');
}

static void flag_left(const cli_flag *flag, char *out, size_t bytes) {
    char letter[8] = "    ";
    if (flag->letter) snprintf(letter, sizeof letter, "-%c, ", flag->letter);
    snprintf(out, bytes, "  %s--%s%s%s", letter, flag->name, flag->metavar ? " " : "",
             flag->metavar ? flag->metavar : "");
}

static void flags(const cli_flag *list) {
    char left[64];
    for (; list->name; list++) {
        flag_left(list, left, sizeof left);
        printf("%-28s", left);
        if (strlen(left) > 27) printf("\n%28s", "");
        wrapped(list->help, 28, 28);
    }
}

void cli_help_command(const cli_command *command) {
    printf("itemsage %s: %s\n\nUsage: itemsage %s%s%s%s\n\n", command->name, command->summary, command->name,
           command->flags->name ? " [options]" : "", *command->operands ? " " : "", command->operands);
    wrapped(command->text, 0, 0);
    printf("\nOptions:\n");
    flags(command->flags);
    flags(cli_common_flags);
    printf("\nExample:\n  %s\n", command->example);
}

static void bounds(const sage_option *option, char *out, size_t bytes) {
    switch (option->type) {
    case SAGE_OPT_INT: snprintf(out, bytes, "whole number, %.15g to %.15g", option->min, option->max); break;
    case SAGE_OPT_REAL: snprintf(out, bytes, "number, %g to %g", option->min, option->max); break;
    case SAGE_OPT_BOOL: snprintf(out, bytes, "on or off"); break;
    case SAGE_OPT_CHOICE: snprintf(out, bytes, "%s", option->choices); break;
    default: snprintf(out, bytes, "text"); break;
    }
}

void cli_help_options(void) {
    size_t n;
    const sage_option *table = sage_option_table(&n);
    const char *room = "";
    char range[128];
    printf("Options, for --set KEY=VALUE or a line `KEY = VALUE` in the shop's itemsage.conf.\n"
           "Sizes take k, M, G (thousands) and KiB, MiB, GiB.\n");
    for (size_t i = 0; i < n; i++) {
        if (strcmp(room, table[i].room) != 0) printf("\n%s\n", room = table[i].room);
        bounds(&table[i], range, sizeof range);
        printf("  %-24s %s (%s)\n      ", table[i].key, table[i].default_text, range);
        wrapped(table[i].help, 6, 6);
    }
}

/* ---- man pages ---- */

static void roff(const char *text) {
    bool line_start = true;
    for (; *text; text++) {
        if (*text == '\n' && text[1] == '\n') {
            printf("\n.PP\n");
            text++;
            line_start = true;
            continue;
        }
        if (line_start && (*text == '.' || *text == '\'')) fputs("\\&", stdout);
        line_start = *text == '\n';
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
    }
    putchar('\n');
}

static void man_flags(const cli_flag *list) {
    for (; list->name; list++) {
        printf(".TP\n");
        if (list->letter)
            printf(".BR \\-%c \", \" \\-\\-%s", list->letter, list->name);
        else
            printf(".B \\-\\-%s", list->name);
        if (list->metavar) printf(list->letter ? " \" \\fI%s\\fR\"" : " \\fI%s\\fR", list->metavar);
        putchar('\n');
        roff(list->help);
    }
}

static void man_name(const char *name) {
    for (; *name; name++) putchar(*name == ' ' ? '-' : *name);
}

static void man_program(void) {
    printf(".TH ITEMSAGE 1 \"\" \"itemsage %s\" \"User Commands\"\n.SH NAME\nitemsage \\- ", ITEMSAGE_VERSION);
    roff(about);
    printf(".SH SYNOPSIS\n.B itemsage\n[\\fB\\-C\\fR \\fISHOP\\fR] \\fICOMMAND\\fR ...\n.SH COMMANDS\n");
    for (size_t i = 0; cli_commands[i]; i++) {
        printf(".TP\n.BR itemsage\\-");
        man_name(cli_commands[i]->name);
        printf(" (1)\n");
        roff(cli_commands[i]->summary);
    }
    printf(".SH OPTIONS OF THE PROGRAM\nFor \\fB\\-\\-set\\fR \\fIKEY=VALUE\\fR or a line of the shop's "
           "\\fIitemsage.conf\\fR.\n");
    size_t n;
    const sage_option *table = sage_option_table(&n);
    char range[128];
    for (size_t i = 0; i < n; i++) {
        bounds(&table[i], range, sizeof range);
        printf(".TP\n.B %s\n", table[i].key);
        roff(table[i].help);
        printf("Default %s; %s.\n", table[i].default_text, range);
    }
    printf(
        ".SH EXIT STATUS\n0 done; 1 failed (one line on standard error says what, where and what to do); 2 wrong "
        "usage.\n"
        ".SH ENVIRONMENT\n.TP\n.B ITEMSAGE_SHOP\nThe shop's directory where \\fB\\-C\\fR is not given.\n.TP\n.B "
        "ITEMSAGE_ISA\n"
        "Forces an instruction set: scalar, avx2 or avx512. Where it is not to be had the best runs, and \\fBitemsage "
        "status\\fR says so.\n");
}

void cli_man_page(const cli_command *command) {
    if (!command) {
        man_program();
        return;
    }
    printf(".TH ITEMSAGE\\-");
    for (const char *c = command->name; *c; c++) putchar(*c == ' ' ? '-' : toupper((unsigned char)*c));
    printf(" 1 \"\" \"itemsage %s\" \"User Commands\"\n.SH NAME\nitemsage\\-", ITEMSAGE_VERSION);
    man_name(command->name);
    printf(" \\- ");
    roff(command->summary);
    printf(".SH SYNOPSIS\n.B itemsage %s\n[options] %s\n.SH DESCRIPTION\n", command->name, command->operands);
    roff(command->text);
    printf(".SH OPTIONS\n");
    man_flags(command->flags);
    man_flags(cli_common_flags);
    printf(".SH EXAMPLE\n.nf\n");
    roff(command->example);
    printf(".fi\n.SH SEE ALSO\n.BR itemsage (1)\n");
}
