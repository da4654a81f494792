#include <base/error.h>
#include <locale.h>
#include <report/sections.h>

static void write_all(sage_page *page, const sage_report_data *data) {
    sage_page_text(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                         "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
                         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                         "'unsafe-inline'; img-src data:\"/>\n"
                         "<link rel=\"icon\" href=\"data:,\"/>\n<title>");
    sage_page_name(page, data->head.shop);
    sage_page_text(page, " \xe2\x80\x93 evaluation</title>\n<style>\n");
    sage_page_text(page, sage_report_style);
    sage_page_text(page, "</style>\n</head>\n<body>\n");
    sage_report_head_of(page, data);
    sage_page_text(page, "<main id=\"main\">\n");
    sage_report_verdict(page, data);
    sage_report_recall(page, data);
    sage_report_curves(page, data);
    sage_report_differences(page, data);
    sage_report_graded(page, data);
    sage_report_slices(page, data);
    sage_report_reach(page, data);
    sage_report_calibration(page, data);
    sage_report_queries(page, data);
    sage_report_map(page, data);
    sage_report_training(page, data);
    sage_report_ablation(page, data);
    sage_report_figures(page, data);
    sage_page_text(page, "</main>\n</body>\n</html>\n");
}

sage_status sage_report_write(const sage_report_data *data, sage_buf *out, sage_error *error) {
    sage_page page = {.out = out, .error = error};
    /* Numbers have a point whatever the caller's locale says. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) return sage_fail_memory(error, 0);
    locale_t before = uselocale(plain);
    write_all(&page, data);
    uselocale(before);
    freelocale(plain);
    return page.st;
}
