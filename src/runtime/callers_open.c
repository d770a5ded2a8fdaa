/* Configured or not is told by the configuration alone: a file that is gone must stop a server, not open it. */
#include "callers_open.h"

#include <stdio.h>
#include <unistd.h>

static enum ses_status check_unused(const struct ses_layout *layout, struct ses_fault *fault)
{
    char path[SES_CONFIG_PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%.*s/" SES_CALLERS_FILE, SES_CONFIG_PATH_SIZE / 2, layout->dir);
    if (access(path, F_OK) != 0)
        return SES_OK;
    return ses_fault(fault, SES_FAILED_PRECONDITION,
                     "%s is there, but the configuration does not say `callers: " SES_CALLERS_FILE
                     "`: nobody would be asked for a key. Say so there, or move the file away",
                     path);
}

enum ses_status ses_callers_open(const struct ses_config *config, const struct ses_layout *layout,
                                 struct ses_callers **ret_callers, struct ses_fault *ret_fault)
{
    *ret_callers = NULL;
    if (config->callers[0] == '\0')
        return check_unused(layout, ret_fault);
    return ses_config_place(config, SES_CONFIG_AT_CALLERS,
                            ses_callers_load(config->callers, layout->callers_key, ret_callers, ret_fault),
                            ret_fault);
}

_Static_assert(SES_METRIC_CALLER_NAME_SIZE == SES_CALLER_NAME_MAX + 1, "every name fits");

/* The cell of that name, or the first free one, which becomes it. */
static unsigned place_of(struct ses_caller_cell *cells, struct ses_slice name)
{
    unsigned i = 0;

    while (i < SES_METRIC_CALLERS_MAX && atomic_load_explicit(&cells[i].named, memory_order_relaxed) != 0 &&
           !ses_slice_eq_str(name, cells[i].name))
        i++;
    if (i == SES_METRIC_CALLERS_MAX || atomic_load_explicit(&cells[i].named, memory_order_relaxed) != 0)
        return i;
    (void)snprintf(cells[i].name, sizeof(cells[i].name), "%.*s", SES_FMT(name));
    atomic_store_explicit(&cells[i].named, 1, memory_order_release);
    return i;
}

void ses_callers_place(struct ses_callers *callers, struct ses_board *board)
{
    for (size_t i = 0; callers != NULL && i < ses_callers_count(callers); i++)
        ses_callers_set_cell(
            callers, i, place_of(ses_board_supervisor(board)->callers, ses_callers_at(callers, i)->name));
}

void ses_callers_tell(const struct ses_callers *callers, struct ses_log *log)
{
    if (callers == NULL)
        ses_log_msg(log, SES_LOG_INFO, "callers_open",
                    "nobody is asked who calls: whoever reaches the port may do everything (callers)");
    else
        ses_log_msg(log, SES_LOG_INFO, "callers_asked", "%zu callers are known", ses_callers_count(callers));
}
