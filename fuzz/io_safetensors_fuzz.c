/* Every tensor of a file that opens lies inside it, aligned, and has the size of its shape. The first byte says whether
 * the rest is the file or tokens to make its header of, with 64 bytes of data behind. */
#include "fuzz.h"
#include "fuzz_tokens.h"
#include <io/safetensors.h>
#include <string.h>

static const char *const tokens[] = {"{\"a\":{",
                                     "},\"b\":{",
                                     "}}",
                                     "\"dtype\":\"F32\"",
                                     "\"dtype\":\"U8\"",
                                     "\"dtype\":\"I64\"",
                                     "\"shape\":[",
                                     "]",
                                     ",",
                                     "\"data_offsets\":[",
                                     "0",
                                     "1",
                                     "2",
                                     "4",
                                     "8",
                                     "16",
                                     "64",
                                     "9223372036854775807",
                                     "-1",
                                     "\"__metadata__\":{\"format\":\"pt\"}",
                                     "{}",
                                     "{",
                                     "}",
                                     "\"c\":{",
                                     "\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[",
                                     "0,16]",
                                     "16,32]",
                                     "8,24]",
                                     " "};

static void look(const uint8_t *data, size_t size) {
    sage_safetensors *file;
    sage_error error = {0};
    if (sage_safetensors_open(fuzz_file(data, size), &file, &error) != SAGE_OK) {
        FUZZ_CHECK(file == NULL && error.text[0] != '\0');
        return;
    }
    size_t total = 0;
    for (size_t i = 0; i < sage_safetensors_count(file); i++) {
        const sage_tensor *tensor = sage_safetensors_at(file, i);
        size_t bytes = sage_dtype_bytes(tensor->dtype);
        FUZZ_CHECK((uintptr_t)tensor->data % bytes == 0);
        for (size_t d = 0; d < tensor->n_dims; d++) bytes *= tensor->dim[d];
        FUZZ_CHECK(bytes == tensor->bytes);
        fuzz_touch(tensor->data, tensor->bytes);
        total += bytes;
        FUZZ_CHECK(sage_safetensors_find(file, tensor->name) == tensor);
    }
    FUZZ_CHECK(total <= size);
    const char *note = sage_safetensors_meta(file, "format");
    if (note != NULL) fuzz_touch(note, strlen(note));
    sage_safetensors_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { ROOM = 1 << 16, DATA = 64 };
    static char file[8 + ROOM + DATA];
    if (size == 0) return 0;
    if (data[0] % 2 == 0) {
        look(data + 1, size - 1);
        return 0;
    }
    uint64_t n = fuzz_tokens(tokens, sizeof tokens / sizeof tokens[0], data + 1, size - 1, file + 8, ROOM - 8);
    for (; n % 8 != 0; n++) file[8 + n] = ' ';
    memcpy(file, &n, 8);
    memset(file + 8 + n, 1, DATA);
    look((const uint8_t *)file, 8 + n + DATA);
    return 0;
}
