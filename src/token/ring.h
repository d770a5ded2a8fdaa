/* ring.h - the keys of one purpose together, and the ring that a worker holds of those that sign. */
#ifndef SESSIOND_SRC_TOKEN_RING_H
#define SESSIOND_SRC_TOKEN_RING_H

#include <sessiond/token/token.h>

#include "keyfile.h"

/* All keys of one purpose, secrets included; sorted by number, then id. */
struct ses_key_set {
    struct ses_key *keys; /* room for SES_KEYRING_KEYS_MAX */
    size_t count;
};

struct ses_keyring {
    /* [SES_KEY_LIVE], [SES_KEY_TEST]; only the active key still has its secret, each that verifies has what is derived
     * from it */
    struct ses_key_set set[2];
    const struct ses_key *active[2];
};

/* One purpose's keys on disk: its directory locked, its keys read. Not to be moved: dir borrows path. */
struct ses_ring {
    enum ses_key_purpose purpose;
    char path[SES_RING_PATH_SIZE];
    char first_path[SES_RING_PATH_SIZE]; /* of a purpose that seals, else "" */
    struct ses_keydir dir;               /* fd -1: a ring that seals and has only its first file yet */
    struct ses_key_set set;
};

/* [any] Locks and reads. A file that does not load stops the whole ring. exclusive: to change it; then the
 * directory of one that seals is made. Statuses of ses_key_read; SES_FULL above SES_KEYRING_KEYS_MAX;
 * SES_FAILED_PRECONDITION: two files of one id. */
SES_MUST_CHECK enum ses_status ses_ring_open(const char *dir, enum ses_key_purpose purpose, bool exclusive,
                                             struct ses_fault *fault, struct ses_ring *ret_ring);
/* [any] Gives the lock up and forgets what is left of the keys. */
void ses_ring_close(struct ses_ring *ring);
/* [any] Writes or overwrites a key's file; its place among the ring's first files ends with that. */
SES_MUST_CHECK enum ses_status ses_ring_write(const struct ses_ring *ring, struct ses_key *key,
                                              struct ses_fault *fault);
SES_MUST_CHECK enum ses_status ses_ring_remove(const struct ses_ring *ring, struct ses_key *key,
                                               struct ses_fault *fault);

void ses_key_set_done(struct ses_key_set *set);
/* [any] NULL when it is not there. */
struct ses_key *ses_key_set_find(const struct ses_key_set *set, struct ses_slice kid);
/* [any] The active key that no other active key replaces. NULL when there is none or more than one; ret_count
 * says. */
struct ses_key *ses_key_set_active(const struct ses_key_set *set, size_t *ret_count);
/* [any] The same, for who needs one: SES_FAILED_PRECONDITION names the ring and what to do. */
SES_MUST_CHECK enum ses_status ses_ring_active(const struct ses_ring *ring, struct ses_fault *fault,
                                               struct ses_key **ret_key);

#endif
