#include "config.h"

#include <string.h>

enum ses_status ses_config_check_reload(const struct ses_config *old, const struct ses_config *fresh,
                                        struct ses_fault *ret_fault)
{
    const char *key = NULL;

    if (strcmp(old->listen.text, fresh->listen.text) != 0)
        key = "listen";
    else if (strcmp(old->admin.text, fresh->admin.text) != 0)
        key = "admin_listen";
    else if (strcmp(old->data_dir, fresh->data_dir) != 0)
        key = "data_dir";
    else if (old->workers != fresh->workers)
        key = "workers";
    else if (old->store_sessions_max != fresh->store_sessions_max)
        key = "store.sessions_max";
    if (key == NULL)
        return SES_OK;
    return ses_fault(ret_fault, SES_FAILED_PRECONDITION, "%s cannot be changed by a reload, restart sessiond",
                     key);
}
