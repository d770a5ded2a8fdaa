/* A step of a move between stores, taken by a reload: what must be true before it, and what must be there for the workers
 * that are started with it. Which step may follow which is config_reload.c's.
 */
#include "supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <sessiond/base/clock.h>
#include <sessiond/config/password_file.h>
#include <sessiond/store/store_pg_move.h>

#include "machine_id.h"
#include "process.h"
#include "store_mark.h"

#define ALONE_MS 2500 /* more than two beats of another machine */

static bool is_same_step(const struct ses_config *a, const struct ses_config *b)
{
    return a->store_driver == b->store_driver &&
           (a->store_driver != SES_CONFIG_MOVE || a->store_move == b->store_move);
}

/* ---- what must be true ---- */

static enum ses_status check_left(const struct ses_supervisor *sup, struct ses_fault *fault)
{
    struct ses_store_left left;

    ses_store_count_left(sup->store_shared, ses_clock_now_ms(), &left);
    if (left.live > 0)
        return ses_fault(
            fault, SES_FAILED_PRECONDITION,
            "%" PRIu64 " sessions are still on this machine's disk: wait until sessiond_store_move_left is 0",
            left.live);
    if (left.old_inboxes)
        return ses_fault(
            fault, SES_FAILED_PRECONDITION,
            "events that a version before has kept for sessions to come are on this machine's disk, and are over soon: try again later");
    return SES_OK;
}

/* A session whose slot moves could go from a shard that is still to be asked to one that was. */
static enum ses_status check_none_held(const struct ses_pg_place *places, unsigned count,
                                       struct ses_fault *fault)
{
    struct ses_pg_still still;

    SES_TRY(ses_pg_still_begin(places, count, &still, fault));
    for (unsigned i = 0; i < count; i++) {
        bool holds = false;

        SES_TRY(ses_pg_holds(&places[i], &holds, fault));
        if (holds)
            return ses_fault(
                fault, SES_FAILED_PRECONDITION,
                "sessions are still in PostgreSQL (shard %u): wait with store.move: to_lmdb until "
                "sessiond_store_move_left is 0",
                i);
    }
    return ses_pg_still_end(&still, fault);
}

static enum ses_status check_alone(const struct ses_pg_place *places, unsigned count,
                                   const uint8_t machine[SES_PG_MACHINE_BYTES], struct ses_fault *fault)
{
    for (unsigned i = 0; i < count; i++) {
        bool alone = true;

        SES_TRY(ses_pg_is_alone(&places[i], machine, ALONE_MS, &alone, fault));
        if (!alone)
            return ses_fault(
                fault, SES_FAILED_PRECONDITION,
                "another machine uses that database: sessions move to it, or from it, while there is one "
                "machine only");
    }
    return SES_OK;
}

/* Of all shards. machine: is it the only one? NULL: is nothing left in them? */
static enum ses_status ask_shards(const struct ses_config *config, const uint8_t *machine,
                                  struct ses_fault *fault)
{
    struct ses_pg_place places[SES_CONFIG_PG_SHARDS_MAX];
    struct ses_secret password;
    enum ses_status status;

    SES_TRY(ses_password_file_load(config, &password, fault));
    for (unsigned i = 0; i < config->pg.shards_count; i++)
        places[i] = (struct ses_pg_place){.conninfo = config->pg.shards[i],
                                          .password = password.len == 0 ? NULL : &password,
                                          .timeout_ms = config->store_pg_connect_timeout_ms};
    status = machine != NULL ? check_alone(places, config->pg.shards_count, machine, fault)
                             : check_none_held(places, config->pg.shards_count, fault);
    ses_secret_free(&password);
    return status;
}

static enum ses_status check(struct ses_supervisor *sup, const struct ses_config *fresh,
                             struct ses_fault *fault)
{
    if (sup->rolling)
        return ses_fault(fault, SES_FAILED_PRECONDITION,
                         "workers of the step before are still there: wait for the line reloaded");
    if (fresh->store_driver == SES_CONFIG_PG)
        return check_left(sup, fault);
    if (fresh->store_driver == SES_CONFIG_LMDB)
        return ask_shards(&sup->config, NULL, fault);
    if (sup->config.store_driver == SES_CONFIG_PG && sup->store_shared == NULL)
        return ses_fault(fault, SES_FAILED_PRECONDITION,
                         "this server was started without LMDB: restart sessiond for it");
    return SES_OK;
}

/* ---- what must be there ---- */

static enum ses_status make(struct ses_supervisor *sup, const struct ses_config *fresh,
                            struct ses_fault *fault)
{
    if (!ses_config_has_pg(fresh) || sup->pg_shared != NULL)
        return SES_OK;
    ses_process_forget("PG");
    SES_TRY(ses_machine_id_open(&sup->layout, sup->machine, fault));
    if (ses_pg_shared_new(SES_PG_SHARDS_MAX, &sup->pg_shared) != SES_OK)
        return ses_fault(fault, SES_NO_MEMORY, "no memory for what processes know of the database: %s",
                         strerror(errno));
    return SES_OK;
}

/* Before the first worker of the step: the mark is true, or will be, whatever ends us. */
static enum ses_status write_mark(const struct ses_supervisor *sup, const struct ses_config *fresh,
                                  struct ses_fault *fault)
{
    if (fresh->store_driver == SES_CONFIG_LMDB)
        return ses_store_mark_write(&sup->layout, SES_STORE_MARK_LMDB, fault);
    if (fresh->store_driver == SES_CONFIG_PG)
        return ses_store_mark_write(&sup->layout, SES_STORE_MARK_PG, fault);
    return ses_store_mark_start(fresh, &sup->layout, fault);
}

static enum ses_status take(struct ses_supervisor *sup, const struct ses_config *fresh,
                            struct ses_fault *fault)
{
    bool enters = fresh->store_driver == SES_CONFIG_MOVE && sup->config.store_driver != SES_CONFIG_MOVE;

    SES_TRY(check(sup, fresh, fault));
    SES_TRY(make(sup, fresh, fault));
    if (enters)
        SES_TRY(ask_shards(fresh, sup->machine, fault));
    SES_TRY(write_mark(sup, fresh, fault));
    sup->timekeeper.follows = fresh->store_driver == SES_CONFIG_PG;
    return SES_OK;
}

enum ses_status ses_supervisor_take_step(struct ses_supervisor *sup, const struct ses_config *fresh,
                                         struct ses_fault *ret_fault)
{
    if (is_same_step(&sup->config, fresh))
        return SES_OK;
    return ses_config_place(fresh, SES_CONFIG_AT_STORE_DRIVER, take(sup, fresh, ret_fault), ret_fault);
}
