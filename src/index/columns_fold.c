#include <base/error.h>
#include <index/columns.h>
#include <text/normalise.h>

/* "a>b" and "a  >b" are the path "a > b", and "in_stock" is "in stock". */
sage_status sage_column_fold(sage_str word, sage_buf *out, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_buf folded;
    sage_buf_init(&folded, SIZE_MAX);
    sage_buf_clear(out);
    SAGE_TRY(sage_normalise(word.data, word.len, &folded, error));
    for (size_t i = 0; i < folded.len; i++) {
        const bool blank = folded.data[i] == ' ' || folded.data[i] == '_';
        if (folded.data[i] == '>') {
            const bool first = out->len == 0, last = i + 1 == folded.len;
            if (!first && out->data[out->len - 1] != ' ') SAGE_TRY(sage_buf_byte(out, ' ', error));
            SAGE_TRY(sage_buf_text(out, last ? ">" : "> ", error));
        } else if (!blank) {
            SAGE_TRY(sage_buf_byte(out, folded.data[i], error));
        } else if (out->len > 0 && out->data[out->len - 1] != ' ') {
            SAGE_TRY(sage_buf_byte(out, ' ', error));
        }
    }
    if (out->len > 0 && out->data[out->len - 1] == ' ') out->len--;
out:
    sage_buf_free(&folded);
    return st;
}
