/* What sessiondctl does to a ring: one directory locked, its keys read, one file written or removed; an
 * activation writes two, and says why no death between them leaves a ring that does not load.
 */
#include "ring.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>

#include "paserk.h"

/* One operation on one purpose: the directory locked for writing, its keys read. */
struct ring_op {
    struct ses_fault *fault;
    char path[SES_RING_PATH_SIZE];
    struct ses_keydir dir;
    struct ses_key_set set;
    bool test;
};

static enum ses_status op_begin(struct ring_op *op, const char *dir, bool test, struct ses_fault *fault)
{
    /* In place, not by return: op->dir borrows op->path. */
    *op = (struct ring_op){.fault = fault, .test = test, .dir = {-1, NULL}};
    ses_random_init();
    SES_TRY(ses_ring_path(dir, test, op->fault, op->path));
    SES_TRY(ses_keydir_open(op->path, true, op->fault, &op->dir));
    enum ses_status status = ses_key_set_read(&op->dir, test, op->fault, &op->set);
    if (status != SES_OK)
        ses_keydir_close(&op->dir);
    return status;
}

static void op_end(struct ring_op *op)
{
    ses_key_set_done(&op->set);
    ses_keydir_close(&op->dir);
}

/* The secret exists in guarded memory and in the file, nowhere else. */
static enum ses_status write_new(struct ring_op *op, enum ses_key_state state, char *ret_kid)
{
    struct ses_key key;

    if (op->set.count == SES_KEYRING_KEYS_MAX)
        return ses_fault(op->fault, SES_FULL, "%s: %d keys already; retire old ones", op->path,
                         SES_KEYRING_KEYS_MAX);
    if (ses_key_new(op->test, state, ses_clock_wall_ms(), &key) != SES_OK)
        return ses_fault(op->fault, SES_NO_MEMORY, "%s: out of guarded memory", op->path);
    enum ses_status status = ses_key_write(&op->dir, &key, op->fault);
    if (status == SES_OK)
        memcpy(ret_kid, key.kid, sizeof(key.kid));
    ses_key_done(&key);
    return status;
}

/* Only an empty ring is filled: one whose keys were all retired by mistake is a fault that loading reports,
 * and a new key would hide it. Several first starts at once are sorted out by the lock. */
static enum ses_status init_purpose(const char *dir, bool test, struct ses_fault *fault)
{
    char path[SES_RING_PATH_SIZE];
    char kid[SES_KID_SIZE];
    struct ring_op op;

    SES_TRY(ses_ring_path(dir, test, fault, path));
    SES_TRY(ses_keydir_make(path, fault));
    SES_TRY(op_begin(&op, dir, test, fault));
    enum ses_status status = op.set.count == 0 ? write_new(&op, SES_KEY_ACTIVE, kid) : SES_OK;
    op_end(&op);
    return status;
}

enum ses_status ses_keyring_init_dir(const char *dir, struct ses_fault *ret_fault)
{
    SES_TRY(ses_keydir_make(dir, ret_fault));
    SES_TRY(init_purpose(dir, true, ret_fault));
    return init_purpose(dir, false, ret_fault);
}

enum ses_status ses_keyring_generate(const char *dir, bool test, struct ses_fault *ret_fault, char *ret_kid)
{
    struct ring_op op;

    SES_TRY(op_begin(&op, dir, test, ret_fault));
    enum ses_status status = write_new(&op, SES_KEY_NEXT, ret_kid);
    op_end(&op);
    return status;
}

/* replaces may point into key itself, hence the copy. */
static enum ses_status write_state(struct ring_op *op, struct ses_key *key, enum ses_key_state state,
                                   const char *replaces)
{
    char copy[SES_KID_SIZE] = "";

    if (replaces != NULL)
        memcpy(copy, replaces, strlen(replaces) + 1);
    memcpy(key->replaces, copy, sizeof(copy));
    key->state = state;
    return ses_key_write(&op->dir, key, op->fault);
}

/* Every active key but one becomes verify-only: leftovers of an activation that died, or a ring with two
 * active keys that the operator mends. */
static enum ses_status settle(struct ring_op *op, const struct ses_key *but)
{
    for (size_t i = 0; i < op->set.count; i++) {
        struct ses_key *key = &op->set.keys[i];

        if (key != but && key->state == SES_KEY_ACTIVE)
            SES_TRY(write_state(op, key, SES_KEY_VERIFY_ONLY, NULL));
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
static enum ses_status activate(struct ring_op *op, struct ses_key *key)
{
    size_t count = 0;
    struct ses_key *old = ses_key_set_active(&op->set, &count);

    if (key->state == SES_KEY_REVOKED)
        return ses_fault(op->fault, SES_FAILED_PRECONDITION, "a revoked key cannot become active again");
    if (old == NULL) {
        SES_TRY(write_state(op, key, SES_KEY_ACTIVE, NULL));
        return settle(op, key);
    }
    SES_TRY(settle(op, old));
    if (old == key)
        return SES_OK;
    if (old->replaces[0] != '\0') /* two keys that replace each other would leave none */
        SES_TRY(write_state(op, old, SES_KEY_ACTIVE, NULL));
    SES_TRY(write_state(op, key, SES_KEY_ACTIVE, old->kid));
    return write_state(op, old, SES_KEY_VERIFY_ONLY, NULL);
}

/* Not the active one: the ring must always be able to sign. encode (keyfile.c) leaves the secret out. */
static enum ses_status revoke(struct ring_op *op, struct ses_key *key)
{
    if (key->state == SES_KEY_ACTIVE)
        return ses_fault(op->fault, SES_FAILED_PRECONDITION,
                         "an active key cannot be revoked; activate another one first");
    return write_state(op, key, SES_KEY_REVOKED, NULL);
}

/* Once it is gone its tokens are refused as of an unknown key; a next or active key still has work to do. */
static enum ses_status retire(struct ring_op *op, const struct ses_key *key)
{
    char name[SES_KEYFILE_NAME_SIZE];

    if (key->state != SES_KEY_VERIFY_ONLY && key->state != SES_KEY_REVOKED)
        return ses_fault(op->fault, SES_FAILED_PRECONDITION,
                         "only a verify-only or revoked key can be retired, this one is %s",
                         ses_key_state_name(key->state));
    ses_key_file_name(key->kid, name);
    return ses_keydir_remove(&op->dir, name, op->fault);
}

/* Looks the key up in both rings: op is begun and the result points into it. */
static enum ses_status begin_with_key(struct ring_op *op, const char *dir, struct ses_slice kid,
                                      struct ses_fault *fault, struct ses_key **ret_key)
{
    if (!ses_paserk_pid_check(kid))
        return ses_fault(fault, SES_INVALID_ARGUMENT, "not a key id: k4.pid. and 44 characters are expected");
    for (int test = 1; test >= 0; test--) {
        SES_TRY(op_begin(op, dir, test == 1, fault));
        *ret_key = ses_key_set_find(&op->set, kid);
        if (*ret_key != NULL)
            return SES_OK;
        op_end(op);
    }
    return ses_fault(fault, SES_NOT_FOUND, "%s: no such key in either ring", dir);
}

enum ses_status ses_keyring_set_state(const char *dir, struct ses_slice kid, enum ses_key_state state,
                                      struct ses_fault *ret_fault)
{
    struct ses_key *key = NULL;
    struct ring_op op;

    if (state != SES_KEY_ACTIVE && state != SES_KEY_REVOKED)
        return ses_fault(ret_fault, SES_INVALID_ARGUMENT,
                         "a key can be made active or revoked, nothing else");
    SES_TRY(begin_with_key(&op, dir, kid, ret_fault, &key));
    SES_REQUIRE(key != NULL);
    enum ses_status status = state == SES_KEY_ACTIVE ? activate(&op, key) : revoke(&op, key);
    op_end(&op);
    return status;
}

enum ses_status ses_keyring_retire(const char *dir, struct ses_slice kid, struct ses_fault *ret_fault)
{
    struct ses_key *key = NULL;
    struct ring_op op;

    SES_TRY(begin_with_key(&op, dir, kid, ret_fault, &key));
    SES_REQUIRE(key != NULL);
    enum ses_status status = retire(&op, key);
    op_end(&op);
    return status;
}
