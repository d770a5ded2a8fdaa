#include "sqlstate.h"

#include <string.h>

static bool begins(const char *sqlstate, const char *with)
{
    return strncmp(sqlstate, with, strlen(with)) == 0;
}

enum pg_error ses_pg_error_of(const char *sqlstate)
{
    static const struct {
        const char *begins;
        enum pg_error error;
    } rows[] = {
        {"53100", PG_ERROR_FULL},  {"53", PG_ERROR_SLOW},     {"40", PG_ERROR_AGAIN},
        {"55P03", PG_ERROR_AGAIN}, {"57P0", PG_ERROR_SEARCH}, {"25006", PG_ERROR_SEARCH},
        {"08", PG_ERROR_SEARCH},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (begins(sqlstate, rows[i].begins))
            return rows[i].error;
    return PG_ERROR_POISON;
}

/* libpq has no number for what it found itself. A connection that ends under TLS is told as TLS's trouble, though
 * nothing is wrong with it: a primary was killed, and comes back without anybody's help. */
static enum ses_pg_cause cause_of_text(const char *text)
{
    if (strstr(text, "SSL SYSCALL error") != NULL || strstr(text, "SSL connection has been closed") != NULL ||
        strstr(text, "unexpected eof") != NULL)
        return SES_PG_CAUSE_UNREACHABLE;
    if (strstr(text, "SSL") != NULL || strstr(text, "certificate") != NULL)
        return SES_PG_CAUSE_TLS;
    if (strstr(text, "password") != NULL)
        return SES_PG_CAUSE_PASSWORD;
    return SES_PG_CAUSE_UNREACHABLE;
}

enum ses_pg_cause ses_pg_cause_of(const char *sqlstate, const char *text)
{
    static const struct {
        const char *begins;
        enum ses_pg_cause cause;
    } rows[] = {
        {"28", SES_PG_CAUSE_PASSWORD},     {"3D000", SES_PG_CAUSE_DATABASE},
        {"42P01", SES_PG_CAUSE_SCHEMA},    {"42703", SES_PG_CAUSE_SCHEMA},
        {"3F000", SES_PG_CAUSE_SCHEMA},    {"42501", SES_PG_CAUSE_RIGHTS},
        {"53300", SES_PG_CAUSE_TOO_MANY},  {"57P0", SES_PG_CAUSE_NO_PRIMARY},
        {"25006", SES_PG_CAUSE_READ_ONLY}, {"08", SES_PG_CAUSE_UNREACHABLE},
        {"53100", SES_PG_CAUSE_DISK_FULL},
    };

    if (sqlstate[0] == '\0')
        return cause_of_text(text);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (begins(sqlstate, rows[i].begins))
            return rows[i].cause;
    return SES_PG_CAUSE_REFUSED;
}
