/* Words of store_pg.h's enums, for logs, status and metrics. */
#include <sessiond/store/store_pg.h>

const char *ses_pg_view_name(enum ses_pg_view view)
{
    static const char *const names[SES_PG_VIEW_COUNT] = {
        [SES_PG_NOBODY] = "nobody",
        [SES_PG_OPEN] = "open",
        [SES_PG_STALLED] = "stalled",
        [SES_PG_SEARCHING] = "searching",
    };

    SES_REQUIRE(view < SES_PG_VIEW_COUNT);
    return names[view];
}

const char *ses_pg_cause_name(enum ses_pg_cause cause)
{
    static const char *const names[SES_PG_CAUSE_COUNT] = {
        [SES_PG_CAUSE_NONE] = "none",
        [SES_PG_CAUSE_CONNECTING] = "connecting",
        [SES_PG_CAUSE_UNREACHABLE] = "unreachable",
        [SES_PG_CAUSE_TLS] = "tls",
        [SES_PG_CAUSE_PASSWORD] = "password",
        [SES_PG_CAUSE_DATABASE] = "database",
        [SES_PG_CAUSE_SCHEMA] = "schema",
        [SES_PG_CAUSE_FORMAT] = "format",
        [SES_PG_CAUSE_RIGHTS] = "rights",
        [SES_PG_CAUSE_TOO_MANY] = "too_many",
        [SES_PG_CAUSE_NO_PRIMARY] = "no_primary",
        [SES_PG_CAUSE_OLD_PRIMARY] = "old_primary",
        [SES_PG_CAUSE_READ_ONLY] = "read_only",
        [SES_PG_CAUSE_NO_STANDBY] = "no_standby",
        [SES_PG_CAUSE_NO_ANSWER] = "no_answer",
        [SES_PG_CAUSE_KEYS] = "keys",
        [SES_PG_CAUSE_REFUSED] = "refused",
        [SES_PG_CAUSE_DISK_FULL] = "disk_full",
        [SES_PG_CAUSE_POOLER] = "pooler",
    };

    SES_REQUIRE(cause < SES_PG_CAUSE_COUNT);
    return names[cause];
}
