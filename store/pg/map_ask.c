/* Reading the map: when it is not known, when an answer or a beat told another epoch, and when the router wants to
 * know. */
#include "array.h"
#include "lookup.h"
#include "rows_impl.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#define AGAIN_MS  20             /* after an answer that was none */
#define BROKEN_MS UINT64_C(1000) /* after one that is no map */

bool ses_pg_rows_hear(struct pg_rows *rows, int64_t told, int64_t sent)
{
    if (told == sent)
        return true;
    if (ses_pg_map_hear(&rows->map, told))
        ses_pg_count(rows, SES_S_FENCED, 1);
    return false;
}

/* What came while reads are closed may be what an old primary believes. */
static void on_done(struct pg_request *request, const struct pg_answer *answer)
{
    struct pg_map_asking *asking = SES_CONTAINER(request, struct pg_map_asking, request);
    struct pg_rows *rows = request->arg;
    uint64_t now_ns = ses_clock_mono_ns();
    enum pg_map_news news;

    asking->flying = false;
    asking->again_ns = now_ns + AGAIN_MS * SES_NS_PER_MS;
    ses_pg_sent_ended(rows, PG_USE_READ);
    if (answer->end != PG_END_DONE)
        ses_pg_count_read(rows, request, answer, 0);
    if (answer->end != PG_END_DONE || !ses_pg_link_may_read(rows->options.link))
        return;
    news = ses_pg_map_read(&rows->map, answer->result, asking->asked_ns, now_ns);
    asking->again_ns = news == PG_MAP_BROKEN ? now_ns + BROKEN_MS * SES_NS_PER_MS : 0;
    asking->wanted = false;
    if (rows->options.mapped != NULL)
        rows->options.mapped(rows->options.mapped_arg, news);
}

/* A beat tells of a change when nothing else does: of a shard that is idle. It may be older than the map. */
static bool is_due(struct pg_rows *rows, uint64_t now_ns)
{
    const struct pg_map_asking *asking = &rows->asking;

    if (rows->map.known && ses_pg_link_epoch(rows->options.link) > rows->map.epoch)
        rows->map.stale = true;
    return asking->allowed && !asking->flying && now_ns >= asking->again_ns &&
           (!ses_pg_map_is_good(&rows->map) || asking->wanted);
}

void ses_pg_map_pump(struct pg_rows *rows, uint64_t now_ns)
{
    struct pg_map_asking *asking = &rows->asking;

    if (!is_due(rows, now_ns) || !ses_pg_may_send(rows, PG_USE_READ) ||
        !ses_pg_link_may_read(rows->options.link))
        return;
    ses_pg_put64(asking->epoch, (uint64_t)rows->map.epoch);
    asking->value = (const char *)asking->epoch;
    asking->length = sizeof(asking->epoch);
    asking->asked_ns = now_ns;
    asking->request = (struct pg_request){.statement = &ses_pg_map_sql,
                                          .values = &asking->value,
                                          .lengths = &asking->length,
                                          .done = on_done,
                                          .arg = rows};
    asking->flying = ses_pg_send(rows, PG_USE_READ, &asking->request);
}
