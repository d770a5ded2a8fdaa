/* Workers may open files, not names (confine.h): who writes a new /etc/resolv.conf gets new workers. */
#include "supervisor.h"

/* What is noticed while workers are replaced anyway is noticed again afterwards. */
void ses_supervisor_watch_files(struct ses_supervisor *sup, uint64_t now_ms)
{
    const char *path;

    if (sup->config.confine != SES_CONFINE_ON || sup->rolling || sup->loading || sup->stopping ||
        sup->upgrade.pid != 0)
        return;
    path = ses_confine_watch_changed(&sup->confine_watch, now_ms);
    if (path == NULL)
        return;
    ses_log_msg(&sup->log, SES_LOG_INFO, "files_replaced",
                "%s is a new file: the workers are replaced, so that they can open it", path);
    ses_supervisor_begin_rolling(sup);
}
