/* A file of 32 random bytes that is made when it is not there: data directory's secrets, sealing keys. */
#include <sessiond/token/token.h>

#include <libgen.h>
#include <limits.h>

#include <sessiond/base/random.h>

#include "keydir.h"

#define SECRET_FILE_BYTES 32

/* On disk before it is used: what is sealed or hashed with it must be readable after a power loss. */
static enum ses_status make(const struct ses_keydir *dir, const char *name, struct ses_fault *fault,
                            struct ses_secret *ret_secret)
{
    struct ses_secret secret;

    if (ses_secret_new(SECRET_FILE_BYTES, &secret) != SES_OK)
        return ses_fault(fault, SES_NO_MEMORY, "%s/%s: out of guarded memory", dir->path, name);
    ses_random_bytes(secret.bytes, secret.len);
    enum ses_status status = ses_keydir_write(dir, name, ses_slice(secret.bytes, secret.len), fault);
    if (status != SES_OK) {
        ses_secret_free(&secret);
        return status;
    }
    *ret_secret = secret;
    return SES_OK;
}

static enum ses_status open_in(const struct ses_keydir *dir, const char *name, bool create,
                               struct ses_fault *fault, struct ses_secret *ret_secret)
{
    struct ses_secret secret;
    enum ses_status status = ses_keydir_read(dir, name, fault, &secret);

    if (status == SES_NOT_FOUND)
        return create
                   ? make(dir, name, fault, ret_secret)
                   : ses_fault(fault, SES_NOT_FOUND,
                               "%s/%s: no such file: restore it from the backup of keys/", dir->path, name);
    SES_TRY(status);
    /* A cut file must not become a shorter key. */
    if (secret.len != SECRET_FILE_BYTES) {
        ses_secret_free(&secret);
        return ses_fault(fault, SES_MALFORMED, "%s/%s: must hold exactly %d bytes", dir->path, name,
                         SECRET_FILE_BYTES);
    }
    *ret_secret = secret;
    return SES_OK;
}

/* The same rules for directory and file as for keys (keydir.h): modes, lock, a write that is whole or not
 * there. */
enum ses_status ses_secret_file_open(const char *path, bool create, struct ses_secret *ret_secret,
                                     struct ses_fault *ret_fault)
{
    struct ses_keydir dir;
    char for_dir[PATH_MAX]; /* dirname and basename may write into what they are given */
    char for_name[PATH_MAX];

    if (strlen(path) >= PATH_MAX)
        return ses_fault(ret_fault, SES_IO, "the path of a key file is too long");
    memcpy(for_dir, path, strlen(path) + 1);
    memcpy(for_name, path, strlen(path) + 1);
    const char *dir_path = dirname(for_dir);

    if (create)
        SES_TRY(ses_keydir_make(dir_path, ret_fault));
    /* Exclusive where it may create: of two first starts one makes the key, the other reads it. */
    SES_TRY(ses_keydir_open(dir_path, create, ret_fault, &dir));
    enum ses_status status = open_in(&dir, basename(for_name), create, ret_fault, ret_secret);
    ses_keydir_close(&dir);
    return status;
}
