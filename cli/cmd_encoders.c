/* itemsage encoders add, list, remove */
#include "cli.h"
#include <jansson.h>
#include <stdio.h>

static void print_about(const sage_encoder_about *a) {
    char parameters[32], files[32];
    if (*a->damage) {
        printf("%s: damaged: %s\n", a->name, a->damage);
        return;
    }
    printf("%s: %s, ", a->name, a->family);
    if (a->texts)
        printf("texts of up to %llu tokens", (unsigned long long)a->max_tokens);
    else
        printf("pictures of %llu x %llu", (unsigned long long)a->picture_size, (unsigned long long)a->picture_size);
    printf(" to %llu numbers; %s parameters in %s; %.1f MB in %s files; identity %s\n", (unsigned long long)a->dim,
           cli_count(a->parameters, parameters), a->precision, (double)a->bytes / 1e6, cli_count(a->files, files),
           a->identity);
}

static json_t *about_json(const sage_encoder_about *a) {
    if (*a->damage) return json_pack("{s:s, s:s}", "name", a->name, "damage", a->damage);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:s}", "name", a->name, "family", a->family,
                     "kind", a->texts ? "texts" : "pictures", "dim", (json_int_t)a->dim, "max_tokens",
                     (json_int_t)a->max_tokens, "picture_size", (json_int_t)a->picture_size, "parameters",
                     (json_int_t)a->parameters, "precision", a->precision, "bytes", (json_int_t)a->bytes, "files",
                     (json_int_t)a->files, "identity", a->identity);
}

static void print_json(json_t *root) {
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

static int run_add(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    sage_encoder_about about;
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    if (sage_encoder_add(shop, args->operands[0], args->operands[1], cli_given(args, "replace"), cli_monitor(), &about,
                         &error) != SAGE_OK)
        result = cli_fail(&error);
    cli_end_progress();
    if (result == CLI_DONE && cli_given(args, "json"))
        print_json(about_json(&about));
    else if (result == CLI_DONE)
        print_about(&about);
    sage_shop_close(shop);
    return result;
}

static const cli_flag add_flags[] = {
    {"replace", 0, NULL, "Puts it in the place of the encoder that has this name."},
    {"json", 0, NULL, "Prints what was found as JSON."},
    {NULL, 0, NULL, NULL},
};

const cli_command cli_encoders_add = {
    .name = "encoders add",
    .operands = "NAME PATH",
    .min_operands = 2,
    .max_operands = 2,
    .summary = "Takes a pretrained encoder of texts or pictures into the shop",
    .text = "Checks a folder of weights as Hugging Face writes it (config.json, model.safetensors and what stands "
            "beside them), says what it holds, and copies it into the shop under NAME, whole or not at all. The "
            "folder is not needed after that.\n\n"
            "Texts: BERT and DistilBERT, with a WordPiece tokenizer (tokenizer.json or vocab.txt). Pictures: the "
            "picture side of CLIP and SigLIP, DINOv2, MobileNetV2. What does not fit is refused with the reason.\n\n"
            "Its identity is a hash of what it reads: vectors that were made by the same content are found again, "
            "whatever the name.",
    .flags = add_flags,
    .example = "itemsage -C myshop encoders add minilm weights/minilm-l6",
    .run = run_add,
};

static int run_list(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    sage_encoder_about *encoders = NULL;
    size_t n = 0;
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    if (sage_encoders_list(shop, &encoders, &n, &error) != SAGE_OK) {
        result = cli_fail(&error);
    } else if (cli_given(args, "json")) {
        json_t *list = json_array();
        for (size_t i = 0; i < n; i++) json_array_append_new(list, about_json(&encoders[i]));
        print_json(list);
    } else {
        for (size_t i = 0; i < n; i++) print_about(&encoders[i]);
        if (n == 0) printf("no encoders; 'itemsage encoders add NAME PATH' takes one in\n");
    }
    sage_encoders_free(encoders);
    sage_shop_close(shop);
    return result;
}

static const cli_flag list_flags[] = {{"json", 0, NULL, "Prints it as JSON."}, {NULL, 0, NULL, NULL}};

const cli_command cli_encoders_list = {
    .name = "encoders list",
    .operands = "",
    .summary = "The pretrained encoders of the shop",
    .text = "Names each with its family, what it takes, how many numbers it gives, its parameters and their precision, "
            "its size on disk and its identity. One whose files are not as they were is named as damaged.",
    .flags = list_flags,
    .example = "itemsage -C myshop encoders list",
    .run = run_list,
};

static int run_remove(const cli_args *args) {
    sage_error error;
    sage_shop *shop;
    int result = cli_open(args, &shop);
    if (result != CLI_DONE) return result;
    if (sage_encoder_remove(shop, args->operands[0], &error) != SAGE_OK)
        result = cli_fail(&error);
    else
        printf("%s is removed; vectors that it made stay\n", args->operands[0]);
    sage_shop_close(shop);
    return result;
}

static const cli_flag remove_flags[] = {{NULL, 0, NULL, NULL}};

const cli_command cli_encoders_remove = {
    .name = "encoders remove",
    .operands = "NAME",
    .min_operands = 1,
    .max_operands = 1,
    .summary = "Removes a pretrained encoder",
    .text = "Removes the encoder's folder from the shop, at once. Vectors that it made stay.",
    .flags = remove_flags,
    .example = "itemsage -C myshop encoders remove minilm",
    .run = run_remove,
};
