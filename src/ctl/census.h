/* census.h - which record of a key is the current one, while all records of all shards pass by in any order.
 *
 * One entry a key in an open-addressing table that doubles: 48 bytes, so ten million sessions need about 1
 * GiB while it grows. The key is kept as its first 16 bytes; it is a keyed BLAKE2b, two of them do not meet.
 *
 *   current      the newest record of its key that is in time; an intent counts here and in intents
 *   superseded   in time, but there is a newer one
 *   expired      its time is over; whether it was current is not asked
 *   damaged      does not open: but for its bytes it is counted in nothing else
 *   duplicate    two sessions of one key at one revision: what must never be
 */
#ifndef SESSIOND_SRC_CTL_CENSUS_H
#define SESSIOND_SRC_CTL_CENSUS_H

#include <sessiond/store/store_admin.h>

struct census_counts {
    uint64_t current;
    uint64_t superseded; /* an older revision, or an older copy that garbage collection appended again */
    uint64_t expired;
    uint64_t damaged;
    uint64_t intents; /* current ones that are intents: a connector call whose outcome is not known */
    uint64_t sealed_bytes;
};

struct census_entry;

struct census {
    struct census_entry *entries;
    size_t room; /* power of two */
    size_t used;
    uint64_t now_ms;
    uint64_t duplicates; /* keys with two sessions at the same revision */
    struct census_counts shard[SES_STORE_SHARDS_MAX];
    unsigned shards; /* highest shard seen, plus one */
};

/* SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status census_init(struct census *census, uint64_t now_ms);
void census_done(struct census *census);
/* Counts one record; *ret_duplicate tells that it and another one are both the live current record of one
 * key. SES_NO_MEMORY; SES_OUT_OF_RANGE for a shard number that cannot be. */
SES_MUST_CHECK enum ses_status census_add(struct census *census, const struct ses_scan_row *row,
                                          bool *ret_duplicate);
struct census_counts census_total(const struct census *census);

#endif
