/* What a server that moves its sessions has to know of a database before it takes the next step (store_move.h). */
#include <sessiond/store/store_pg_admin.h>

#include <poll.h>

#include <sessiond/base/encode.h>

#include "admin.h"
#include "listing.h"

enum ses_status ses_pg_holds(const struct ses_pg_place *place, bool *ret_holds, struct ses_fault *ret_fault)
{
    static const char text[] = "SELECT EXISTS (SELECT FROM session WHERE " PG_LISTED ") AS holds";
    uint8_t id[SES_SESSION_ID_BYTES];
    const struct pg_admin_value value = {id, sizeof(id)};
    struct pg_admin admin = {.conn = NULL};
    PGresult *result = NULL;
    enum ses_status status;

    ses_pg_moved_id(id);
    SES_TRY(ses_pg_admin_open(&admin, place, ret_fault));
    status = ses_pg_admin_ask(&admin, text, &value, 1, ret_fault, &result);
    if (status == SES_OK)
        *ret_holds = ses_pg_admin_is(result, "holds");
    PQclear(result);
    ses_pg_admin_close(&admin);
    return status;
}

/* The beats of all machines but this one, added up: it grows while one of them runs. */
static enum ses_status sum_beats(struct pg_admin *admin, const uint8_t machine[SES_PG_MACHINE_BYTES],
                                 int64_t *ret_sum, struct ses_fault *fault)
{
    const struct pg_admin_value value = {machine, SES_PG_MACHINE_BYTES};
    PGresult *result = NULL;

    SES_TRY(ses_pg_admin_ask(admin, "SELECT coalesce(sum(n), 0)::int8 AS beats FROM beat WHERE machine <> $1",
                             &value, 1, fault, &result));
    *ret_sum = ses_pg_admin_number(result, "beats");
    PQclear(result);
    return SES_OK;
}

enum ses_status ses_pg_is_alone(const struct ses_pg_place *place, const uint8_t machine[SES_PG_MACHINE_BYTES],
                                uint64_t for_ms, bool *ret_alone, struct ses_fault *ret_fault)
{
    struct pg_admin admin = {.conn = NULL};
    int64_t before = 0;
    int64_t after = 0;
    enum ses_status status;

    SES_TRY(ses_pg_admin_open(&admin, place, ret_fault));
    status = sum_beats(&admin, machine, &before, ret_fault);
    if (status == SES_OK) {
        (void)poll(NULL, 0, (int)for_ms);
        status = sum_beats(&admin, machine, &after, ret_fault);
    }
    ses_pg_admin_close(&admin);
    if (status == SES_OK)
        *ret_alone = before == after;
    return status;
}
