/* Reads the board and decides. Every process that asks at one moment sees the same cells and says the
 * same. */
#include "readiness.h"

#include <sessiond/base/units.h>

/* A beat may be later than now_ns was taken: another process, another moment. */
static uint64_t age_ms(uint64_t then_ns, uint64_t now_ns)
{
    return then_ns > now_ns ? 0 : (now_ns - then_ns) / SES_NS_PER_MS;
}

/* accepts is the worker's own word; the beat says that there still is somebody who could take it back. */
bool ses_readiness_serves(const struct ses_board *board, unsigned slot, uint64_t now_mono_ns)
{
    uint64_t beat_ns = ses_board_beat_ns(board, slot);

    return atomic_load_explicit(&board->accepts[slot], memory_order_relaxed) &&
           age_ms(beat_ns, now_mono_ns) < SES_BEAT_FRESH_MS;
}

/* The only worker of a server is replaced without anybody being refused, as long as that is quick. */
static bool can_serve(const struct ses_board *board, const struct ses_readiness *readiness,
                      uint64_t now_mono_ns)
{
    uint64_t since_ns = atomic_load_explicit(&board->unserved_since_ns, memory_order_relaxed);

    if (readiness->serving == 0)
        return since_ns == 0 || age_ms(since_ns, now_mono_ns) < SES_UNSERVED_MS;
    return readiness->missing * 100 <=
           atomic_load_explicit(&board->missing_percent, memory_order_relaxed) * board->workers;
}

/* What serving workers say of the database: a dead one's words stand until its successor's. */
struct store_words {
    unsigned away;
    unsigned shards_away;
    unsigned clock_off;
};

static void hear(const struct ses_metrics *metrics, struct store_words *words)
{
    words->away += atomic_load_explicit(&metrics->counter[SES_C_PG_AWAY], memory_order_relaxed) != 0;
    words->shards_away +=
        atomic_load_explicit(&metrics->counter[SES_C_PG_SHARDS_AWAY], memory_order_relaxed) != 0;
    words->clock_off +=
        atomic_load_explicit(&metrics->counter[SES_C_PG_CLOCK_OFF], memory_order_relaxed) != 0;
}

void ses_readiness_look(const struct ses_board *board, uint64_t now_mono_ns, struct ses_readiness *ret)
{
    struct store_words words = {.away = 0};
    struct ses_readiness found = {.draining = atomic_load_explicit(&board->draining, memory_order_relaxed)};
    bool started = atomic_load_explicit(&board->start_ms, memory_order_relaxed) != 0;

    for (unsigned i = 0; i < board->workers; i++) {
        if (ses_readiness_serves(board, i, now_mono_ns)) {
            found.serving++;
            hear(&board->metrics[i], &words);
        } else if (!atomic_load_explicit(&board->replacing[i], memory_order_relaxed)) {
            found.missing++;
        }
    }
    found.workers_missing = started && found.missing > 0;
    found.table_full = ses_board_counter(board, SES_C_TABLE_FULL) > 0;
    found.store_full = ses_board_counter(board, SES_C_STORE_FULL) > 0;
    found.store_away = found.serving > 0 && words.away == found.serving;
    found.shards_away = words.shards_away > 0 && !found.store_away;
    found.clock_off = words.clock_off > 0;
    found.ready = started && !found.draining && !found.store_away && !found.clock_off &&
                  can_serve(board, &found, now_mono_ns);
    *ret = found;
}

bool ses_readiness_degraded(const struct ses_readiness *readiness)
{
    return readiness->workers_missing || readiness->table_full || readiness->store_full ||
           readiness->store_away || readiness->shards_away || readiness->clock_off;
}

size_t ses_readiness_reasons(const struct ses_readiness *readiness,
                             const char *ret_names[SES_READINESS_REASONS_MAX])
{
    size_t count = 0;

    if (readiness->workers_missing)
        ret_names[count++] = "workers_missing";
    if (readiness->table_full)
        ret_names[count++] = "table_full";
    if (readiness->store_full)
        ret_names[count++] = "store_full";
    if (readiness->store_away)
        ret_names[count++] = "store_away";
    if (readiness->shards_away)
        ret_names[count++] = "shards_away";
    if (readiness->clock_off)
        ret_names[count++] = "clock_off";
    return count;
}

const char *ses_readiness_name(const struct ses_readiness *readiness)
{
    if (readiness->draining)
        return "draining";
    if (!readiness->ready)
        return "not ready";
    return ses_readiness_degraded(readiness) ? "degraded" : "ready";
}
