/* The commands that change a key ring: generate, activate, revoke, retire. What a state may become is
 * the ring's business (token/token.h), here is only what an operator must be kept from. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>

#include <sessiond/store/store_admin.h>
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
    const bool wanted[SES_KEY_PURPOSE_COUNT] = {[SES_KEY_TEST] = ctl->test,
                                                [SES_KEY_LIVE] = ctl->live,
                                                [SES_KEY_SEAL] = ctl->seal,
                                                [SES_KEY_STEP] = ctl->step};
    enum ses_key_purpose purpose = SES_KEY_PURPOSE_COUNT;
    struct ses_fault fault = {.text = ""};
    char kid[SES_KID_SIZE];
    char dir[CTL_PATH_SIZE];
    unsigned given = 0;

    for (unsigned i = 0; i < SES_KEY_PURPOSE_COUNT; i++) {
        if (wanted[i]) {
            purpose = (enum ses_key_purpose)i;
            given++;
        }
    }
    if (given != 1) {
        (void)ctl_fail("keys generate needs one of --test, --live, --seal, --step (see --help)");
        return CTL_USAGE;
    }
    if (!ctl_path(ctl, "keys", dir))
        return CTL_FAILED;
    if (ses_keyring_generate(dir, purpose, &fault, kid) != SES_OK)
        return ctl_fail_fault(&fault);
    return report(ctl, kid, ses_key_state_name(purpose, SES_KEY_NEXT));
}

static int set_state(const struct ctl *ctl, enum ses_key_state state)
{
    struct ses_fault fault = {.text = ""};
    char dir[CTL_PATH_SIZE];

    if (!ctl_path(ctl, "keys", dir))
        return CTL_FAILED;
    if (ses_keyring_set_state(dir, ses_slice_str(ctl->args[0]), state, &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    return report(ctl, ctl->args[0], ses_key_state_name(SES_KEY_TEST, state)); /* of all purposes alike */
}

/* A worker that does not know the key yet refuses what another one signs or seals with it. */
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
    return ctl_fail("not every worker has loaded this key, and one that has not would refuse what it makes; "
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

/* ---- retiring a seal key ------------------------------------------------------------------------------ */

struct sealed {
    uint16_t number;
    uint64_t count;
};

/* Headers are plain: no key is needed to see which one sealed. */
static bool on_row(void *arg, const struct ses_scan_row *row)
{
    struct sealed *sealed = arg;

    sealed->count += row->seal_key == sealed->number ? 1 : 0;
    return true;
}

/* Nobody seals with it any more, and no record is left that somebody did: as long as the ring stays what stamp says,
 * that stays so. Records that are over count as well: they go by themselves. */
static int demand_unused(const struct ctl *ctl, const char *keys, uint16_t number, const char *stamp)
{
    struct ses_fault fault = {.text = ""};
    struct sealed sealed = {.number = number};
    char shards[CTL_PATH_SIZE];
    bool current = true;
    long pid = 0;

    if (!ctl_path(ctl, "shards", shards))
        return CTL_FAILED;
    if (ctl_server_runs(ctl, &pid) && ses_keyring_is_current(keys, stamp, &fault, &current) != SES_OK)
        return ctl_fail_fault(&fault);
    if (!current)
        return ctl_fail(
            "not every worker has loaded the ring as it is, and one that has not may still seal with this "
            "key; kill -HUP %ld, wait for the log's event \"reloaded\", then retire",
            pid);
    enum ses_status status = ses_store_scan(shards, NULL, 0, on_row, &sealed);

    if (status != SES_OK)
        return ctl_fail("%s: what this key sealed cannot be found out: %s; run 'sessiondctl store verify'",
                        shards, ses_status_name(status));
    if (sealed.count > 0)
        return ctl_fail("%" PRIu64
                        " records are sealed with this key, and would be lost; they leave with their time "
                        "(store.gc_age_seconds)",
                        sealed.count);
    return CTL_DONE;
}

int ctl_keys_retire(const struct ctl *ctl)
{
    enum ses_key_purpose purpose = SES_KEY_TEST;
    char stamp[SES_KEY_STAMP_SIZE] = "";
    struct ses_fault fault = {.text = ""};
    struct ses_slice kid = ses_slice_str(ctl->args[0]);
    char dir[CTL_PATH_SIZE];
    uint16_t number;
    int code = CTL_DONE;

    if (!ctl_path(ctl, "keys", dir))
        return CTL_FAILED;
    if (ses_key_id_decode(kid, &purpose, &number) && purpose == SES_KEY_SEAL) {
        if (ses_keyring_stamp(dir, purpose, &fault, stamp) != SES_OK ||
            ses_keyring_check_retire(dir, kid, &fault) != SES_OK)
            return ctl_fail_fault(&fault);
        code = demand_unused(ctl, dir, number, stamp);
    }
    if (code != CTL_DONE)
        return code;
    if (ses_keyring_retire(dir, kid, stamp, &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    return report(ctl, ctl->args[0], "retired");
}
