/* A key that means nothing with this driver is no mistake (one file may serve both), but whoever set it should know. */
#include "settings.h"

void ses_settings_tell(const struct ses_config *config, struct ses_log *log)
{
    if (config->store_unused[0] != '\0')
        ses_log_msg(log, SES_LOG_WARN, "settings_unused",
                    "with store.driver: pg these settings mean nothing: %s", config->store_unused);
}
