/* The arithmetic of shares. Entries are counted in table_entry.c; bytes in store_lmdb.c (at opening), writer.c
 * (puts) and gc.c (what goes or moves).
 */
#include "share.h"

/* In two parts: room * percent would wrap for a room above 2^57 bytes. */
static uint64_t part_of(uint64_t room, unsigned percent)
{
    return room / 100 * percent + room % 100 * percent / 100;
}

/* Below zero only where a death left a count wrong by one (share.h). */
static uint64_t places_of(const struct ses_table *table, ses_store_owner owner)
{
    int32_t held = atomic_load_explicit(&table->owners->held[owner], memory_order_relaxed);

    return held > 0 ? (uint64_t)held : 0;
}

/* What an owner and all early ones together hold, of the same kind. */
struct holding {
    uint64_t own;
    uint64_t early;
};

/* An early one must find something left of its own pool, too. */
static bool is_left(const struct share_rule *rule, unsigned percent, ses_store_owner owner,
                    struct holding held, uint64_t used, uint64_t room)
{
    if (owner == SES_OWNER_NOBODY)
        return true;
    if ((owner & SES_OWNER_EARLY) != 0 && rule->early_percent < 100) {
        uint64_t early_room = part_of(room, rule->early_percent);

        if (held.early >= early_room || !ses_share_is_left(percent, held.own, held.early, early_room))
            return false;
    }
    return ses_share_is_left(percent, held.own, used, room);
}

bool ses_share_has_place(const struct ses_table *table, const struct share_rule *rule, ses_store_owner owner,
                         uint64_t used, uint64_t room)
{
    struct holding held = {.own = places_of(table, owner), .early = places_of(table, SES_OWNER_EARLY)};

    return is_left(rule, rule->owner_percent, owner, held, used, room);
}

static uint64_t bytes_of(const struct share_bytes *bytes, ses_store_owner owner)
{
    return atomic_load_explicit(&bytes->of[owner], memory_order_relaxed);
}

bool ses_share_has_bytes(const struct share_bytes *bytes, const struct share_rule *rule,
                         ses_store_owner owner, bool creates, uint64_t used, uint64_t room)
{
    /* Half of what is left to others may be had for a change: a payment that runs must be able to end. */
    unsigned percent = creates ? rule->owner_percent : 100 - (100 - rule->owner_percent) / 2;
    struct holding held = {.own = bytes_of(bytes, owner), .early = bytes_of(bytes, SES_OWNER_EARLY)};

    return is_left(rule, percent, owner, held, used, room);
}

void ses_share_add(struct share_bytes *bytes, ses_store_owner owner, uint64_t more)
{
    (void)atomic_fetch_add_explicit(&bytes->of[owner], more, memory_order_relaxed);
    if ((owner & SES_OWNER_EARLY) != 0)
        (void)atomic_fetch_add_explicit(&bytes->of[SES_OWNER_EARLY], more, memory_order_relaxed);
}

/* A row that rotted since it was counted has another owner now: never below nothing. */
static void subtract(_Atomic uint64_t *held, uint64_t less)
{
    uint64_t now = atomic_load_explicit(held, memory_order_relaxed);

    while (!atomic_compare_exchange_weak(held, &now, now > less ? now - less : 0))
        ;
}

void ses_share_remove(struct share_bytes *bytes, ses_store_owner owner, uint64_t less)
{
    subtract(&bytes->of[owner], less);
    if ((owner & SES_OWNER_EARLY) != 0)
        subtract(&bytes->of[SES_OWNER_EARLY], less);
}
