/* toy_impl.h - the inside of the store in memory.
 *
 * The life of an operation is a statement's: made by the call, *sent* (by the flush, if it writes), *executed*
 * on the cloud's rows, *told*. The three moments may lie at different pumps. A statement whose end was told
 * before it was executed is abandoned: it goes on in the cloud, and can only lose its compare-and-set to
 * whatever was decided meanwhile.
 */
#ifndef SESSIOND_TESTS_TOY_TOY_IMPL_H
#define SESSIOND_TESTS_TOY_TOY_IMPL_H

#include "toy_store.h"

#include <pthread.h>

#include <sessiond/store/store_driver.h>

/* One record, never changed once it is in a row: a get that was executed keeps it until it is told. */
struct toy_revision {
    unsigned references;
    uint64_t write_id[3]; /* of this write alone */
    struct ses_record record;
};

struct toy_row {
    struct ses_list node;
    struct ses_store_key key;
    struct toy_revision *record; /* NULL: none */
    struct toy_revision *intent; /* of the lease, or what it left; NULL: none */
    uint64_t lease_owner;        /* 0: nobody */
    uint64_t lease_until_ns;
};

struct toy_cloud {
    struct ses_list rows;
    size_t rows_count;
    struct ses_list abandoned;
    uint64_t writes;
    uint64_t ids; /* given to writes and leases, beginning with 1 */
};

struct toy_statement {
    struct ses_list node;
    enum toy_call call;
    struct ses_store_op *op; /* NULL: abandoned, or a release */
    struct ses_arena *arena;
    struct ses_store_lease *lease; /* the caller's */
    struct ses_store_key key;
    struct ses_store_version expect;
    struct toy_revision *revision; /* what it writes, or what its get found */
    uint64_t lease_owner;
    uint64_t for_ns;
    enum ses_lease_end end;
    struct toy_fate fate;
    bool sent;
    bool executed;
    unsigned execute_in; /* pumps */
    unsigned tell_in;
    /* what execution found */
    enum ses_status status;
    struct ses_store_version written; /* a put's */
    bool leased;
    bool lease_ours;
};

struct toy_plan {
    bool set;
    unsigned skip;
    struct toy_fate fate;
};

struct toy_store {
    struct ses_store base;
    struct toy_cloud *cloud;
    struct toy_options options;
    uint64_t random;
    pthread_t thread;
    struct ses_list statements;
    struct ses_list told; /* of this pump, not told yet */
    struct ses_list watches;
    unsigned watches_count;
    unsigned dispatches_left; /* news may be told that many dispatches later */
    size_t pending;
    struct toy_plan plans[TOY_CALLS];
    enum toy_gate gates[TOY_CALLS];
    bool frozen;
    bool cut;
    bool pumping;
    bool closing;
};

static inline struct toy_store *toy_of(struct ses_store *store)
{
    return SES_CONTAINER(store, struct toy_store, base);
}

/* ---- toy_rows.c: the database's rules */

struct toy_row *toy_row(struct toy_cloud *cloud, const struct ses_store_key *key);
bool toy_row_leased(const struct toy_row *row, uint64_t now_ns);
/* What a get shows; NULL: nothing. */
struct toy_revision *toy_row_shown(const struct toy_row *row, uint64_t now_ns);
struct ses_store_version toy_version(const struct toy_revision *revision);
void toy_revision_drop(struct toy_revision *revision);
/* Status, and what the statement found. */
void toy_execute(struct toy_cloud *cloud, struct toy_statement *statement);
/* A lease that its caller was not told of, given back: nobody was asked. */
void toy_forget_lease(struct toy_cloud *cloud, const struct toy_statement *lease);

/* ---- toy_fault.c: what is random */

/* 0 .. below - 1 */
uint64_t toy_random(struct toy_store *store, uint64_t below);
bool toy_chance(struct toy_store *store, unsigned per_mille);
struct toy_fate toy_fate(struct toy_store *store, enum toy_call call);
/* A lease's time, shortened or not. */
uint64_t toy_lease_ns(struct toy_store *store, uint64_t for_ms);
enum toy_effect toy_effect(struct toy_store *store);

/* ---- toy_statement.c: from the call to its end */

/* Takes the statement. As the call returns. */
enum ses_status toy_start(struct toy_store *store, struct toy_statement *statement);
/* Executes it as its fate wants. */
void toy_run(struct toy_store *store, struct toy_statement *statement);
/* Nobody waits longer for it: lost connection, deadline. */
void toy_give_up(struct toy_store *store, struct toy_statement *statement);
/* Its answers, done, its end. Not in a list any more. */
void toy_tell(struct toy_store *store, struct toy_statement *statement);
void toy_statement_free(struct toy_statement *statement);
void toy_notify(struct toy_store *store);

/* ---- toy_pump.c, toy_watch.c: functions of the driver */

void toy_flush(struct ses_store *store);
void toy_complete(struct ses_store *store);
void toy_close(struct ses_store *store);
enum ses_status toy_watch(struct ses_store *store, const struct ses_store_key *key,
                          struct ses_store_watch *watch);
void toy_unwatch(struct ses_store *store, struct ses_store_watch *watch);
void toy_watch_dispatch(struct ses_store *store);

#endif
