/* What other machines may know of the keys of this one (base/key_print.h): read from the files, so that it is the picture
 * that a start or a reload is about to load. */
#include "ring.h"

#include <stdio.h>

static const enum ses_key_print_kind kinds[SES_KEY_PURPOSE_COUNT] = {
    [SES_KEY_LIVE] = SES_KEY_PRINT_LIVE,
    [SES_KEY_TEST] = SES_KEY_PRINT_TEST,
    [SES_KEY_SEAL] = SES_KEY_PRINT_SEAL,
    [SES_KEY_STEP] = SES_KEY_PRINT_STEP,
};

_Static_assert(SES_KEY_PRINT_ID_SIZE == SES_KID_SIZE, "an id of a key fits");

/* A key that a dying activation left as active is what it would have become. */
static enum ses_key_print_use use_of(const struct ses_key *key, const struct ses_key *active)
{
    if (key == active)
        return SES_KEY_PRINT_USES;
    return key->state == SES_KEY_REVOKED ? SES_KEY_PRINT_OVER
           : key->state == SES_KEY_NEXT  ? SES_KEY_PRINT_NEXT
                                         : SES_KEY_PRINT_USED;
}

static enum ses_status print_ring(const char *dir, enum ses_key_purpose purpose, struct ses_fault *fault,
                                  struct ses_key_print *ret_prints, size_t *count)
{
    struct ses_key *active = NULL;
    struct ses_ring ring;
    enum ses_status status;

    SES_TRY(ses_ring_open(dir, purpose, false, fault, &ring));
    status = ses_ring_active(&ring, fault, &active);
    for (size_t i = 0; i < ring.set.count && status == SES_OK; i++) {
        const struct ses_key *key = &ring.set.keys[i];
        struct ses_slice secret =
            ses_key_seals(purpose) ? ses_slice(key->secret.bytes, key->secret.len) : SES_SLICE_EMPTY;

        ses_key_print_make(kinds[purpose], use_of(key, active), key->kid, secret, &ret_prints[(*count)++]);
    }
    ses_ring_close(&ring);
    return status;
}

static enum ses_status print_natural(const char *dir, struct ses_fault *fault,
                                     struct ses_key_print *ret_print)
{
    char path[SES_RING_PATH_SIZE];
    struct ses_secret secret = {.len = 0};

    if (snprintf(path, sizeof(path), "%s/natural.key", dir) >= (int)sizeof(path))
        return ses_fault(fault, SES_IO, "the path of the key directory is too long");
    SES_TRY(ses_secret_file_open(path, false, &secret, fault));
    ses_key_print_make(SES_KEY_PRINT_NATURAL, SES_KEY_PRINT_USES, "natural",
                       ses_slice(secret.bytes, secret.len), ret_print);
    ses_secret_free(&secret);
    return SES_OK;
}

enum ses_status ses_keyring_print(const char *dir, struct ses_fault *ret_fault,
                                  struct ses_key_print *ret_prints, size_t *ret_count)
{
    size_t count = 1;

    SES_TRY(print_natural(dir, ret_fault, &ret_prints[0]));
    for (int i = 0; i < SES_KEY_PURPOSE_COUNT; i++)
        SES_TRY(print_ring(dir, (enum ses_key_purpose)i, ret_fault, ret_prints, &count));
    *ret_count = count;
    return SES_OK;
}
