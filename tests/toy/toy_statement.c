/* One operation from its call to its end. */
#include "toy_impl.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>

static bool at_once(struct toy_store *store, const struct toy_statement *statement)
{
    if (store->frozen || store->gates[statement->call] != TOY_OPEN)
        return false;
    return store->options.mode == TOY_SYNC ||
           (store->options.mode == TOY_EITHER && toy_random(store, 2) == 0);
}

/* Neither the operation nor the lease is in use already. */
static void check_free(const struct ses_list *statements, const struct toy_statement *fresh)
{
    for (struct ses_list *node = statements->next; node != statements; node = node->next) {
        const struct toy_statement *other = SES_CONTAINER(node, struct toy_statement, node);

        SES_REQUIRE(fresh->op == NULL || other->op != fresh->op);
        SES_REQUIRE(fresh->lease == NULL || other->lease != fresh->lease);
    }
}

static void check_use(const struct toy_store *store, const struct toy_statement *fresh)
{
    SES_REQUIRE(pthread_equal(pthread_self(), store->thread) != 0);
    check_free(&store->statements, fresh);
    check_free(&store->told, fresh);
}

void toy_statement_free(struct toy_statement *statement)
{
    toy_revision_drop(statement->revision);
    free(statement);
}

void toy_notify(struct toy_store *store)
{
    if (store->options.notify != NULL)
        store->options.notify(store->options.notify_arg);
}

void toy_run(struct toy_store *store, struct toy_statement *statement)
{
    struct toy_fate fate = statement->fate;

    statement->executed = true;
    statement->lease_ours = true;
    if (fate.status == SES_OK || (fate.status == SES_UNKNOWN && fate.effect == TOY_DONE))
        toy_execute(store->cloud, statement);
    if (fate.status != SES_OK)
        statement->status = fate.status;
}

/* What was not sent is surely not written. Of what was sent and not executed nobody knows whether it will be. */
void toy_give_up(struct toy_store *store, struct toy_statement *statement)
{
    enum toy_effect effect = TOY_DONE;

    statement->status = SES_UNAVAILABLE;
    if (statement->call != TOY_GET && statement->sent) {
        statement->status = SES_UNKNOWN;
        if (!statement->executed)
            effect = toy_random(store, 2) == 0 ? TOY_LATER : TOY_NEVER;
        else if (statement->fate.status == SES_UNKNOWN)
            effect = statement->fate.effect;
    }
    statement->executed = true;
    statement->fate = (struct toy_fate){statement->status, effect};
}

/* The bytes that were in the arena are freed, not only forgotten: whoever kept them is found. */
static void answer_get(struct toy_statement *statement)
{
    struct ses_store_op *op = statement->op;
    struct ses_slice body;

    ses_arena_done(statement->arena);
    if (statement->status != SES_OK && statement->status != SES_NOT_FOUND)
        return;
    if (statement->status == SES_OK) {
        statement->status = ses_arena_copy(statement->arena, statement->revision->record.body, &body);
        if (statement->status != SES_OK)
            return;
        op->record = statement->revision->record;
        op->record.body = body;
    }
    op->leased = statement->leased;
    op->version = toy_version(statement->revision);
}

/* Of SES_UNKNOWN, at the latest when it has been executed: nobody was asked, and nobody may have to wait for the
 * lease's time. */
static void answer_lease(struct toy_store *store, const struct toy_statement *statement)
{
    *statement->lease = (struct ses_store_lease){
        .key = statement->key,
        .driver = {statement->lease_owner},
        .held = statement->status == SES_OK,
    };
    if (statement->status == SES_UNKNOWN && !store->frozen)
        toy_forget_lease(store->cloud, statement);
}

/* After a refusal the intent is there for everybody at once, if it can be said. After SES_UNKNOWN the lease goes
 * on without a holder until its time is over, for the put may still come. */
static void answer_put_leased(struct toy_store *store, const struct toy_statement *statement)
{
    struct ses_store_lease *lease = statement->lease;

    lease->held = statement->status == SES_BUSY;
    if (lease->held || statement->status == SES_OK || statement->status == SES_CONFLICT ||
        statement->status == SES_UNKNOWN || store->frozen)
        return;
    toy_execute(store->cloud, &(struct toy_statement){.call = TOY_RELEASE,
                                                      .key = statement->key,
                                                      .lease_owner = statement->lease_owner,
                                                      .end = SES_LEASE_KEEP_INTENT});
}

static void abandon(struct toy_store *store, struct toy_statement *statement)
{
    statement->op = NULL;
    statement->lease = NULL;
    statement->execute_in = 1 + (unsigned)toy_random(store, store->options.pumps_max);
    ses_list_push_back(&store->cloud->abandoned, &statement->node);
}

/* The statement's end; what the call returns, or done is told. */
static enum ses_status end(struct toy_store *store, struct toy_statement *statement)
{
    enum ses_status status;

    if (statement->call == TOY_GET)
        answer_get(statement);
    else if (statement->call == TOY_LEASE)
        answer_lease(store, statement);
    else if (statement->call == TOY_PUT_LEASED)
        answer_put_leased(store, statement);
    else if (statement->call == TOY_PUT && statement->status == SES_OK)
        statement->op->written = statement->written;
    status = statement->status;
    if (status == SES_UNKNOWN && statement->fate.effect == TOY_LATER) {
        abandon(store, statement);
        return status;
    }
    toy_statement_free(statement);
    return status;
}

void toy_tell(struct toy_store *store, struct toy_statement *statement)
{
    struct ses_store_op *op = statement->op;
    enum ses_status status = end(store, statement);

    if (op == NULL)
        return;
    store->pending--;
    op->done(op, status);
}

static void wait_for_pumps(struct toy_store *store, struct toy_statement *statement)
{
    unsigned pumps = store->options.mode == TOY_SYNC ? 1 : store->options.pumps_max;

    statement->execute_in = 1 + (unsigned)toy_random(store, pumps);
    statement->tell_in = (unsigned)toy_random(store, pumps - statement->execute_in + 1);
    statement->sent = statement->call == TOY_GET || statement->call == TOY_RELEASE;
    ses_list_push_back(&store->statements, &statement->node);
    if (statement->op != NULL) {
        SES_REQUIRE(statement->op->done != NULL);
        store->pending++;
    }
    toy_notify(store);
}

enum ses_status toy_start(struct toy_store *store, struct toy_statement *statement)
{
    check_use(store, statement);
    if (statement->call == TOY_RELEASE)
        statement->lease = NULL; /* the caller's again */
    statement->fate = toy_fate(store, statement->call);
    if (store->closing && statement->call != TOY_RELEASE)
        statement->fate = (struct toy_fate){SES_UNAVAILABLE, TOY_NEVER};
    if (!store->closing && !at_once(store, statement)) {
        wait_for_pumps(store, statement);
        return SES_PENDING;
    }
    toy_run(store, statement);
    return end(store, statement);
}
