#include <serve/ask.h>
#include <serve/params.h>

#define AT(member) offsetof(sage_ask, member)

const sage_ask_param sage_ask_params[SAGE_PARAMS] = {
    [SAGE_PARAM_ID_TEXT] = {"text", SAGE_PARAM_TEXT, 1, 4096, NULL, NULL, AT(query.text), "The search text."},
    [SAGE_PARAM_ID_PRODUCT] = {"product_id", SAGE_PARAM_TEXT, 1, 512, NULL, NULL, AT(query.product_id),
                               "The product's id, as the feed has it."},
    [SAGE_PARAM_ID_IMAGE] = {"image", SAGE_PARAM_PICTURE, 1, SAGE_JSON_MAX_BYTES, NULL, NULL, 0,
                             "A picture (JPEG, PNG, WebP) in Base64."},
    [SAGE_PARAM_ID_USER] = {"user_id", SAGE_PARAM_TEXT, 1, 512, NULL, NULL, AT(query.user_id),
                            "Somebody whose events the shop has."},
    [SAGE_PARAM_ID_EVENTS] = {"events", SAGE_PARAM_EVENTS, 1, 1000, NULL, NULL, 0,
                              "What was done just now, oldest first: alone, or as the newest events of user_id."},
    [SAGE_PARAM_ID_N] = {"n", SAGE_PARAM_WHOLE, 1, 1000, NULL, "10", AT(query.n), "How many results are wanted."},
    [SAGE_PARAM_ID_WHERE] = {"where", SAGE_PARAM_TEXT, 1, 16384, NULL, NULL, AT(query.where),
                             "Which products may be found, such as \"availability = in_stock and price < 50 EUR and "
                             "brand in (acme, zed)\"; /v1/columns lists what can be named."},
    [SAGE_PARAM_ID_METHOD] = {"method", SAGE_PARAM_CHOICE, 0, 0, "auto|vectors|keywords|hybrid", "\"auto\"",
                              AT(query.method),
                              "How results are found: keywords for texts alone, hybrid for texts and users; auto: of "
                              "users what was best for validation users, else vectors."},
    [SAGE_PARAM_ID_COLLAPSE] = {"collapse", SAGE_PARAM_BOOL, 0, 0, NULL, "false", AT(query.collapse),
                                "Of products that share an item_group_id, the best one alone."},
    [SAGE_PARAM_ID_AT_MOST] = {"at_most", SAGE_PARAM_LIMITS, 1, 10000, NULL, NULL, 0,
                               "At most so many results with the same value in a column of words, such as {\"brand\": "
                               "2}; in a URI brand=2,domain=5."},
    [SAGE_PARAM_ID_DIVERSITY] = {"diversity", SAGE_PARAM_REAL, 0, 1, NULL, "0", AT(query.diversity),
                                 "How much a result's likeness to better ones counts against it."},
    [SAGE_PARAM_ID_EXACT] = {"exact", SAGE_PARAM_BOOL, 0, 0, NULL, "false", AT(query.exact),
                             "Compares every product's vector, also where the index has a graph."},
    [SAGE_PARAM_ID_BUDGET] = {"budget_ms", SAGE_PARAM_REAL, 0, 60000, NULL, "0", AT(query.budget_ms),
                              "Ends a walk through the index's graph after so many milliseconds with what it has; "
                              "0: none."},
    [SAGE_PARAM_ID_FRESH] = {"fresh", SAGE_PARAM_BOOL, 0, 0, NULL, "false", AT(query.fresh),
                             "Leaves out what the user knows, and its variants."},
    [SAGE_PARAM_ID_INTERESTS] = {"interests", SAGE_PARAM_BOOL, 0, 0, NULL, "false", AT(query.interests),
                                 "Answers by several interests, whatever the model has for users."},
    [SAGE_PARAM_ID_EXPLAIN] = {"explain", SAGE_PARAM_BOOL, 0, 0, NULL, "false", AT(explain),
                               "Says of each result what its score is made of."},
    [SAGE_PARAM_ID_DEPTH] =
        {"depth", SAGE_PARAM_WHOLE, 0, 10000, NULL, "0", AT(depth),
         "How many results there are to page through, in pages of n; 0: one page. At most 1000 with diversity."},
    [SAGE_PARAM_ID_PAGE] = {"page", SAGE_PARAM_TEXT, 1, 128, NULL, NULL, AT(page),
                            "The `next` of the page before; the other parameters are those of the first page."},
};
