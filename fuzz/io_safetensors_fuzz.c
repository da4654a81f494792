/* Every tensor of a file that opens lies inside it, aligned, and has the size of its shape. */
#include "fuzz.h"
#include <io/safetensors.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sage_safetensors *file;
    sage_error error = {0};
    if (sage_safetensors_open(fuzz_file(data, size), &file, &error) != SAGE_OK) {
        FUZZ_CHECK(file == NULL && error.text[0] != '\0');
        return 0;
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
    return 0;
}
