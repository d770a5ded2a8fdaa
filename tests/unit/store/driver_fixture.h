/* driver_fixture.h - the store as a caller sees it: calls by the contract, waited for. */
#ifndef SESSIOND_TESTS_UNIT_STORE_DRIVER_FIXTURE_H
#define SESSIOND_TESTS_UNIT_STORE_DRIVER_FIXTURE_H

#include "store_fixture.h"

struct call {
    struct ses_store_op op;
    unsigned ends;
    enum ses_status status;
};

struct call call_new(void);
/* How the call ends; done is called for what was pending, once, and for nothing else. */
enum ses_status call_end(struct rig *rig, struct ses_lmdb *store, struct call *call, enum ses_status status);

/* What is read of key number: status, and the rest in call. */
enum ses_status look(struct rig *rig, struct ses_lmdb *store, uint64_t number, struct call *call);
struct ses_store_version version_at(struct rig *rig, struct ses_lmdb *store, uint64_t number);
struct ses_record record_at(uint64_t number, enum ses_record_kind kind, const char *body);
enum ses_status put_at(struct rig *rig, struct ses_lmdb *store, const struct ses_store_version *expect,
                       const struct ses_record *record, ses_store_owner owner);
/* Puts over whatever is there. */
enum ses_status put_over(struct rig *rig, struct ses_lmdb *store, uint64_t number, enum ses_record_kind kind,
                         const char *body, ses_store_owner owner);
/* A lease over whatever is there, with the intent "calling". */
enum ses_status lease_over(struct rig *rig, struct ses_lmdb *store, uint64_t number, ses_store_owner owner,
                           struct ses_store_lease *lease);
enum ses_status put_leased(struct rig *rig, struct ses_lmdb *store, struct ses_store_lease *lease,
                           const struct ses_record *record, ses_store_owner owner);
void assert_seen(struct rig *rig, struct ses_lmdb *store, uint64_t number, enum ses_record_kind kind,
                 const char *body, uint32_t revision, bool leased);
void assert_nothing(struct rig *rig, struct ses_lmdb *store, uint64_t number, bool leased);

#endif
