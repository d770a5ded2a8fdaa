/* record.h - the bytes of one record, and of its row in the index. All integers are little endian.
 *
 * Record (database "records", key = locator)
 *    0  u8 version (1)       1  u8 kind          2  u16 id of the seal key   4  u32 revision
 *    8  u64 expires_ms      16  key[32]         48  session id[16]           -- 64 bytes, the associated data
 *   64  nonce[24]           88  ciphertext, then the tag[16]                 -- XChaCha20-Poly1305 (IETF)
 *
 * Row (database "index", the same key), all that a rebuild of the table needs
 *    0  key[32]             32  session id[16]
 *   48  u64 {retain 31 bits, revision 32 bits}, as meta in table.h
 *   56  u32 {owner 14 bits, record bytes 18 bits}
 *   60  u8 kind             61  u8[3] check sum                              -- 64 bytes
 *
 * owner is the store's alone, not part of the record: 0 in rows of earlier versions, and in one that was made
 * of a record's header. Earlier versions take both for the record's bytes, which only `store check` looks at.
 *
 * The check sum covers the row and its locator: it finds bit rot and exchanged rows, not malice. A bad row is
 * replaced by what the record's own header says (load.c).
 *
 * retain is the latest expiry that any revision of this key ever had: a newer revision that expires sooner
 * keeps standing for the key until the older ones have expired too, or are gone from the disk (gc.h), so that
 * none of them comes back in a rebuild.
 */
#ifndef SESSIOND_STORE_RECORD_H
#define SESSIOND_STORE_RECORD_H

#include <sessiond/store/store.h>

#define RECORD_VERSION      1
#define RECORD_HEADER_BYTES 64
#define RECORD_NONCE_BYTES  24
#define RECORD_TAG_BYTES    16
#define RECORD_BODY_AT      (RECORD_HEADER_BYTES + RECORD_NONCE_BYTES)
#define RECORD_EXTRA_BYTES  (RECORD_BODY_AT + RECORD_TAG_BYTES)
#define RECORD_BYTES_MAX    (SES_STORE_BODY_MAX + RECORD_EXTRA_BYTES)
#define RECORD_ROW_BYTES    64
#define RECORD_SIZE_BITS    18 /* of a row's {owner, record bytes} */

_Static_assert(RECORD_BYTES_MAX < 1u << RECORD_SIZE_BITS, "a record's size beside its owner");
_Static_assert((SES_OWNER_EARLY | SES_OWNER_MAX) < 1u << (32 - RECORD_SIZE_BITS), "an owner beside the size");

/* What a record takes of a shard's file, about: a large one has pages of its own; beside it its row, and the
 * heads and keys of two nodes (32 bytes). */
#define RECORD_ON_PAGES_MIN 2000u
#define RECORD_PAGE_BYTES   4096u

static inline uint32_t record_disk_bytes(uint32_t record_bytes)
{
    uint32_t pages = (record_bytes + RECORD_PAGE_BYTES - 1) / RECORD_PAGE_BYTES;

    return (record_bytes > RECORD_ON_PAGES_MIN ? pages * RECORD_PAGE_BYTES : record_bytes) +
           RECORD_ROW_BYTES + 32;
}

/* The keys of a store, the first one seals. */
struct record_keys {
    struct ses_seal_key key[SES_STORE_SEAL_KEYS_MAX];
    size_t count;
};

/* Nonces: 16 random bytes for each open of a store, then a counter. 2^64 records an open; two opens share a
 * prefix with a probability below 2^-64 after 2^32 opens. */
struct record_nonces {
    uint8_t prefix[16];
    uint64_t counter;
};

struct record_row {
    struct ses_store_key key;
    uint8_t session_id[SES_SESSION_ID_BYTES];
    uint32_t retain;
    uint32_t revision;
    uint32_t record_bytes;
    ses_store_owner owner;
    enum ses_record_kind kind;
};

/* [any] Copies and checks the seal keys: 1 .. SES_STORE_SEAL_KEYS_MAX, 32 bytes each, ids all different.
 * SES_INVALID_ARGUMENT. No key at all is fine for a reader that opens no bodies. */
SES_MUST_CHECK enum ses_status ses_record_keys_init(struct record_keys *keys, const struct ses_seal_key *list,
                                                    size_t count);
void ses_record_nonces_init(struct record_nonces *nonces);
/* [any] Writes body_bytes + RECORD_EXTRA_BYTES at ret_bytes. */
void ses_record_seal(const struct record_keys *keys, struct record_nonces *nonces,
                     const struct ses_record *record, uint8_t *ret_bytes);
/* [any] Reads the plain header; ret_record->body stays empty. SES_DATA_LOSS: not a record of ours. */
SES_MUST_CHECK enum ses_status ses_record_decode(struct ses_slice bytes, struct ses_record *ret_record);
/* [any] Decodes and opens into the arena. SES_DATA_LOSS (tag, unknown key id), SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_record_open(const struct record_keys *keys, struct ses_slice bytes,
                                               struct ses_arena *arena, struct ses_record *ret_record);

void ses_record_row_encode(const struct record_row *row, uint64_t locator,
                           uint8_t ret_bytes[RECORD_ROW_BYTES]);
/* SES_DATA_LOSS. */
SES_MUST_CHECK enum ses_status ses_record_row_decode(struct ses_slice bytes, uint64_t locator,
                                                     struct record_row *ret_row);
/* [any] The row that belongs to a record, as far as its header knows: retain is its own expiry. */
void ses_record_row_make(const struct ses_record *record, uint32_t record_bytes, struct record_row *ret_row);
/* [any] True if a wins over b when both are found on disk. Locators are ordered by time across shards.
 *   two sessions           the higher revision, then the later one
 *   two intents            the later one
 *   an intent, a session   the intent only if it is both of a higher revision and later: else it was followed
 *                          by the session, or released long ago, before the key expired and began again at
 *                          revision 1 */
bool ses_record_row_beats(const struct record_row *a, uint64_t a_locator, const struct record_row *b,
                          uint64_t b_locator);

#endif
