/* The commands that change a key ring: generate, activate, revoke, retire. What a state may become is
 * the ring's business (token/token.h), here is only what an operator must be kept from. */
#include "ctl.h"

#include <inttypes.h>
#include <stdio.h>

#include <sessiond/store/store_admin.h>
#include <sessiond/store/store_pg_move.h>
#include <sessiond/token/token.h>

#include "shards.h"

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

/* ---- retiring where other machines have the key too --------------------------------------------------- */

/* A signing key's id does not say which of the two rings it is of: no other key has it. */
static unsigned kinds_of(enum ses_key_purpose purpose, enum ses_key_print_kind ret_kinds[2])
{
    ret_kinds[0] = purpose == SES_KEY_SEAL   ? SES_KEY_PRINT_SEAL
                   : purpose == SES_KEY_STEP ? SES_KEY_PRINT_STEP
                                             : SES_KEY_PRINT_LIVE;
    ret_kinds[1] = SES_KEY_PRINT_TEST;
    return ret_kinds[0] == SES_KEY_PRINT_LIVE ? 2 : 1;
}

/* In none of them before it is over in any; and a record that goes from one to another meanwhile is in none that is looked
 * at. */
static int demand_unused_in_shards(const struct shards *shards, uint16_t number)
{
    struct ses_pg_still still;
    struct ses_fault fault = {.text = ""};

    if (ses_pg_still_begin(shards->place, shards->count, &still, &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    for (unsigned i = 0; i < shards->count; i++) {
        if (ses_pg_keys_check_unused(&shards->place[i], number, &fault) != SES_OK)
            return ctl_fail("shard %u: %s", i, fault.text);
    }
    return ses_pg_still_end(&still, &fault) == SES_OK ? CTL_DONE : ctl_fail_fault(&fault);
}

/* Before the file goes: a machine that lacks a key which is not over does not start. */
static int retire_in_shards(const struct shards *shards, const char *kid, enum ses_key_purpose purpose)
{
    struct ses_fault fault = {.text = ""};
    enum ses_key_print_kind kinds[2];
    unsigned count = kinds_of(purpose, kinds);

    for (unsigned i = 0; i < shards->count; i++) {
        for (unsigned k = 0; k < count; k++) {
            if (ses_pg_keys_retire(&shards->place[i], kinds[k], kid, &fault) != SES_OK)
                return ctl_fail("shard %u: %s", i, fault.text);
        }
    }
    return CTL_DONE;
}

struct retiring {
    const struct ctl *ctl;
    const struct shards *shards; /* NULL: no other machine has the key */
    char dir[CTL_PATH_SIZE];
    char stamp[SES_KEY_STAMP_SIZE];
    enum ses_key_purpose purpose;
    uint16_t number;
    bool gone; /* its file is not here any more: it was retired on this machine before */
};

static int check_here(struct retiring *retiring)
{
    struct ses_slice kid = ses_slice_str(retiring->ctl->args[0]);
    struct ses_fault fault = {.text = ""};
    enum ses_status status = SES_OK;

    if (retiring->purpose == SES_KEY_SEAL)
        status = ses_keyring_stamp(retiring->dir, retiring->purpose, &fault, retiring->stamp);
    if (status == SES_OK)
        status = ses_keyring_check_retire(retiring->dir, kid, &fault);
    retiring->gone = status == SES_NOT_FOUND && retiring->shards != NULL;
    if (retiring->gone)
        return CTL_DONE;
    if (status != SES_OK)
        return ctl_fail_fault(&fault);
    return retiring->purpose == SES_KEY_SEAL
               ? demand_unused(retiring->ctl, retiring->dir, retiring->number, retiring->stamp)
               : CTL_DONE;
}

static int retire(struct retiring *retiring)
{
    const char *kid = retiring->ctl->args[0];
    struct ses_fault fault = {.text = ""};
    int code = check_here(retiring);

    if (code == CTL_DONE && retiring->shards != NULL && retiring->purpose == SES_KEY_SEAL)
        code = demand_unused_in_shards(retiring->shards, retiring->number);
    if (code == CTL_DONE && retiring->shards != NULL)
        code = retire_in_shards(retiring->shards, kid, retiring->purpose);
    if (code != CTL_DONE)
        return code;
    if (!retiring->gone &&
        ses_keyring_retire(retiring->dir, ses_slice_str(kid), retiring->stamp, &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    return report(retiring->ctl, kid, "retired");
}

int ctl_keys_retire(const struct ctl *ctl)
{
    static struct shards shards;
    struct ctl own = *ctl;
    struct retiring retiring = {.ctl = &own, .stamp = ""};
    bool known = ses_key_id_decode(ses_slice_str(ctl->args[0]), &retiring.purpose, &retiring.number);
    int code;

    if (!shards_are_named(ctl) && ctl_uses_pg(ctl))
        return ctl_fail(
            "sessions of %s are in PostgreSQL, whose records may need this key, and other machines wait to "
            "be told: sessiondctl keys retire %s -c FILE",
            ctl->data, ctl->args[0]);
    if (!shards_are_named(ctl))
        return ctl_path(&own, "keys", retiring.dir) ? retire(&retiring) : CTL_FAILED;
    if (!known)
        return ctl_fail(
            "not a key id: k4.pid. and 44 characters are expected, or seal- or step- and a number");
    code = shards_open(ctl, &shards);
    if (code != CTL_DONE)
        return code;
    own.data = shards.data;
    retiring.shards = &shards;
    code = ctl_path(&own, "keys", retiring.dir) ? retire(&retiring) : CTL_FAILED;
    shards_close(&shards);
    return code;
}
