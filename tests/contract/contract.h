/* contract.h - the conformance suite over store.h: every sentence of the contract as a case, every driver
 * under all cases.
 *
 * A program of the suite takes the driver's name (contract_main), and a seed if only that one is to be tried.
 * Each case is run on fresh data with two stores open on it, as two machines or two processes, and for a driver
 * with random in it once for each of its seeds; the one that failed is told. What a driver chooses within the
 * contract is a flag here, and a case that rests on it is left out elsewhere.
 */
#ifndef SESSIOND_TESTS_CONTRACT_CONTRACT_H
#define SESSIOND_TESTS_CONTRACT_CONTRACT_H

#include "unit.h"

#include <sessiond/store/store.h>

#define CONTRACT_STORES 2
#define CONTRACT_LONG   UINT64_C(3600000) /* a lease that no slow machine outlasts, milliseconds */

enum contract_trait {
    CONTRACT_LEASE_TIMED = 1, /* a lease ends by its time; else by its process */
    CONTRACT_FAULTY = 2,      /* any operation may fail in any way */
    CONTRACT_MOVES =
        4 /* a record may be brought to another store: another version, another chain of revisions */
};

struct contract_driver {
    const char *name;
    unsigned traits;
    unsigned seeds;       /* 1: nothing is random */
    unsigned rounds;      /* that a seed is played; 0: as many as are quick */
    unsigned deadline_ms; /* of operations whose unknown outcomes are wanted; 0: none */
    void *(*data_new)(uint64_t seed);
    struct ses_store *(*open)(void *data, unsigned number);
    /* Until something may have happened, at most a moment; NULL: a pump is all it takes. */
    void (*rest)(void *data);
    /* Before each pump: what happens beside the calls. May be NULL. */
    void (*turn)(void *data);
    /* Whether what was given back of that store is back, as nothing is pending; NULL: some pumps later. */
    bool (*quiet)(void *data, struct ses_store *store);
    /* Time passes for leases; NULL: by the clocks of this process. */
    void (*pass)(void *data, uint64_t ms);
    void (*data_free)(void *data);
};

extern const struct contract_driver contract_toy_sync;
extern const struct contract_driver contract_toy_late;
extern const struct contract_driver contract_toy_either;
extern const struct contract_driver contract_toy_faulty;
extern const struct contract_driver contract_lmdb;
extern const struct contract_driver contract_moving_know;
extern const struct contract_driver contract_moving_pg;
extern const struct contract_driver contract_moving_lmdb;
extern const struct contract_driver contract_moving;
extern const struct contract_driver contract_pg;
extern const struct contract_driver contract_pg_faulty;
extern const struct contract_driver contract_pg_cut;
extern const struct contract_driver contract_pg_failover;
extern const struct contract_driver contract_pg_moving;

struct rig {
    const struct contract_driver *driver;
    uint64_t seed;
    void *data;
    struct ses_store *store[CONTRACT_STORES]; /* NULL: closed */
    struct ses_arena arena;
};

struct contract_case {
    const char *name;
    void (*run)(struct rig *rig);
    unsigned needs; /* traits */
    unsigned lacks;
};
#define CONTRACT_CASE(function)                                                                              \
    {                                                                                                        \
        .name = #function, .run = (function)                                                                 \
    }
#define CONTRACT_CASE_WITH(function, traits)                                                                 \
    {                                                                                                        \
        .name = #function, .run = (function), .needs = (traits)                                              \
    }
#define CONTRACT_CASE_WITHOUT(function, traits)                                                              \
    {                                                                                                        \
        .name = #function, .run = (function), .lacks = (traits)                                              \
    }

/* The program's result. */
int contract_main(int argc, char **argv, const struct contract_case *cases, size_t count);

/* ---- letting things happen */

/* One turn of each open store: complete, flush, a rest. */
void rig_pump(struct rig *rig);
/* Pumps until the condition holds. */
#define RIG_UNTIL(rig, condition)                                                                            \
    do {                                                                                                     \
        uint64_t rig_end_ = unit_real_ms() + UNIT_PATIENCE_MS;                                               \
        while (!(condition)) {                                                                               \
            if (unit_real_ms() > rig_end_)                                                                   \
                fail_msg("pumped in vain until %s", #condition);                                             \
            rig_pump(rig);                                                                                   \
        }                                                                                                    \
    } while (0)
/* Nothing is pending, and what was given back is back. */
void rig_settle(struct rig *rig);
/* As much time as leases know of passes. */
void rig_pass_ms(struct rig *rig, uint64_t ms);
void rig_close(struct rig *rig, unsigned number);
void rig_open(struct rig *rig, unsigned number);

/* ---- one operation */

struct call {
    struct ses_store_op op;
    unsigned ends; /* how often done was called */
    enum ses_status status;
};

void call_init(struct call *call);
/* What came of it: returned, or what done told if that is SES_PENDING. Once. */
enum ses_status call_end(struct rig *rig, struct call *call, enum ses_status returned);

struct ses_store_key key_of(uint64_t number);
struct ses_record record_of(uint64_t number, enum ses_record_kind kind, const char *body);

/* What a get showed. */
struct seen {
    enum ses_status status;
    struct ses_store_version version;
    bool leased;
    struct ses_record record; /* body in the rig's arena, until the next get */
};

struct seen rig_get(struct rig *rig, unsigned store, uint64_t number);
enum ses_status rig_put(struct rig *rig, unsigned store, uint64_t number, struct ses_store_version expect,
                        const char *body);
enum ses_status rig_put_record(struct rig *rig, unsigned store, struct ses_store_version expect,
                               const struct ses_record *record);
enum ses_status rig_lease(struct rig *rig, unsigned store, uint64_t number, struct ses_store_version expect,
                          const char *body, struct ses_store_lease *ret_lease);
enum ses_status rig_put_leased(struct rig *rig, unsigned store, struct ses_store_lease *lease,
                               uint64_t number, const char *body);

/* Creates it; its version. */
struct ses_store_version rig_create(struct rig *rig, uint64_t number, const char *body);
/* A lease of what is there, of store 0. */
struct ses_store_lease rig_leased(struct rig *rig, uint64_t number, struct ses_store_version expect);

/* Both stores show that. body NULL: there is none. */
void assert_shown(struct rig *rig, uint64_t number, enum ses_record_kind kind, const char *body, bool leased);
/* Of calls for one key, in turn at both stores, one got the lease and the others were kept out; it is given back. */
void assert_one_holds(struct rig *rig, unsigned count, struct call *calls, const enum ses_status *returned,
                      struct ses_store_lease *leases);
bool version_equal(struct ses_store_version a, struct ses_store_version b);

#endif
