/* What a worker holds of the rings, and what a listing says of them. Of the keys that sign a worker keeps one secret
 * of each purpose, the active one's, and of each that verifies what is derived from its secret, which signs nothing;
 * all the other secrets are wiped right after they were read. Of those that seal it keeps every one that opens.
 */
#include "ring.h"

#include <stdlib.h>

static enum ses_status derive(struct ses_key_set *set, const char *path, struct ses_fault *fault)
{
    for (size_t i = 0; i < set->count; i++) {
        if (ses_key_derive(&set->keys[i]) != SES_OK)
            return ses_fault(fault, SES_NO_MEMORY, "%s: out of guarded memory", path);
    }
    return SES_OK;
}

/* What a worker needs no more: every secret but the active one; and a key that a dying activation left behind
 * as active is what it would have become. */
static void reduce(struct ses_key_set *set, const struct ses_key *active)
{
    for (size_t i = 0; i < set->count; i++) {
        struct ses_key *key = &set->keys[i];

        if (key == active)
            continue;
        ses_secret_free(&key->secret);
        if (key->state == SES_KEY_ACTIVE)
            key->state = SES_KEY_VERIFY_ONLY;
    }
}

/* The shared lock makes the keys one picture: no half of an activation by a living sessiondctl. */
static enum ses_status load_purpose(const char *dir, enum ses_key_purpose purpose, struct ses_fault *fault,
                                    struct ses_keyring *keyring)
{
    struct ses_key *active = NULL;
    struct ses_ring ring;
    enum ses_status status;

    SES_TRY(ses_ring_open(dir, purpose, false, fault, &ring));
    status = ses_ring_active(&ring, fault, &active);
    if (status == SES_OK)
        status = derive(&ring.set, ring.path, fault);
    if (status == SES_OK) {
        reduce(&ring.set, active);
        keyring->active[purpose] = active;
        keyring->set[purpose] = ring.set;
        ring.set = (struct ses_key_set){.count = 0};
    }
    ses_ring_close(&ring);
    return status;
}

enum ses_status ses_keyring_load(const char *dir, struct ses_keyring **ret_ring, struct ses_fault *ret_fault)
{
    struct ses_keyring *ring = calloc(1, sizeof(*ring));

    if (ring == NULL)
        return ses_fault(ret_fault, SES_NO_MEMORY, "%s: out of memory", dir);
    enum ses_status status = load_purpose(dir, SES_KEY_TEST, ret_fault, ring);
    if (status == SES_OK)
        status = load_purpose(dir, SES_KEY_LIVE, ret_fault, ring);
    if (status != SES_OK) {
        ses_keyring_free(ring);
        return status;
    }
    *ret_ring = ring;
    return SES_OK;
}

void ses_keyring_free(struct ses_keyring *ring)
{
    if (ring == NULL)
        return;
    ses_key_set_done(&ring->set[0]);
    ses_key_set_done(&ring->set[1]);
    free(ring);
}

/* The active key first, then whatever still opens; the secrets move. */
static void take_secrets(struct ses_key_set *set, struct ses_key *active, struct ses_seal_ring *ring)
{
    SES_REQUIRE(active != NULL);
    for (size_t i = 0; i <= set->count; i++) {
        struct ses_key *key = i == 0 ? active : &set->keys[i - 1];

        if (key->secret.len == 0) /* revoked, or the active one once more */
            continue;
        ring->secret[ring->count] = key->secret;
        ring->key[ring->count] = (struct ses_seal_key){key->number, &ring->secret[ring->count]};
        ring->count++;
        key->secret = (struct ses_secret){.len = 0};
    }
}

enum ses_status ses_seal_ring_load(const char *dir, enum ses_key_purpose purpose,
                                   struct ses_seal_ring *ret_ring, struct ses_fault *ret_fault)
{
    struct ses_key *active = NULL;
    struct ses_ring ring;
    enum ses_status status;

    SES_REQUIRE(ses_key_seals(purpose));
    ret_ring->count = 0;
    SES_TRY(ses_ring_open(dir, purpose, false, ret_fault, &ring));
    status = ring.set.count > 0
                 ? ses_ring_active(&ring, ret_fault, &active)
                 : ses_fault(ret_fault, SES_NOT_FOUND,
                             "%s: no such file: restore it from the backup of keys/", ring.first_path);
    if (status == SES_OK)
        take_secrets(&ring.set, active, ret_ring);
    ses_ring_close(&ring);
    return status;
}

void ses_seal_ring_free(struct ses_seal_ring *ring)
{
    while (ring->count > 0)
        ses_secret_free(&ring->secret[--ring->count]);
}

static enum ses_status list_purpose(const char *dir, enum ses_key_purpose purpose, struct ses_fault *fault,
                                    struct ses_key_info *ret_keys, size_t *count)
{
    struct ses_ring ring;

    SES_TRY(ses_ring_open(dir, purpose, false, fault, &ring));
    for (size_t i = 0; i < ring.set.count; i++) {
        const struct ses_key *key = &ring.set.keys[i];
        struct ses_key_info *info = &ret_keys[(*count)++];

        *info = (struct ses_key_info){.purpose = purpose, .state = key->state, .created_ms = key->created_ms};
        memcpy(info->kid, key->kid, sizeof(info->kid));
    }
    ses_ring_close(&ring);
    return SES_OK;
}

enum ses_status ses_keyring_list(const char *dir, struct ses_key_info *ret_keys, size_t *ret_count,
                                 struct ses_fault *ret_fault)
{
    static const enum ses_key_purpose order[] = {SES_KEY_TEST, SES_KEY_LIVE, SES_KEY_SEAL, SES_KEY_STEP};
    size_t count = 0;

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
        SES_TRY(list_purpose(dir, order[i], ret_fault, ret_keys, &count));
    *ret_count = count;
    return SES_OK;
}
