/* ring.h - the keys of one purpose together, and the ring that a worker holds of both. */
#ifndef SESSIOND_SRC_TOKEN_RING_H
#define SESSIOND_SRC_TOKEN_RING_H

#include <sessiond/token/token.h>

#include "keyfile.h"

/* All keys of one purpose, sorted by id, secrets included. */
struct ses_key_set {
    struct ses_key *keys; /* room for SES_KEYRING_KEYS_MAX */
    size_t count;
};

struct ses_keyring {
    struct ses_key_set set[2]; /* [1]: test; only the active key still has its secret */
    const struct ses_key *active[2];
};

/* [any] "<dir>/test" or "<dir>/live". SES_IO when that is too long. */
#define SES_RING_PATH_SIZE 4096
SES_MUST_CHECK enum ses_status ses_ring_path(const char *dir, bool test, struct ses_fault *fault,
                                             char ret_path[SES_RING_PATH_SIZE]);

/* [any] Reads every *.json of an opened directory. Statuses of ses_key_read; SES_FULL above
 * SES_KEYRING_KEYS_MAX. */
SES_MUST_CHECK enum ses_status ses_key_set_read(const struct ses_keydir *dir, bool test,
                                                struct ses_fault *fault, struct ses_key_set *ret_set);
void ses_key_set_done(struct ses_key_set *set);
/* [any] NULL when it is not there. */
struct ses_key *ses_key_set_find(const struct ses_key_set *set, struct ses_slice kid);
/* [any] The active key that no other active key replaces. NULL when there is none or more than one; ret_count
 * says. */
struct ses_key *ses_key_set_active(const struct ses_key_set *set, size_t *ret_count);

#endif
