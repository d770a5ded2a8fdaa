/* The old key of an inbox and the look at what lies there. Nobody writes such a record any more, so that
 * between a look and a put it can only vanish. */
#include "old_inbox.h"

#include <sessiond/base/clock.h>

#include "store_lmdb_impl.h"

static bool is_all_zero(const uint8_t id[SES_SESSION_ID_BYTES])
{
    static const uint8_t zero[SES_SESSION_ID_BYTES];

    return memcmp(id, zero, sizeof(zero)) == 0;
}

void ses_old_inbox_note(struct ses_table *table, const struct record_row *row)
{
    _Atomic uint32_t *last = &table->head->old_inbox_retain;

    if (row->kind == SES_RECORD_SESSION && is_all_zero(row->session_id) && row->retain > atomic_load(last))
        atomic_store(last, row->retain);
}

static bool may_be(const struct ses_lmdb *store)
{
    uint32_t last = atomic_load_explicit(&store->table->head->old_inbox_retain, memory_order_relaxed);

    return last != 0 && !retain_is_over(last, ses_clock_now_ms());
}

static struct ses_store_key old_key_of(const struct ses_store_key *key)
{
    struct ses_store_key old;

    for (size_t i = 0; i < sizeof(old.bytes); i++)
        old.bytes[i] = (uint8_t)~key->bytes[i];
    return old;
}

static bool is_live_inbox(const struct ses_record *record)
{
    return record->kind == SES_RECORD_SESSION && is_all_zero(record->session_id) &&
           record->expires_ms > ses_clock_now_ms();
}

enum ses_status ses_old_inbox_get(struct ses_lmdb *store, const struct ses_store_key *key,
                                  struct ses_arena *arena, struct ses_record *ret_record, uint64_t *ret_mark)
{
    struct ses_store_key old;
    struct ses_record record;
    struct ses_lmdb_ref ref;
    enum ses_status status;
    bool claimed;

    if (!may_be(store))
        return SES_NOT_FOUND;
    old = old_key_of(key);
    status = ses_lmdb_get(store, &old, arena, &record, &ref, &claimed);
    if (status == SES_NO_MEMORY || status == SES_UNAVAILABLE)
        return status;
    if (status != SES_OK || !is_live_inbox(&record))
        return SES_NOT_FOUND;
    record.key = *key;
    record.kind = SES_RECORD_INBOX;
    *ret_record = record;
    *ret_mark = ref.driver[REF_WORD];
    return SES_OK;
}

/* The same look, so that both come to the same answer of a record that does not open. */
enum ses_status ses_old_inbox_check(struct ses_lmdb *store, const struct ses_store_key *key)
{
    struct ses_arena arena;
    struct ses_record record;
    enum ses_status status;
    uint64_t mark;

    if (!may_be(store))
        return SES_OK;
    ses_arena_init(&arena, RECORD_BYTES_MAX + SES_KIB);
    status = ses_old_inbox_get(store, key, &arena, &record, &mark);
    ses_arena_done(&arena);
    if (status == SES_OK)
        return SES_CONFLICT;
    return status == SES_NOT_FOUND ? SES_OK : status;
}
