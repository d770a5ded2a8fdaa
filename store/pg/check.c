/* Looking through a database: the order of the parts, and the keys. */
#include "check.h"

static void check_keys(struct pg_check *check)
{
    struct ses_pg_keys_view view;
    struct ses_fault fault = {.text = ""};
    enum ses_status status;

    if (check->asked->keys == NULL || !check->tables)
        return;
    status = ses_pg_keys_compare(&check->asked->place, check->asked->keys, check->asked->keys_count, &view,
                                 &fault);
    if (status != SES_OK)
        ses_pg_check_say(check, SES_PG_WRONG, "keys", "this machine must not start before that is right",
                         "%s", fault.text);
    else if (view.told.text[0] != '\0')
        ses_pg_check_say(check, SES_PG_WRONG, "keys", "copy it before one of them activates it", "%s",
                         view.told.text);
    else if (view.known == 0)
        ses_pg_check_say(
            check, SES_PG_FINE, "keys", NULL,
            "no machine has brought its keys yet: those of the first one that starts will count");
    else
        ses_pg_check_say(check, SES_PG_FINE, "keys", NULL, "this machine's fit the %zu that are known",
                         view.known);
}

enum ses_status ses_pg_check(const struct ses_pg_check *asked, struct ses_fault *ret_fault)
{
    struct pg_check check = {.asked = asked};

    SES_TRY(ses_pg_target_init(&check.target, asked->place.conninfo, ret_fault));
    if (ses_pg_check_nodes(&check)) {
        ses_pg_check_tables(&check);
        ses_pg_check_role(&check);
        ses_pg_check_settings(&check);
        check_keys(&check);
    }
    ses_pg_admin_close(&check.admin);
    ses_pg_target_done(&check.target);
    return SES_OK;
}
