/* A copy of all keys, for a backup that shall have them and for its restoring. Each file is read and written by the
 * rules of keydir.h; what the running server notes beside them is left out. */
#include "ring.h"

#include <stdio.h>
#include <unistd.h>

static enum ses_status write_first(const struct ses_key *key, const char *target, struct ses_fault *fault)
{
    char path[SES_RING_PATH_SIZE];
    struct ses_keydir dir;
    enum ses_status status;

    SES_TRY(ses_ring_first_path(target, key->purpose, fault, path));
    SES_TRY(ses_keydir_open(target, true, fault, &dir));
    status = ses_keydir_write(&dir, path + strlen(target) + 1, ses_slice(key->secret.bytes, key->secret.len),
                              fault);
    ses_keydir_close(&dir);
    return status;
}

/* A first file that an activation which died left behind its key is not copied: the key has a file of its own. */
static enum ses_status write_keys(const struct ses_ring *ring, const char *target, const char *path,
                                  struct ses_fault *fault)
{
    struct ses_keydir dir;
    enum ses_status status = SES_OK;

    SES_TRY(ses_keydir_make(path, fault));
    SES_TRY(ses_keydir_open(path, true, fault, &dir));
    for (size_t i = 0; i < ring->set.count && status == SES_OK; i++) {
        const struct ses_key *key = &ring->set.keys[i];

        status =
            ses_key_is_first_file(key) ? write_first(key, target, fault) : ses_key_write(&dir, key, fault);
    }
    ses_keydir_close(&dir);
    return status;
}

static enum ses_status copy_ring(const char *dir, enum ses_key_purpose purpose, const char *target,
                                 struct ses_fault *fault)
{
    struct ses_key *active = NULL;
    char path[SES_RING_PATH_SIZE];
    struct ses_ring ring;
    enum ses_status status;

    SES_TRY(ses_ring_path(target, purpose, fault, path));
    SES_TRY(ses_ring_open(dir, purpose, false, fault, &ring));
    status = ses_ring_active(&ring, fault, &active);
    if (status == SES_OK)
        status = write_keys(&ring, target, path, fault);
    ses_ring_close(&ring);
    return status;
}

static enum ses_status copy_secret(const char *dir, const char *name, const char *target,
                                   struct ses_fault *fault)
{
    char path[SES_RING_PATH_SIZE];
    struct ses_secret secret;
    struct ses_keydir to;
    enum ses_status status;

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return ses_fault(fault, SES_IO, "the path of the key directory is too long");
    SES_TRY(ses_secret_file_open(path, false, &secret, fault));
    status = ses_keydir_open(target, true, fault, &to);
    if (status == SES_OK) {
        status = ses_keydir_write(&to, name, ses_slice(secret.bytes, secret.len), fault);
        ses_keydir_close(&to);
    }
    ses_secret_free(&secret);
    return status;
}

enum ses_status ses_keys_copy(const char *dir, const char *target, struct ses_fault *ret_fault)
{
    if (access(target, F_OK) == 0)
        return ses_fault(ret_fault, SES_ALREADY_EXISTS, "%s: is there already", target);
    SES_TRY(ses_keydir_make(target, ret_fault));
    for (int i = 0; i < SES_KEY_PURPOSE_COUNT; i++)
        SES_TRY(copy_ring(dir, (enum ses_key_purpose)i, target, ret_fault));
    SES_TRY(copy_secret(dir, "natural.key", target, ret_fault));
    SES_TRY(copy_secret(dir, "log.key", target, ret_fault));
    enum ses_status status = copy_secret(dir, "callers.key", target, ret_fault);

    return status == SES_NOT_FOUND ? SES_OK
                                   : status; /* there is none in data directories of before callers */
}
