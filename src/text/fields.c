#include <text/fields.h>

const char *const sage_field_names[SAGE_FIELDS] = {
    [SAGE_TITLE] = "title",
    [SAGE_DESCRIPTION] = "description",
    [SAGE_DOMAIN] = "domain",
    [SAGE_LINK] = "link",
    [SAGE_CATEGORY] = "google_product_category",
    [SAGE_TYPE] = "product_type",
    [SAGE_BRAND] = "brand",
    [SAGE_COLOR] = "color",
    [SAGE_MATERIAL] = "material",
    [SAGE_PATTERN] = "pattern",
    [SAGE_SIZE] = "size",
    [SAGE_SIZE_TYPE] = "size_type",
};
