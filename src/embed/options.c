#include <embed/embed.h>
#include <string.h>

const sage_option sage_embed_options[] = {
    {"embed", "embed_precision", SAGE_OPT_CHOICE, 0, 0, "f32|bf16|int8", "f32",
     "Precision in which product vectors are computed: bf16 and int8 are faster, and rounded. Another one than before "
     "computes all vectors anew."},
    {NULL},
};

sage_precision sage_embed_precision(const sage_options *options) {
    const char *name = sage_options_text(options, "embed_precision");
    for (int p = SAGE_PRECISION_BF16; p <= SAGE_PRECISION_INT8; p++)
        if (strcmp(name, sage_precision_name((sage_precision)p)) == 0) return (sage_precision)p;
    return SAGE_PRECISION_F32;
}
