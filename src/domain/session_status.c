/* What the statuses are called, and which of them are the end. */
#include <sessiond/domain/session.h>

static const struct {
    const char *name;
    bool closed;
} statuses[SES_SESSION_STATUS_COUNT] = {
    [0] = {"UNSPECIFIED", true},
    [SES_SESSION_OPEN] = {"OPEN", false},
    [SES_SESSION_AUTHENTICATING] = {"AUTHENTICATING", false},
    [SES_SESSION_REDIRECTED] = {"REDIRECTED", false},
    [SES_SESSION_RETURNED] = {"RETURNED", false},
    [SES_SESSION_PROCESSING] = {"PROCESSING", false},
    [SES_SESSION_COMPLETED] = {"COMPLETED", true},
    [SES_SESSION_FAILED] = {"FAILED", true},
    [SES_SESSION_EXPIRED] = {"EXPIRED", false},
    [SES_SESSION_REVOKED] = {"REVOKED", true},
};

_Static_assert(SES_SESSION_STATUS_COUNT == 10, "a new status needs a row above");

bool ses_session_closed(enum ses_session_status status)
{
    return status >= SES_SESSION_STATUS_COUNT || statuses[status].closed;
}

const char *ses_session_status_name(enum ses_session_status status)
{
    return status >= SES_SESSION_STATUS_COUNT ? statuses[0].name : statuses[status].name;
}
