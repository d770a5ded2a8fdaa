/* The commands that change a key ring: generate, activate, revoke, retire. What a state may become is
 * the ring's business (token/token.h), here is only what an operator must be kept from. */
#include "ctl.h"

#include <stdio.h>

#include <sessiond/token/token.h>

/* Changes are on disk when this is printed; a running sessiond learns of them by SIGHUP. */
static int report(const struct ctl *ctl, const char *kid, const char *what)
{
    if (ctl->json)
        return ctl_print_json(json_pack("{s:s,s:s}", "kid", kid, "state", what), false, CTL_DONE);
    printf("%s %s\n", kid, what);
    (void)fputs("sessiond reads it on SIGHUP or at its next start\n", stderr);
    return CTL_DONE;
}

/* The purpose must be said: a default would sooner or later put a key into the wrong ring. */
int ctl_keys_generate(const struct ctl *ctl)
{
    struct ses_fault fault = {.text = ""};
    char kid[SES_KID_SIZE];
    char dir[CTL_PATH_SIZE];

    if (ctl->test == ctl->live) {
        (void)ctl_fail("keys generate needs either --test or --live (see --help)");
        return CTL_USAGE;
    }
    if (!ctl_path(ctl, "keys", dir))
        return CTL_FAILED;
    if (ses_keyring_generate(dir, ctl->test, &fault, kid) != SES_OK)
        return ctl_fail_fault(&fault);
    return report(ctl, kid, ses_key_state_name(SES_KEY_NEXT));
}

static int set_state(const struct ctl *ctl, enum ses_key_state state)
{
    struct ses_fault fault = {.text = ""};
    char dir[CTL_PATH_SIZE];

    if (!ctl_path(ctl, "keys", dir))
        return CTL_FAILED;
    if (ses_keyring_set_state(dir, ses_slice_str(ctl->args[0]), state, &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    return report(ctl, ctl->args[0], ses_key_state_name(state));
}

/* A worker that does not know the key yet refuses what another one signs with it. */
static int demand_loaded(const struct ctl *ctl)
{
    struct ses_fault fault = {.text = ""};
    char dir[CTL_PATH_SIZE];
    long pid = 0;
    bool loaded;

    if (!ctl_server_runs(ctl, &pid))
        return CTL_DONE;
    if (!ctl_path(ctl, "keys", dir))
        return CTL_FAILED;
    if (ses_keyring_is_loaded(dir, ses_slice_str(ctl->args[0]), &fault, &loaded) != SES_OK)
        return ctl_fail_fault(&fault);
    if (loaded)
        return CTL_DONE;
    return ctl_fail("not every worker has loaded this key, and one that has not would refuse its tokens; "
                    "kill -HUP %ld, wait for the log's event \"reloaded\", then activate",
                    pid);
}

int ctl_keys_activate(const struct ctl *ctl)
{
    int code = demand_loaded(ctl);

    if (code != CTL_DONE)
        return code;
    return set_state(ctl, SES_KEY_ACTIVE);
}

/* Nothing is asked of the server: a key that is known to others must go at once. */
int ctl_keys_revoke(const struct ctl *ctl)
{
    return set_state(ctl, SES_KEY_REVOKED);
}

int ctl_keys_retire(const struct ctl *ctl)
{
    struct ses_fault fault = {.text = ""};
    char dir[CTL_PATH_SIZE];

    if (!ctl_path(ctl, "keys", dir))
        return CTL_FAILED;
    if (ses_keyring_retire(dir, ses_slice_str(ctl->args[0]), &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    return report(ctl, ctl->args[0], "retired");
}
