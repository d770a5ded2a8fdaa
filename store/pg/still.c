/* Whether slots stay where they are while somebody looks at one shard after the other. A row goes from shard to shard only
 * between its slot's LEAVING and the other one's OWN, and the epoch grows with each: so if no slot is LEAVING, each has one
 * owner, and later every epoch is the same, each row was in one place all the time between.
 */
#include <sessiond/store/store_pg_move.h>

#include <stdlib.h>

#include "admin.h"
#include "move_side.h"

#define TOLD_BY "(sessiondctl store shards status -c FILE tells more)"

struct said {
    int64_t epoch;
    uint8_t slot[SES_PG_SLOTS]; /* enum ses_pg_slot */
};

static enum ses_status ask(const struct ses_pg_still *still, unsigned shard, struct said *ret_said,
                           struct ses_fault *fault)
{
    static const char text[] = "SELECT s.shard, s.epoch, " PG_SLOTS_STATES " FROM shard s";
    struct pg_admin admin = {.conn = NULL};
    PGresult *result = NULL;
    enum ses_status status;

    SES_TRY(ses_pg_admin_open(&admin, &still->places[shard], fault));
    status = ses_pg_admin_ask(&admin, text, NULL, 0, fault, &result);
    ses_pg_admin_close(&admin);
    SES_TRY(status);
    if (PQntuples(result) != 1 || ses_pg_admin_number(result, "shard") != (int64_t)shard ||
        !ses_pg_slots_read(ses_pg_admin_text(result, "states"), ret_said->slot))
        status =
            ses_fault(fault, SES_FAILED_PRECONDITION,
                      "the database that is named as shard %u has not the tables of that shard: all shards "
                      "are asked, by their numbers, which is their order in store.pg.shards",
                      shard);
    else
        ret_said->epoch = ses_pg_admin_number(result, "epoch");
    PQclear(result);
    return status;
}

static enum ses_status check(const struct said *said, unsigned count, struct ses_fault *fault)
{
    for (unsigned slot = 0; slot < SES_PG_SLOTS; slot++) {
        unsigned owners = 0;

        for (unsigned i = 0; i < count; i++) {
            if (said[i].slot[slot] == SES_PG_SLOT_LEAVING)
                return ses_fault(
                    fault, SES_FAILED_PRECONDITION,
                    "slot %u is on its way from shard %u to another one, and what lies in it could be "
                    "missed: again when its move is done " TOLD_BY,
                    slot, i);
            owners += said[i].slot[slot] == SES_PG_SLOT_OWN ? 1 : 0;
        }
        if (owners != 1)
            return ses_fault(
                fault, SES_FAILED_PRECONDITION,
                "slot %u has %u owners among the databases that are named, and what lies in it could "
                "be missed: a move is under way, or a database is not named " TOLD_BY,
                slot, owners);
    }
    return SES_OK;
}

enum ses_status ses_pg_still_begin(const struct ses_pg_place *places, unsigned count,
                                   struct ses_pg_still *ret_still, struct ses_fault *ret_fault)
{
    struct said *said = calloc(count, sizeof(*said));
    enum ses_status status = SES_OK;

    if (said == NULL)
        return ses_fault(ret_fault, SES_NO_MEMORY, "out of memory");
    *ret_still = (struct ses_pg_still){.places = places, .count = count};
    for (unsigned i = 0; status == SES_OK && i < count; i++) {
        status = ask(ret_still, i, &said[i], ret_fault);
        ret_still->epoch[i] = said[i].epoch;
    }
    if (status == SES_OK)
        status = check(said, count, ret_fault);
    free(said);
    return status;
}

enum ses_status ses_pg_still_end(const struct ses_pg_still *still, struct ses_fault *ret_fault)
{
    for (unsigned i = 0; i < still->count; i++) {
        struct said said = {.epoch = 0};

        SES_TRY(ask(still, i, &said, ret_fault));
        if (said.epoch != still->epoch[i])
            return ses_fault(
                ret_fault, SES_FAILED_PRECONDITION,
                "slots of shard %u have moved meanwhile, and what lies in them could be missed: again "
                "when the move is done " TOLD_BY,
                i);
    }
    return SES_OK;
}
