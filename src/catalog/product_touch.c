#include <base/error.h>
#include <catalog/product_touch.h>
#include <inttypes.h>

sage_status sage_product_touch_init(sage_product_touch *touch, sage_catalog *catalog, int64_t revision,
                                    sage_error *error) {
    sage_status st = SAGE_OK;
    *touch = (sage_product_touch){.revision = revision};
    sage_buf_init(&touch->scratch, 64 << 20);
    SAGE_TRY(sage_db_prepare(catalog->db, "UPDATE products SET revision = ?2, fingerprint = ?3 WHERE pid = ?1",
                             &touch->update, error));
    SAGE_TRY(sage_product_cursor_open_one(catalog, &touch->products, error));
out:
    return st;
}

void sage_product_touch_free(sage_product_touch *touch) {
    sqlite3_finalize(touch->update);
    sage_product_cursor_close(touch->products);
    sage_buf_free(&touch->scratch);
    *touch = (sage_product_touch){0};
}

sage_status sage_product_touch_run(sage_product_touch *touch, int64_t pid, const sage_pictures *now,
                                   sage_error *error) {
    sage_status st = SAGE_OK;
    const sage_product_row *product = NULL;
    sage_picture list[SAGE_IMAGES_MAX];
    unsigned char fingerprint[16];
    SAGE_TRY(sage_product_cursor_seek(touch->products, pid, &product, error));
    if (product == NULL) {
        st = sage_fail(error, SAGE_E_INTERNAL, "product %" PRId64 " is gone within one transaction", pid);
        goto out;
    }
    size_t n = sage_pictures_list(now, list);
    SAGE_TRY(sage_fingerprint_make(product->fields, list, n, &touch->scratch, fingerprint, error));
    sqlite3_bind_int64(touch->update, 1, pid);
    sqlite3_bind_int64(touch->update, 2, touch->revision);
    sage_bind_blob16(touch->update, 3, fingerprint);
    SAGE_TRY(sage_db_run(touch->update, error));
out:
    return st;
}
