/* word.h - the 64-bit words of the session table and the time inside a locator.
 *
 * A word is one atomic load: who has the key, or where its record lies. Bit 63 is set in the live states
 * only, so that an intent's word can share the meta field with {retain, revision} (see table.h).
 */
#ifndef SESSIOND_STORE_WORD_H
#define SESSIOND_STORE_WORD_H

#include <stdbool.h>
#include <stdint.h>

#include <sessiond/store/store.h>

enum word_state {
    WORD_EMPTY = 0,
    WORD_TENTATIVE = 1,   /* being inserted: another one with the same tag may win */
    WORD_CLAIMED = 2,     /* one writer has the key */
    WORD_DELETING = 3,    /* expired, its record is being removed */
    WORD_LIVE = 8,        /* the record at {shard, locator} is published */
    WORD_LIVE_INTENT = 9, /* the same, and that record is an intent */
    WORD_LIVE_MOVED = 10  /* .. or what is left of one that another store has now */
};

#define WORD_LOW_BITS 48
#define WORD_LOW_MAX  ((UINT64_C(1) << WORD_LOW_BITS) - 1)

/* low is a locator in the live states, else the claim's sequence number: no two claims ever have the same
 * word. */
static inline uint64_t word_make(enum word_state state, unsigned shard, uint64_t low)
{
    return (uint64_t)state << 60 | (uint64_t)shard << WORD_LOW_BITS | low;
}

/* Of a record that is published. */
static inline enum word_state word_state_of(enum ses_record_kind kind)
{
    static const uint8_t states[] = {[SES_RECORD_SESSION] = WORD_LIVE,
                                     [SES_RECORD_INTENT] = WORD_LIVE_INTENT,
                                     [SES_RECORD_INBOX] = WORD_LIVE,
                                     [SES_RECORD_MOVED] = WORD_LIVE_MOVED};

    return (enum word_state)states[kind];
}

static inline enum word_state word_state(uint64_t word)
{
    return (enum word_state)(word >> 60);
}

static inline unsigned word_shard(uint64_t word)
{
    return (unsigned)(word >> WORD_LOW_BITS) & 0xffu;
}

static inline uint64_t word_low(uint64_t word)
{
    return word & WORD_LOW_MAX;
}

static inline bool word_is_live(uint64_t word)
{
    return word >> 63 != 0;
}

/* ---- locators: milliseconds since the store's epoch << 8, so that they are ordered by time across shards
 * too. 40 bits of milliseconds last until November 2059; 256 records a millisecond before they run ahead of
 * the clock, which does no harm. A shard's next locator is max(last + 1, clock). */

#define STORE_EPOCH_MS     UINT64_C(1735689600000) /* 2025-01-01T00:00:00Z */
#define LOCATOR_COUNT_BITS 8
#define LOCATOR_MAX        WORD_LOW_MAX

static inline uint64_t locator_floor(uint64_t wall_ms)
{
    uint64_t ms = wall_ms > STORE_EPOCH_MS ? wall_ms - STORE_EPOCH_MS : 0;
    uint64_t locator = ms << LOCATOR_COUNT_BITS;

    return ms > LOCATOR_MAX >> LOCATOR_COUNT_BITS ? LOCATOR_MAX : locator;
}

static inline uint64_t locator_ms(uint64_t locator)
{
    return (locator >> LOCATOR_COUNT_BITS) + STORE_EPOCH_MS;
}

/* ---- meta: {retain 31 bits, revision 32 bits} of the published record, or an intent's word (bit 63 set).
 * retain is in whole seconds since the store's epoch, rounded up; the top value means never. */

#define RETAIN_NEVER UINT32_C(0x7fffffff)

static inline uint32_t retain_of(uint64_t expires_ms)
{
    uint64_t seconds;

    if (expires_ms <= STORE_EPOCH_MS)
        return 0;
    seconds = (expires_ms - STORE_EPOCH_MS) / 1000 + ((expires_ms - STORE_EPOCH_MS) % 1000 != 0);
    return seconds > RETAIN_NEVER ? RETAIN_NEVER : (uint32_t)seconds;
}

static inline bool retain_is_over(uint32_t retain, uint64_t now_ms)
{
    return retain != RETAIN_NEVER && (uint64_t)retain * 1000 + STORE_EPOCH_MS <= now_ms;
}

static inline uint64_t meta_make(uint32_t retain, uint32_t revision)
{
    return (uint64_t)retain << 32 | revision;
}

static inline bool meta_is_intent(uint64_t meta)
{
    return meta >> 63 != 0;
}

static inline uint32_t meta_retain(uint64_t meta)
{
    return meta_is_intent(meta) ? 0 : (uint32_t)(meta >> 32);
}

static inline uint32_t meta_revision(uint64_t meta)
{
    return meta_is_intent(meta) ? 0 : (uint32_t)meta;
}

#endif
