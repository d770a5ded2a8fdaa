/* What sessiondctl does to a ring: one directory locked, its keys read, one file written or removed; an
 * activation writes two, and says why no death between them leaves a ring that does not load.
 */
#include "ring.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <sessiond/base/clock.h>

#define DAY_MS UINT64_C(86400000)

/* The number behind the highest one: a number that was given names one key for good, in old backups too. */
static uint16_t next_number(const struct ses_ring *ring)
{
    size_t count = ring->set.count;

    if (!ses_key_seals(ring->purpose))
        return 0;
    return (uint16_t)(count == 0 ? 1 : ring->set.keys[count - 1].number + 1);
}

/* The secret exists in guarded memory and in the file, nowhere else. */
static enum ses_status write_new(const struct ses_ring *ring, enum ses_key_state state,
                                 struct ses_fault *fault, char *ret_kid)
{
    uint16_t number = next_number(ring);
    struct ses_key key;

    if (ring->set.count == SES_KEYRING_KEYS_MAX)
        return ses_fault(fault, SES_FULL, "%s: %d keys already; retire old ones", ring->path,
                         SES_KEYRING_KEYS_MAX);
    if (ses_key_seals(ring->purpose) && number == 0)
        return ses_fault(fault, SES_FULL, "%s: there is no number above 65535", ring->path);
    if (ses_key_new(ring->purpose, number, state, ses_clock_wall_ms(), &key) != SES_OK)
        return ses_fault(fault, SES_NO_MEMORY, "%s: out of guarded memory", ring->path);
    enum ses_status status = ses_ring_write(ring, &key, fault);
    if (status == SES_OK)
        memcpy(ret_kid, key.kid, sizeof(key.kid));
    ses_key_done(&key);
    return status;
}

/* Only an empty ring is filled: one whose keys were all retired by mistake is a fault that loading reports,
 * and a new key would hide it. Several first starts at once are sorted out by the lock. */
static enum ses_status init_purpose(const char *dir, enum ses_key_purpose purpose, struct ses_fault *fault)
{
    char path[SES_RING_PATH_SIZE];
    char kid[SES_KID_SIZE];
    struct ses_ring ring;

    SES_TRY(ses_ring_path(dir, purpose, fault, path));
    SES_TRY(ses_keydir_make(path, fault));
    SES_TRY(ses_ring_open(dir, purpose, true, fault, &ring));
    enum ses_status status = ring.set.count == 0 ? write_new(&ring, SES_KEY_ACTIVE, fault, kid) : SES_OK;
    ses_ring_close(&ring);
    return status;
}

enum ses_status ses_keyring_init_dir(const char *dir, struct ses_fault *ret_fault)
{
    SES_TRY(ses_keydir_make(dir, ret_fault));
    SES_TRY(init_purpose(dir, SES_KEY_TEST, ret_fault));
    return init_purpose(dir, SES_KEY_LIVE, ret_fault);
}

/* The first one where earlier versions look for it, so that one of them can take the data directory over. */
enum ses_status ses_seal_ring_init(const char *dir, enum ses_key_purpose purpose, struct ses_fault *ret_fault)
{
    struct ses_secret secret = {.len = 0};
    struct ses_ring ring;
    enum ses_status status = SES_OK;

    SES_TRY(ses_ring_open(dir, purpose, true, ret_fault, &ring));
    if (ring.set.count == 0)
        status = ses_secret_file_open(ring.first_path, true, &secret, ret_fault);
    ses_secret_free(&secret);
    ses_ring_close(&ring);
    return status;
}

enum ses_status ses_keyring_generate(const char *dir, enum ses_key_purpose purpose,
                                     struct ses_fault *ret_fault, char *ret_kid)
{
    struct ses_ring ring;

    SES_TRY(ses_ring_open(dir, purpose, true, ret_fault, &ring));
    enum ses_status status = write_new(&ring, SES_KEY_NEXT, ret_fault, ret_kid);
    ses_ring_close(&ring);
    return status;
}

/* replaces may point into key itself, hence the copy. */
static enum ses_status write_state(const struct ses_ring *ring, struct ses_key *key, enum ses_key_state state,
                                   const char *replaces, struct ses_fault *fault)
{
    char copy[SES_KID_SIZE] = "";

    if (replaces != NULL)
        memcpy(copy, replaces, strlen(replaces) + 1);
    memcpy(key->replaces, copy, sizeof(copy));
    key->state = state;
    return ses_ring_write(ring, key, fault);
}

/* Every active key but one becomes verify-only: leftovers of an activation that died, or a ring with two
 * active keys that the operator mends. */
static enum ses_status settle(const struct ses_ring *ring, const struct ses_key *but, struct ses_fault *fault)
{
    for (size_t i = 0; i < ring->set.count; i++) {
        struct ses_key *key = &ring->set.keys[i];

        if (key != but && key->state == SES_KEY_ACTIVE)
            SES_TRY(write_state(ring, key, SES_KEY_VERIFY_ONLY, NULL, fault));
    }
    return SES_OK;
}

/* Any instant of this leaves a ring that loads, if it did before:
 *
 *   the new key's file            the old key's file   signs
 *   next or verify-only           active               the old key
 *   active, replaces the old one  active               the new key: "replaces" overrules the old file's state
 *   active, replaces the old one  verify-only          the new key
 */
static enum ses_status activate(const struct ses_ring *ring, struct ses_key *key, struct ses_fault *fault)
{
    size_t count = 0;
    struct ses_key *old = ses_key_set_active(&ring->set, &count);

    if (key->state == SES_KEY_REVOKED)
        return ses_fault(fault, SES_FAILED_PRECONDITION, "a revoked key cannot become active again");
    if (old == NULL) {
        SES_TRY(write_state(ring, key, SES_KEY_ACTIVE, NULL, fault));
        return settle(ring, key, fault);
    }
    SES_TRY(settle(ring, old, fault));
    if (old == key)
        return SES_OK;
    if (old->replaces[0] != '\0') /* two keys that replace each other would leave none */
        SES_TRY(write_state(ring, old, SES_KEY_ACTIVE, NULL, fault));
    SES_TRY(write_state(ring, key, SES_KEY_ACTIVE, old->kid, fault));
    return write_state(ring, old, SES_KEY_VERIFY_ONLY, NULL, fault);
}

/* Not the active one: the ring must always be able to sign. encode (keyfile.c) leaves the secret out. */
static enum ses_status revoke(const struct ses_ring *ring, struct ses_key *key, struct ses_fault *fault)
{
    if (ring->purpose == SES_KEY_SEAL)
        return ses_fault(
            fault, SES_FAILED_PRECONDITION,
            "without a seal key the records that it sealed are lost; activate another one, and retire "
            "this one when it seals none any more");
    if (key->state == SES_KEY_ACTIVE)
        return ses_fault(fault, SES_FAILED_PRECONDITION,
                         "an active key cannot be revoked; activate another one first");
    return write_state(ring, key, SES_KEY_REVOKED, NULL, fault);
}

/* Since its file was written last, which a change of state does. Unreadable or in the future: not at all. */
static uint64_t rested_ms(const struct ses_ring *ring, const struct ses_key *key)
{
    uint64_t now_ms = ses_clock_wall_ms();
    char name[SES_KEYFILE_NAME_SIZE];
    struct stat info;

    ses_key_file_name(key->kid, name);
    if (fstatat(ring->dir.fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || info.st_mtim.tv_sec < 0 ||
        (uint64_t)info.st_mtim.tv_sec * 1000 > now_ms)
        return 0;
    return now_ms - (uint64_t)info.st_mtim.tv_sec * 1000;
}

/* Once it is gone what it made is refused as of an unknown key. */
static enum ses_status check_retire(const struct ses_ring *ring, const struct ses_key *key,
                                    struct ses_fault *fault)
{
    bool seal = ring->purpose == SES_KEY_SEAL;

    if (key->state == SES_KEY_ACTIVE || (key->state == SES_KEY_NEXT && !seal))
        return ses_fault(fault, SES_FAILED_PRECONDITION, "only a %s%s key can be retired, this one is %s",
                         ses_key_state_name(ring->purpose, SES_KEY_VERIFY_ONLY), seal ? "" : " or revoked",
                         ses_key_state_name(ring->purpose, key->state));
    if (!seal && key->state == SES_KEY_VERIFY_ONLY && rested_ms(ring, key) < SES_KEY_REST_DAYS * DAY_MS)
        return ses_fault(
            fault, SES_FAILED_PRECONDITION,
            "what it made may be in use for %d days after it stopped; wait, or revoke it first, which "
            "refuses all of that",
            SES_KEY_REST_DAYS);
    if (key == &ring->set.keys[ring->set.count - 1] && ses_key_seals(ring->purpose))
        return ses_fault(
            fault, SES_FAILED_PRECONDITION,
            "it is the newest of its ring, and its number must not be given again; generate another "
            "one first");
    return SES_OK;
}

static enum ses_status check_unchanged(const char *dir, const struct ses_ring *ring, const char *seal_state,
                                       struct ses_fault *fault)
{
    char stamp[SES_KEY_STAMP_SIZE];

    if (ring->purpose != SES_KEY_SEAL)
        return SES_OK;
    SES_TRY(ses_keyring_stamp(dir, ring->purpose, fault, stamp));
    return strcmp(stamp, seal_state) == 0
               ? SES_OK
               : ses_fault(fault, SES_ABORTED, "%s: somebody changed it meanwhile; try again", ring->path);
}

/* Looks the key up where its id says, in both rings that sign: ring is open and the result points into it. */
static enum ses_status open_with_key(struct ses_ring *ring, const char *dir, struct ses_slice kid,
                                     struct ses_fault *fault, struct ses_key **ret_key)
{
    enum ses_key_purpose purpose;
    uint16_t number;

    if (!ses_key_id_decode(kid, &purpose, &number))
        return ses_fault(
            fault, SES_INVALID_ARGUMENT,
            "not a key id: k4.pid. and 44 characters are expected, or seal- or step- and a number");
    for (;;) {
        SES_TRY(ses_ring_open(dir, purpose, true, fault, ring));
        *ret_key = ses_key_set_find(&ring->set, kid);
        if (*ret_key != NULL)
            return SES_OK;
        ses_ring_close(ring);
        if (purpose != SES_KEY_TEST)
            return ses_fault(fault, SES_NOT_FOUND, "%s: no such key in any ring", dir);
        purpose = SES_KEY_LIVE;
    }
}

enum ses_status ses_keyring_set_state(const char *dir, struct ses_slice kid, enum ses_key_state state,
                                      struct ses_fault *ret_fault)
{
    struct ses_key *key = NULL;
    struct ses_ring ring;

    if (state != SES_KEY_ACTIVE && state != SES_KEY_REVOKED)
        return ses_fault(ret_fault, SES_INVALID_ARGUMENT,
                         "a key can be made active or revoked, nothing else");
    SES_TRY(open_with_key(&ring, dir, kid, ret_fault, &key));
    SES_REQUIRE(key != NULL);
    enum ses_status status =
        state == SES_KEY_ACTIVE ? activate(&ring, key, ret_fault) : revoke(&ring, key, ret_fault);
    ses_ring_close(&ring);
    return status;
}

/* seal_state NULL: it stays, only whether it could go is told. */
static enum ses_status retire(const char *dir, struct ses_slice kid, const char *seal_state,
                              struct ses_fault *fault)
{
    struct ses_key *key = NULL;
    struct ses_ring ring;
    enum ses_status status;

    SES_TRY(open_with_key(&ring, dir, kid, fault, &key));
    SES_REQUIRE(key != NULL);
    status = check_retire(&ring, key, fault);
    if (status == SES_OK && seal_state != NULL)
        status = check_unchanged(dir, &ring, seal_state, fault);
    if (status == SES_OK && seal_state != NULL)
        status = ses_ring_remove(&ring, key, fault);
    ses_ring_close(&ring);
    return status;
}

enum ses_status ses_keyring_retire(const char *dir, struct ses_slice kid, const char *seal_state,
                                   struct ses_fault *ret_fault)
{
    SES_REQUIRE(seal_state != NULL);
    return retire(dir, kid, seal_state, ret_fault);
}

enum ses_status ses_keyring_check_retire(const char *dir, struct ses_slice kid, struct ses_fault *ret_fault)
{
    return retire(dir, kid, NULL, ret_fault);
}
