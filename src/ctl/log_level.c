/* sessiondctl log-level: how much the running server logs, until it is told otherwise, reloads or starts again. */
#include "ctl.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <sessiond/base/log.h>

#include "operator_call.h"

#define NAME_SIZE 32

static bool is_level(const char *name)
{
    for (int level = SES_LOG_DEBUG; level <= SES_LOG_ERROR; level++) {
        if (strcmp(name, ses_log_level_name((enum ses_log_level)level)) == 0)
            return true;
    }
    return false;
}

/* "debug" as LOG_LEVEL_DEBUG. */
static json_t *make_request(const char *name)
{
    char text[NAME_SIZE];
    int len = snprintf(text, sizeof(text), "LOG_LEVEL_%s", name);

    for (int i = 0; i < len; i++)
        text[i] = (char)toupper((unsigned char)text[i]);
    return json_pack("{s:s}", "level", text);
}

int ctl_log_level(const struct ctl *ctl)
{
    struct ctl_operator *server;
    json_t *answer = NULL;
    enum ctl_operator_end end;

    if (!is_level(ctl->args[0])) {
        (void)ctl_fail("the level is one of debug, info, warn, error");
        return CTL_USAGE;
    }
    server = ctl_operator_open(ctl);
    if (server == NULL)
        return CTL_FAILED;
    end = ctl_operator_call(server, "SetLogLevel", "DefaultTenantId", "DefaultMerchantId",
                            make_request(ctl->args[0]), true, &answer);
    json_decref(answer);
    ctl_operator_close(server);
    return end == CTL_OPERATOR_OK ? CTL_DONE : CTL_FAILED;
}
