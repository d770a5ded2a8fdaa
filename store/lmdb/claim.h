/* claim.h - how this driver writes: by claims. driver_put.c makes the contract's operations of them.
 *
 *   claim     the exclusive right to write the next revision for a key, across all processes of this machine:
 *             the entry's word in the session table, taken by compare-and-swap (table.h)
 *   ref       which record was read: a claim by ref fails when somebody was faster
 *
 * Every claim ends in one put or in one release. An intent's put leaves it held, for the revision behind it.
 */
#ifndef SESSIOND_STORE_CLAIM_H
#define SESSIOND_STORE_CLAIM_H

#include <sessiond/store/store.h>

struct ses_lmdb;

/* What stands in the driver[] of a ref. */
enum ref_part {
    REF_SLOT, /* the entry's in the table */
    REF_WORD, /* of the record that was read */
    REF_PARTS
};

struct ses_lmdb_ref {
    uint64_t driver[REF_PARTS];
};

/* What stands in the driver[] of a claim. */
enum claim_part {
    CLAIM_SLOT,     /* the entry's in the table */
    CLAIM_WORD,     /* our claim word */
    CLAIM_PREVIOUS, /* the word before it, 0 if the key was absent */
    CLAIM_META,     /* the entry's meta before it */
    CLAIM_INTENT,   /* the meta of the intent that was put under it, 0: none */
    CLAIM_PARTS
};

/* Plain data; must end in ses_claim_put or ses_claim_release. */
struct ses_claim {
    struct ses_store_key key;
    uint64_t driver[CLAIM_PARTS];
    uint32_t revision;     /* of the record that will be written */
    ses_store_owner owner; /* of that record, and of the entry once it is published */
    /* Of the intent that was put under it. */
    ses_store_owner intent_owner;
    bool held;
};

/* ---- reading ---- */

/* Reads the newest published record of key: body copied into arena. While another process holds a claim the
 * record before it is returned (ret_claimed says so). The caller compares expires_ms with its clock.
 * SES_NOT_FOUND, SES_BUSY (claimed and nothing published yet), SES_DATA_LOSS (that record does not open or is
 * not the key's: rot, swap), SES_ABORTED (another key with the same 64-bit tag has the entry, 10^-18 for each
 * lookup: this key cannot be stored), SES_UNAVAILABLE (it moved again and again while it was read), SES_IO,
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_lmdb_get(struct ses_lmdb *store, const struct ses_store_key *key,
                                            struct ses_arena *arena, struct ses_record *ret_record,
                                            struct ses_lmdb_ref *ret_ref, bool *ret_claimed);

/* ---- claiming ---- */

/* Claims a key that has no entry. One scan on the hot path. SES_ALREADY_EXISTS: an entry is there, live or
 * expired, use ses_lmdb_get; SES_BUSY: claimed by somebody else and nothing published, or an expired record
 * is just being removed (milliseconds); SES_FULL: the table is; SES_OVER_SHARE: owner has its share of it. */
SES_MUST_CHECK enum ses_status ses_claim_new(struct ses_lmdb *store, const struct ses_store_key *key,
                                             ses_store_owner owner, struct ses_claim *ret_claim);
/* Claims a key whose record is still the one that ref was read from (compare-and-set); revision is that
 * record's. SES_CONFLICT: it has moved on; SES_BUSY: claimed by somebody else. */
SES_MUST_CHECK enum ses_status ses_claim_ref(struct ses_lmdb *store, const struct ses_store_key *key,
                                             const struct ses_lmdb_ref *ref, uint32_t revision,
                                             struct ses_claim *ret_claim);
/* The record that is put under the claim, and with it the entry, will be owner's; nothing moves before it is
 * published. SES_OVER_SHARE: owner has no place left. */
SES_MUST_CHECK enum ses_status ses_claim_for_owner(struct ses_lmdb *store, struct ses_claim *claim,
                                                   ses_store_owner owner);
/* Gives a claim back: the entry is again what it was before. */
void ses_claim_release(struct ses_lmdb *store, struct ses_claim *claim);
/* Gives a claim back whose intent is on disk, and publishes that intent: the call that it announced may have
 * acted, and the next one must know. Nothing is written, so no full disk can prevent it. Only after the
 * intent's done function was called; without an intent on disk it is a release. */
void ses_claim_release_to_intent(struct ses_lmdb *store, struct ses_claim *claim);

/* ---- putting ---- */

/* The record that a put left, for ses_claim_ref. */
struct ses_lmdb_written {
    struct ses_lmdb_ref ref;
    uint32_t revision;
};

/* Called on the loop's thread inside ses_lmdb_complete, once for each accepted put.
 *   SES_OK            on disk (or as durability says) and published
 *   SES_FULL,         nothing was written; an intent's claim is still held, any other was given back, and
 *   SES_NO_MEMORY     with an intent on disk under it that intent was published
 *   SES_UNAVAILABLE   the same, and nothing will be: the writer was poisoned before the record's turn came
 *   SES_UNKNOWN       the writer was poisoned by the transaction that had this record (a sync failed).
 *                     Whether it is on disk is unknown; its key stays claimed (SES_BUSY to others) until the
 *                     next opening of this shard has looked
 * written: of SES_OK and no intent; it means nothing otherwise. */
typedef void (*ses_claim_done_fn)(void *arg, enum ses_status status, const struct ses_lmdb_written *written);

/* Seals record (key and revision are taken from the claim) and hands it to the committer with the next flush.
 * The body is copied; key and revision of record are ignored. On SES_OK the claim is consumed (claim->held
 * becomes false) and done will be called; else the claim is still held: SES_FULL (quota), SES_OVER_SHARE (of
 * claim->owner), SES_BUSY (queue), SES_TOO_LARGE, SES_UNAVAILABLE (writer poisoned), SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_claim_put(struct ses_lmdb *store, struct ses_claim *claim,
                                             const struct ses_record *record, ses_claim_done_fn done,
                                             void *arg);
/* The same, but the claim stays held after the commit, for the revision behind it: an intent before a
 * connector call. While the claim is held, readers see the record before the intent. If this process dies,
 * the intent is what its successor publishes. On release the intent is forgotten (a later start may see it
 * once more). On SES_OK claim->revision is one higher. Putting the final record or releasing before done was
 * called is fine. */
SES_MUST_CHECK enum ses_status ses_claim_put_intent(struct ses_lmdb *store, struct ses_claim *claim,
                                                    const struct ses_record *record, ses_claim_done_fn done,
                                                    void *arg);

#endif
