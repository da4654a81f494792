/* `itemsage synth events` */
#include <base/error.h>
#include <shop/shop.h>
#include <synth/synth.h>

sage_status sage_synth_events(sage_shop *shop, const sage_synth_options *options, const char *out_file,
                              const sage_monitor *monitor, sage_synth_report *report, sage_error *error) {
    sage_status st = SAGE_OK;
    sage_catalog *catalog = NULL;
    SAGE_TRY(sage_shop_catalog(shop, false, &catalog, error));
    SAGE_TRY(sage_synth_write(catalog, options, out_file, monitor, report, error));
out:
    sage_catalog_close(catalog);
    return st;
}
