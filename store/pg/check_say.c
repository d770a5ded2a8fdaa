/* How the parts of a check ask, and how they tell what they have found. */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const level_names[SES_PG_LEVEL_COUNT] = {"fine", "hint", "wrong"};

const char *ses_pg_level_name(enum ses_pg_level level)
{
    return level_names[level];
}

void ses_pg_check_say(const struct pg_check *check, enum ses_pg_level level, const char *what,
                      const char *remedy, const char *format, ...)
{
    char text[SES_FAULT_SIZE];
    struct ses_pg_finding finding = {
        .level = level, .what = what, .text = text, .remedy = remedy == NULL ? "" : remedy};
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    check->asked->on_finding(check->asked->arg, &finding);
}

bool ses_pg_check_ask(struct pg_check *check, const char *what, const char *text, PGresult **ret_result)
{
    struct ses_fault fault = {.text = ""};

    *ret_result = NULL;
    if (check->admin.conn == NULL) /* lost by an earlier question, which has told it */
        return false;
    if (ses_pg_admin_ask(&check->admin, text, NULL, 0, &fault, ret_result) == SES_OK)
        return true;
    ses_pg_check_say(check, SES_PG_WRONG, what, "look into the server's log", "it cannot be looked at: %s",
                     fault.text);
    return false;
}
