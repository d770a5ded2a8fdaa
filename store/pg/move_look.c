/* What a shard says of its slots, its machines and who moves them, for an operator: nothing is written, no lock taken. */
#include "move_side.h"

#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/encode.h>

#include "schema.h"

/* Rows: what vacuum has counted, or what was inserted and removed since. */
static const char text_shard[] =
    "SELECT s.format, s.shard, s.epoch, " PG_SLOTS_STATES
    ", (SELECT greatest(c.reltuples::int8, pg_stat_get_live_tuples(c.oid), 0) FROM pg_class c"
    " WHERE c.oid = 'session'::regclass) AS rows FROM shard s";

/* 4096 looks into the index: ten milliseconds. */
static const char text_left[] =
    "SELECT slot FROM slot WHERE state = 0 AND slot BETWEEN 0 AND 4095 AND EXISTS (SELECT FROM session"
    " WHERE key BETWEEN decode(lpad(to_hex(slot * 16), 4, '0'), 'hex')"
    " AND decode(lpad(to_hex(slot * 16 + 15), 4, '0') || repeat('ff', 30), 'hex'))";

static const char text_beats[] = "SELECT encode(machine, 'hex') AS machine, n FROM beat"
                                 " WHERE length(machine) = 16 ORDER BY machine";

static enum ses_status take_shard(const PGresult *result, unsigned shard, struct ses_pg_shard_look *ret_look,
                                  struct ses_fault *fault)
{
    if (PQntuples(result) != 1 || ses_pg_admin_number(result, "format") != PG_SCHEMA_FORMAT ||
        ses_pg_admin_number(result, "shard") != (int64_t)shard)
        return ses_fault(fault, SES_FAILED_PRECONDITION,
                         "the database has not the tables of shard %u: sessiondctl store check says more",
                         shard);
    if (!ses_pg_slots_read(ses_pg_admin_text(result, "states"), ret_look->slot))
        return ses_fault(fault, SES_FAILED_PRECONDITION,
                         "the table slot is not whole: sessiondctl store check says more");
    ret_look->epoch = ses_pg_admin_number(result, "epoch");
    ret_look->rows = (uint64_t)ses_pg_admin_number(result, "rows");
    return SES_OK;
}

static enum ses_status take_left(const PGresult *result, struct ses_pg_shard_look *ret_look)
{
    for (int i = 0; i < PQntuples(result); i++)
        ret_look->left[strtoul(PQgetvalue(result, i, 0), NULL, 10) % SES_PG_SLOTS] = true;
    return SES_OK;
}

static enum ses_status take_beats(const PGresult *result, struct ses_pg_shard_look *ret_look,
                                  struct ses_fault *fault)
{
    if (PQntuples(result) > SES_PG_BEATS_MAX)
        return ses_fault(
            fault, SES_FAILED_PRECONDITION,
            "the table beat has more than %d machines: DELETE FROM beat removes those that are no "
            "more, the others come back within a second",
            SES_PG_BEATS_MAX);
    for (int i = 0; i < PQntuples(result); i++) {
        struct ses_pg_beat *beat = &ret_look->beats[ret_look->beats_count];
        size_t len = 0;

        if (ses_hex_decode(ses_slice_str(PQgetvalue(result, i, 0)), beat->machine, sizeof(beat->machine),
                           &len) != SES_OK)
            continue;
        beat->n = strtoll(PQgetvalue(result, i, 1), NULL, 10);
        ret_look->beats_count++;
    }
    return SES_OK;
}

static enum ses_status take_mover(const PGresult *result, struct ses_pg_shard_look *ret_look)
{
    (void)snprintf(ret_look->mover, sizeof(ret_look->mover), "%s", ses_pg_admin_text(result, "holder"));
    return SES_OK;
}

/* The shard first: what is no shard has nothing else. */
static enum ses_status look(struct pg_admin *admin, unsigned shard, struct ses_pg_shard_look *ret_look,
                            struct ses_fault *fault)
{
    static const char *const texts[] = {text_shard, text_left, text_beats, PG_MOVE_HOLDER};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        PGresult *result = NULL;
        enum ses_status status = ses_pg_admin_ask(admin, texts[i], NULL, 0, fault, &result);

        if (status == SES_OK)
            status = texts[i] == text_shard   ? take_shard(result, shard, ret_look, fault)
                     : texts[i] == text_left  ? take_left(result, ret_look)
                     : texts[i] == text_beats ? take_beats(result, ret_look, fault)
                                              : take_mover(result, ret_look);
        PQclear(result);
        SES_TRY(status);
    }
    return SES_OK;
}

enum ses_status ses_pg_shard_look(const struct ses_pg_place *place, unsigned shard,
                                  struct ses_pg_shard_look *ret_look, struct ses_fault *ret_fault)
{
    struct pg_admin admin = {.conn = NULL};
    enum ses_status status;

    memset(ret_look, 0, sizeof(*ret_look));
    SES_TRY(ses_pg_admin_open(&admin, place, ret_fault));
    status = look(&admin, shard, ret_look, ret_fault);
    ses_pg_admin_close(&admin);
    return status;
}
