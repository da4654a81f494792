/* The names of surfaces, kinds of event, and tasks. */
#include <catalog/catalog.h>
#include <stdio.h>

const char *const sage_surface_names[SAGE_SURFACES] = {"search", "image", "product", "user"};
const char *const sage_event_names[SAGE_EVENT_KINDS] = {"click", "save", "add_to_cart", "checkout"};

void sage_task_name(unsigned task, char out[32]) {
    if (task >= SAGE_TASKS) {
        snprintf(out, 32, "task %u", task);
        return;
    }
    snprintf(out, 32, "%s/%s", sage_surface_names[task / SAGE_EVENT_KINDS], sage_event_names[task % SAGE_EVENT_KINDS]);
}
