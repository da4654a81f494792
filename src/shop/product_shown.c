#include <shop/product_shown.h>
#include <string.h>

void sage_product_shown(const sage_product_row *row, char price[SAGE_PRICE_TEXT], sage_str shown[SAGE_SHOWN]) {
    price[0] = '\0';
    if (row->price_minor >= 0) sage_price_text(row->price_minor, row->currency, price);
    shown[SAGE_SHOW_ID] = row->id;
    shown[SAGE_SHOW_TITLE] = row->fields[SAGE_TITLE];
    shown[SAGE_SHOW_BRAND] = row->fields[SAGE_BRAND];
    shown[SAGE_SHOW_CATEGORY] = row->fields[SAGE_CATEGORY].len ? row->fields[SAGE_CATEGORY] : row->fields[SAGE_TYPE];
    shown[SAGE_SHOW_LINK] = row->link;
    shown[SAGE_SHOW_IMAGE] = row->image_link;
    shown[SAGE_SHOW_AVAILABILITY] = row->availability;
    shown[SAGE_SHOW_PRICE] = (sage_str){price, strlen(price)};
    shown[SAGE_SHOW_GROUP] = row->item_group_id;
}

size_t sage_product_words(const sage_product_row *row, sage_str texts[SAGE_FIELDS]) {
    size_t n = 0;
    for (size_t f = 0; f < SAGE_FIELDS; f++)
        if (f != SAGE_DOMAIN && f != SAGE_LINK && row->fields[f].len) texts[n++] = row->fields[f];
    return n;
}
