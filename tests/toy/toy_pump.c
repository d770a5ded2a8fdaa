/* Whatever happens later: the pump, and the end of all that waits. */
#include "toy_impl.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>

static struct toy_statement *statement_of(struct ses_list *node)
{
    return SES_CONTAINER(node, struct toy_statement, node);
}

void toy_flush(struct ses_store *base)
{
    struct toy_store *store = toy_of(base);

    for (struct ses_list *node = store->statements.next; node != &store->statements; node = node->next)
        statement_of(node)->sent = true;
}

/* Those of other stores too: what was sent is on its way, whoever looks. */
static void step_abandoned(struct toy_cloud *cloud)
{
    struct ses_list *next;

    for (struct ses_list *node = cloud->abandoned.next; node != &cloud->abandoned; node = next) {
        struct toy_statement *statement = statement_of(node);

        next = node->next;
        if (--statement->execute_in > 0)
            continue;
        ses_list_remove(node);
        toy_execute(cloud, statement);
        if (statement->call == TOY_LEASE)
            toy_forget_lease(cloud, statement);
        toy_statement_free(statement);
    }
}

/* True: its end is to be told now. */
static bool step(struct toy_store *store, struct toy_statement *statement)
{
    enum toy_gate gate = store->gates[statement->call];

    if (!statement->executed) {
        if (!statement->sent || gate == TOY_BEFORE)
            return false;
        if (statement->execute_in > 1) {
            statement->execute_in--;
            return false;
        }
        toy_run(store, statement);
    }
    if (gate == TOY_BEHIND)
        return false;
    return statement->tell_in-- == 0;
}

static bool is_late(const struct toy_statement *statement, uint64_t now_ns)
{
    return statement->op != NULL && statement->op->deadline_mono_ns != 0 &&
           now_ns >= statement->op->deadline_mono_ns;
}

/* What is to be told, from either end: order means nothing. */
static void push_told(struct toy_store *store, struct ses_list *node)
{
    ses_list_remove(node);
    ses_list_push_back(toy_random(store, 2) == 0 ? &store->told : store->told.next, node);
}

static void collect(struct toy_store *store)
{
    uint64_t now_ns = ses_clock_mono_ns();
    struct ses_list *next;

    for (struct ses_list *node = store->statements.next; node != &store->statements; node = next) {
        struct toy_statement *statement = statement_of(node);

        next = node->next;
        if (!store->cut && !store->frozen && step(store, statement)) {
            push_told(store, node);
        } else if (store->cut || is_late(statement, now_ns)) {
            toy_give_up(store, statement);
            push_told(store, node);
        }
    }
    store->cut = false;
}

void toy_complete(struct ses_store *base)
{
    struct toy_store *store = toy_of(base);
    struct ses_list *node;

    SES_REQUIRE(!store->pumping);
    store->pumping = true;
    if (!store->frozen) {
        store->cut = toy_chance(store, store->options.faults.cut) || store->cut;
        step_abandoned(store->cloud);
    }
    collect(store);
    while ((node = ses_list_pop(&store->told)) != NULL)
        toy_tell(store, statement_of(node));
    store->pumping = false;
    if (!ses_list_empty(&store->statements))
        toy_notify(store);
}

/* Some are waited for in vain, if they may be late at all. */
static void settle(struct toy_store *store, struct toy_statement *statement)
{
    if (statement->executed)
        return;
    if (statement->call == TOY_RELEASE || store->options.mode == TOY_SYNC || toy_random(store, 4) != 0)
        toy_run(store, statement);
    else
        toy_give_up(store, statement);
}

/* What done starts in here ends inside its call. */
void toy_close(struct ses_store *base)
{
    struct toy_store *store = toy_of(base);
    struct ses_list *node;

    SES_REQUIRE(!store->pumping);
    store->closing = true;
    while ((node = ses_list_pop(&store->statements)) != NULL) {
        settle(store, statement_of(node));
        toy_tell(store, statement_of(node));
    }
    while (ses_list_pop(&store->watches) != NULL)
        ;
    SES_REQUIRE(store->pending == 0);
    free(store);
}
