#include "audience.h"

#define NOT_READ (-1)

void ses_pg_audience_init(struct pg_audience *audience)
{
    *audience = (struct pg_audience){.unaware = NOT_READ};
}

void ses_pg_audience_forget(struct pg_audience *audience)
{
    audience->unaware = NOT_READ;
    audience->heard_ms = 0;
    audience->said_ms = 0;
}

/* Of several connections the answers come in any order. */
static void hear(struct pg_audience *audience, const struct pg_look *look, uint64_t sent_ms)
{
    if (sent_ms < audience->heard_ms)
        return;
    audience->heard_ms = sent_ms;
    audience->watched = look->watched;
}

void ses_pg_audience_beat(struct pg_audience *audience, const struct pg_look *look, bool said,
                          uint64_t sent_ms, uint64_t now_ms)
{
    bool moved = look->unaware != audience->unaware;

    audience->possible = look->hints;
    if (!look->hints) {
        ses_pg_audience_forget(audience);
        return;
    }
    hear(audience, look, sent_ms);
    audience->unaware = look->unaware;
    if (moved || audience->said_ms == 0 || now_ms > audience->said_ms + PG_AUDIENCE_GAP_MS)
        audience->known_ms = now_ms + PG_AUDIENCE_FRESH_MS;
    if (said && sent_ms > audience->said_ms)
        audience->said_ms = sent_ms;
}

bool ses_pg_audience_is_watched(const struct pg_audience *audience, uint64_t now_ms)
{
    return audience->possible && (audience->watched || now_ms > audience->heard_ms + PG_AUDIENCE_FRESH_MS);
}

bool ses_pg_audience_is_known(const struct pg_audience *audience, uint64_t now_ms)
{
    return audience->said_ms != 0 && now_ms > audience->known_ms &&
           now_ms <= audience->said_ms + PG_AUDIENCE_GAP_MS;
}
