#include <base/alloc.h>
#include <base/error.h>
#include <serve/curves.h>
#include <serve/judged.h>
#include <shop/report_parts.h>

static void write_lines(sage_json_out *out, const char *name, const sage_training_line *lines, size_t n) {
    sage_out_key(out, name);
    sage_out_open(out, '[');
    for (size_t l = 0; l < n; l++) {
        sage_out_open(out, '{');
        sage_out_text_at(out, "name", lines[l].name);
        sage_out_key(out, "points");
        sage_out_open(out, '[');
        for (size_t i = 0; i < lines[l].n; i++) {
            sage_out_open(out, '[');
            sage_out_real(out, lines[l].step[i]);
            sage_out_float(out, lines[l].value[i]);
            sage_out_close(out, ']');
        }
        sage_out_close(out, ']');
        sage_out_close(out, '}');
    }
    sage_out_close(out, ']');
}

sage_status sage_curves_write(const sage_shop *shop, uint64_t model, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_json_out json = {.buf = out};
    sage_training *training = sage_alloc_zero(1, sizeof *training);
    if (training == NULL) return sage_fail_memory(error, sizeof *training);
    SAGE_TRY(sage_report_training_read(shop, model, training, error));
    sage_out_open(&json, '{');
    sage_out_whole_at(&json, "model", (int64_t)model);
    write_lines(&json, "losses", training->losses, training->n_losses);
    write_lines(&json, "validations", training->validations, training->n_validations);
    SAGE_TRY(sage_judged_write(shop, model, &json, error));
    sage_out_close(&json, '}');
    if (json.st != SAGE_OK) st = sage_fail_memory(error, out->len);
out:
    sage_free(training);
    return st;
}
