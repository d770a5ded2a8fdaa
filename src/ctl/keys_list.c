/* All rings as a table or as JSON. Ids and states, no key ever leaves its file here. */
#include "ctl.h"

#include <stdio.h>

#include <sessiond/base/rfc3339.h>
#include <sessiond/token/token.h>

static int print_json(const struct ses_key_info *keys, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        char created[SES_RFC3339_SIZE];

        ses_rfc3339_encode(keys[i].created_ms, created);
        (void)json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}", "kid", keys[i].kid, "purpose",
                                                    ses_key_purpose_name(keys[i].purpose), "state",
                                                    ses_key_state_name(keys[i].purpose, keys[i].state),
                                                    "created", created));
    }
    return ctl_print_json(json_pack("{s:o}", "keys", list), true, CTL_DONE);
}

static int print_table(const struct ses_key_info *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char created[SES_RFC3339_SIZE];

        ses_rfc3339_encode(keys[i].created_ms, created);
        printf("%s  %-11s  %s  %s\n", ses_key_purpose_name(keys[i].purpose),
               ses_key_state_name(keys[i].purpose, keys[i].state), created, keys[i].kid);
    }
    return CTL_DONE;
}

/* A ring that sessiond would not load: every purpose needs its one active key. Half-done activations count as
 * one. */
static int check_loads(const char *dir)
{
    static const enum ses_key_purpose sealing[] = {SES_KEY_SEAL, SES_KEY_STEP};
    struct ses_keyring *ring = NULL;
    struct ses_seal_ring seals;
    struct ses_fault fault = {.text = ""};

    if (ses_keyring_load(dir, &ring, &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    ses_keyring_free(ring);
    for (size_t i = 0; i < sizeof(sealing) / sizeof(sealing[0]); i++) {
        if (ses_seal_ring_load(dir, sealing[i], &seals, &fault) != SES_OK)
            return ctl_fail_fault(&fault);
        ses_seal_ring_free(&seals);
    }
    return CTL_DONE;
}

/* Lists first and judges afterwards: the operator of a faulty ring needs to see it. */
int ctl_keys_list(const struct ctl *ctl)
{
    static struct ses_key_info keys[SES_KEYRING_LIST_MAX];
    struct ses_fault fault = {.text = ""};
    char dir[CTL_PATH_SIZE];
    size_t count = 0;
    int code;

    if (!ctl_path(ctl, "keys", dir))
        return CTL_FAILED;
    if (ses_keyring_list(dir, keys, &count, &fault) != SES_OK) {
        code = ctl_fail_fault(&fault);
    } else {
        code = ctl->json ? print_json(keys, count) : print_table(keys, count);
        if (code == CTL_DONE)
            code = check_loads(dir);
    }
    return code;
}
