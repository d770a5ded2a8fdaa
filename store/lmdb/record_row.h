/* record_row.h - a record's row in the database "index", under the record's locator: all that a rebuild of
 * the table needs. All integers are little endian.
 *
 *    0  key[32]             32  session id[16]
 *   48  u64 {retain 31 bits, revision 32 bits}, as meta in table.h
 *   56  u32 {owner 14 bits, record bytes 18 bits}
 *   60  u8 kind             61  u8[3] check sum                              -- 64 bytes
 *
 * owner is the store's alone, not part of the record: 0 in rows of earlier versions, and in one that was made
 * of a record's header. Earlier versions take both for the record's bytes, which only `store verify` looks at.
 *
 * An inbox is told by its session id, as in the record's header (record.h).
 *
 * The check sum covers the row and its locator: it finds bit rot and exchanged rows, not malice. A bad row is
 * replaced by what the record's own header says (load.c).
 *
 * retain is the latest expiry that any revision of this key ever had: a newer revision that expires sooner
 * keeps standing for the key until the older ones have expired too, or are gone from the disk (gc.h), so that
 * none of them comes back in a rebuild.
 */
#ifndef SESSIOND_STORE_RECORD_ROW_H
#define SESSIOND_STORE_RECORD_ROW_H

#include "record.h"

#define RECORD_ROW_BYTES 64
#define RECORD_SIZE_BITS 18 /* of a row's {owner, record bytes} */

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

struct record_row {
    struct ses_store_key key;
    uint8_t session_id[SES_SESSION_ID_BYTES];
    uint32_t retain;
    uint32_t revision;
    uint32_t record_bytes;
    ses_store_owner owner;
    enum ses_record_kind kind;
};

void ses_record_row_encode(const struct record_row *row, uint64_t locator,
                           uint8_t ret_bytes[RECORD_ROW_BYTES]);
/* SES_DATA_LOSS. */
SES_MUST_CHECK enum ses_status ses_record_row_decode(struct ses_slice bytes, uint64_t locator,
                                                     struct record_row *ret_row);
/* [any] The row that belongs to a record, as far as its header knows: retain is its own expiry. */
void ses_record_row_make(const struct ses_record *record, uint32_t record_bytes, struct record_row *ret_row);
/* [any] The index says the same of a record as its header, and is whole. */
bool ses_record_row_agrees(struct ses_slice row_bytes, uint64_t locator, struct ses_slice record_bytes);
/* [any] True if a wins over b when both are found on disk. Locators are ordered by time across shards.
 *   two sessions           the higher revision, then the later one; an inbox counts as a session
 *   two intents            the later one
 *   an intent, a session   the intent only if it is both of a higher revision and later: else it was followed
 *                          by the session, or released long ago, before the key expired and began again at
 *                          revision 1 */
bool ses_record_row_beats(const struct record_row *a, uint64_t a_locator, const struct record_row *b,
                          uint64_t b_locator);

#endif
