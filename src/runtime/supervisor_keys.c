/* Tells sessiondctl which signing keys every worker knows, so that none is made active before. The supervisor
 * sees names, no key. */
#include "supervisor.h"

#include <sessiond/token/token.h>

/* What sessiondctl goes by when it takes a key away must be longer than any token or step lives. */
enum {
#define LONGEST(section, key, low, high, usual) LONGEST_##section##_##key = (high),
    SES_CONFIG_SESSION(LONGEST)
#undef LONGEST
};
_Static_assert(SES_KEY_REST_DAYS * 86400 > LONGEST_session_ttl_seconds &&
                   SES_KEY_REST_DAYS * 86400 > LONGEST_session_step_seconds,
               "see SES_KEY_REST_DAYS");

static void complain(struct ses_supervisor *sup, const struct ses_fault *fault)
{
    ses_log_msg(&sup->log, SES_LOG_WARN, "keys_unnoted", "sessiondctl cannot activate a new key: %s",
                fault->text);
}

void ses_supervisor_see_keys(struct ses_supervisor *sup)
{
    struct ses_fault fault = {.text = ""};

    ses_buf_done(&sup->keys);
    if (ses_keyring_list_ids(sup->layout.keys, &fault, &sup->keys) != SES_OK) {
        complain(sup, &fault);
        ses_buf_init(&sup->keys, 0);
    }
}

void ses_supervisor_note_keys(struct ses_supervisor *sup)
{
    struct ses_fault fault = {.text = ""};

    if (sup->keys.len > 0 &&
        ses_keyring_note_loaded(sup->layout.keys, ses_buf_view(&sup->keys), &fault) != SES_OK)
        complain(sup, &fault);
}
