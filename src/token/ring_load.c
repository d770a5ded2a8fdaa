/* What a worker holds of the ring, and what a listing says of it. A worker keeps one secret of each purpose,
 * the active one's; all the others are wiped right after they were read.
 */
#include "ring.h"

#include <stdlib.h>

#include <sessiond/base/random.h>

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

/* Neither none nor two are guessed at: signing with the wrong key is worse than not starting. */
static enum ses_status choose_active(struct ses_keyring *ring, bool test, const char *path,
                                     struct ses_fault *fault)
{
    size_t count = 0;
    const struct ses_key *active = ses_key_set_active(&ring->set[test], &count);

    if (active == NULL)
        return ses_fault(fault, SES_FAILED_PRECONDITION,
                         "%s: %s; activate the right one with sessiondctl keys activate", path,
                         count == 0 ? "no key is active" : "more than one key is active");
    reduce(&ring->set[test], active);
    ring->active[test] = active;
    return SES_OK;
}

/* The shared lock makes the keys one picture: no half of an activation by a living sessiondctl. */
static enum ses_status load_purpose(const char *dir, bool test, struct ses_fault *fault,
                                    struct ses_keyring *ring)
{
    char path[SES_RING_PATH_SIZE];
    struct ses_keydir keydir;

    SES_TRY(ses_ring_path(dir, test, fault, path));
    SES_TRY(ses_keydir_open(path, false, fault, &keydir));
    enum ses_status status = ses_key_set_read(&keydir, test, fault, &ring->set[test]);
    ses_keydir_close(&keydir);
    SES_TRY(status);
    return choose_active(ring, test, path, fault);
}

enum ses_status ses_keyring_load(const char *dir, struct ses_keyring **ret_ring, struct ses_fault *ret_fault)
{
    struct ses_keyring *ring = calloc(1, sizeof(*ring));

    if (ring == NULL)
        return ses_fault(ret_fault, SES_NO_MEMORY, "%s: out of memory", dir);
    ses_random_init(); /* guarded memory needs libsodium's start; harmless when that was done */
    enum ses_status status = load_purpose(dir, true, ret_fault, ring);
    if (status == SES_OK)
        status = load_purpose(dir, false, ret_fault, ring);
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

static enum ses_status list_purpose(const char *dir, bool test, struct ses_fault *fault,
                                    struct ses_key_info *ret_keys, size_t *ret_count)
{
    char path[SES_RING_PATH_SIZE];
    struct ses_keydir keydir;
    struct ses_key_set set;

    SES_TRY(ses_ring_path(dir, test, fault, path));
    SES_TRY(ses_keydir_open(path, false, fault, &keydir));
    enum ses_status status = ses_key_set_read(&keydir, test, fault, &set);
    ses_keydir_close(&keydir);
    SES_TRY(status);
    for (size_t i = 0; i < set.count; i++) {
        ret_keys[i] = (struct ses_key_info){
            .test = test, .state = set.keys[i].state, .created_ms = set.keys[i].created_ms};
        memcpy(ret_keys[i].kid, set.keys[i].kid, sizeof(ret_keys[i].kid));
    }
    *ret_count = set.count;
    ses_key_set_done(&set);
    return SES_OK;
}

enum ses_status ses_keyring_list(const char *dir, struct ses_key_info *ret_keys, size_t *ret_count,
                                 struct ses_fault *ret_fault)
{
    size_t test_count = 0;
    size_t live_count = 0;

    ses_random_init();
    SES_TRY(list_purpose(dir, true, ret_fault, ret_keys, &test_count));
    SES_TRY(list_purpose(dir, false, ret_fault, ret_keys + test_count, &live_count));
    *ret_count = test_count + live_count;
    return SES_OK;
}
