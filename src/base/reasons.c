/* The columns of the table that are told on the wire, in the order of the enum. */
#include <sessiond/base/reasons.h>

#define PAGE "docs/errors.md#"

static const struct {
    const char *name;
    const char *help;
    enum ses_status status;
    enum ses_retry retry;
} rows[SES_REASON_COUNT] = {[SES_REASON_NONE] = {"", "docs/errors.md", SES_UNKNOWN, SES_RETRY_NO},
#define ROW(name, status, retry, meaning, cause, remedy)                                                     \
    [SES_REASON_##name] = {#name, PAGE #name, SES_##status, SES_RETRY_##retry},
                            SES_REASON_TABLE(ROW)
#undef ROW
};

const char *ses_reason_name(enum ses_reason reason)
{
    return rows[reason].name;
}

enum ses_status ses_reason_status(enum ses_reason reason)
{
    return rows[reason].status;
}

enum ses_retry ses_reason_retry(enum ses_reason reason)
{
    return rows[reason].retry;
}

const char *ses_reason_help(enum ses_reason reason)
{
    return rows[reason].help;
}
