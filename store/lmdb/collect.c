/* When garbage is collected, and by which time. */
#include <sessiond/base/clock.h>

#include "store_lmdb_impl.h"

/* ---- the clock of collection ------------------------------------------------------------------ */

void ses_collect_clock_init(struct ses_collect_clock *clock, const struct ses_store_shared *shared,
                            uint64_t now_ms, uint64_t mono_ms)
{
    uint64_t newest_ms = ses_store_newest_ms(shared);

    clock->lag_ms = newest_ms != 0 && newest_ms < now_ms ? now_ms - newest_ms : 0;
    clock->mono_ms = mono_ms;
}

/* By the monotonic clock: no setting of the machine's clock shortens the lag. */
uint64_t ses_collect_clock_lag(struct ses_collect_clock *clock, bool pressed, uint64_t mono_ms)
{
    uint64_t made_up_ms = (mono_ms - clock->mono_ms) * (COLLECT_CATCH_UP - 1);

    clock->mono_ms = mono_ms;
    clock->lag_ms = pressed || clock->lag_ms <= made_up_ms ? 0 : clock->lag_ms - made_up_ms;
    return clock->lag_ms;
}

/* ---- collecting ------------------------------------------------------------------------------ */

void ses_lmdb_collect(struct ses_lmdb *store, uint64_t now_ms)
{
    if (store->writable)
        ses_committer_collect(&store->committer, now_ms);
}

/* How full the shard and the table are, in percent of their room. */
struct filling {
    uint64_t bytes;
    uint64_t table;
    uint64_t fuller; /* of both */
};

static struct filling filling_of(const struct ses_lmdb *store)
{
    uint64_t used = atomic_load_explicit(&store->committer.commit.bytes_used, memory_order_relaxed);
    struct filling filling = {.bytes =
                                  store->real_room_bytes != 0 ? used * 100 / store->real_room_bytes : 100,
                              .table = ses_table_percent(store->table)};

    filling.fuller = filling.bytes > filling.table ? filling.bytes : filling.table;
    return filling;
}

/* Warned of once, while there is time to make room, and taken back well below: traffic that goes to and fro
 * about one limit tells nothing new. The gauge is set each time, as a predecessor in the slot may have left
 * it. */
static void tell_pressed(struct ses_lmdb *store, const struct filling *filling)
{
    bool pressed =
        filling->fuller >= (store->pressed_logged ? STORE_RELIEVED_PERCENT : STORE_PRESSED_PERCENT);

    if (store->metrics != NULL)
        ses_gauge_set(store->metrics, SES_C_STORE_PRESSED, pressed);
    if (pressed == store->pressed_logged)
        return;
    store->pressed_logged = pressed;
    if (store->log != NULL)
        ses_log_msg(
            store->log, pressed ? SES_LOG_WARN : SES_LOG_INFO, pressed ? "store_filling" : "store_relieved",
            "shard %u: %llu %% of its room (quota or disk), session table %llu %%: see store.sessions_max, "
            "store.quota_mib and session.closed_seconds",
            store->number, (unsigned long long)filling->bytes, (unsigned long long)filling->table);
}

void ses_lmdb_tick(struct ses_lmdb *store)
{
    uint64_t mono_ms = ses_clock_mono_ms();
    struct filling filling;
    bool pressed;

    if (!store->writable)
        return;
    ses_lmdb_look_at_disk(store);
    filling = filling_of(store);
    tell_pressed(store, &filling);
    ses_lmdb_look_at_snapshots(store, ses_clock_now_ms());
    pressed = filling.fuller >= STORE_PRESSED_PERCENT;
    /* Relaxed: the committer may work by the values of a second ago, and each stands for itself. */
    atomic_store_explicit(&store->committer.commit.gc_pressed, pressed, memory_order_relaxed);
    atomic_store_explicit(&store->committer.commit.gc_lag_ms,
                          ses_collect_clock_lag(&store->collect_clock, pressed, mono_ms),
                          memory_order_relaxed);
    ses_lmdb_collect(store, ses_clock_now_ms());
}
