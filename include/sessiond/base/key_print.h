/* key_print.h - what machines may tell each other of a key: which it is, what it is used for, and a fingerprint that is
 * equal where the key is equal.
 *
 * The fingerprint is BLAKE2b under a key that is itself BLAKE2b of the secret: a secret of 32 random bytes cannot be
 * guessed from it, nor can anything else be said of it. Where the secret is public by its id (a signing key's id is a
 * hash of its public half) the fingerprint is of the id.
 */
#ifndef SESSIOND_BASE_KEY_PRINT_H
#define SESSIOND_BASE_KEY_PRINT_H

#include <sessiond/base/slice.h>

#define SES_KEY_PRINT_BYTES   16
#define SES_KEY_PRINT_ID_SIZE 52 /* with its NUL */

/* Stored: numbers stay. */
enum ses_key_print_kind {
    SES_KEY_PRINT_NATURAL = 0, /* the one under which sessions are found; id "natural" */
    SES_KEY_PRINT_SEAL = 1,
    SES_KEY_PRINT_STEP = 2,
    SES_KEY_PRINT_LIVE = 3,
    SES_KEY_PRINT_TEST = 4,
    SES_KEY_PRINT_KIND_COUNT
};

enum ses_key_print_use {
    SES_KEY_PRINT_NEXT, /* nothing was made with it yet */
    SES_KEY_PRINT_USES, /* seals or signs */
    SES_KEY_PRINT_USED, /* did, and still opens or verifies what it made */
    SES_KEY_PRINT_OVER, /* revoked: of no use to anybody. Its secret is gone, and so its fingerprint is not one */
    SES_KEY_PRINT_USE_COUNT
};

struct ses_key_print {
    enum ses_key_print_kind kind;
    enum ses_key_print_use use;
    char id[SES_KEY_PRINT_ID_SIZE];
    uint8_t print[SES_KEY_PRINT_BYTES];
};

/* [any] id is shorter than SES_KEY_PRINT_ID_SIZE; secret is empty where the id says it all. */
void ses_key_print_make(enum ses_key_print_kind kind, enum ses_key_print_use use, const char *id,
                        struct ses_slice secret, struct ses_key_print *ret_print);

#endif
