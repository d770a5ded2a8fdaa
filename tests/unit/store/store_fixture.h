/* store_fixture.h - a store in a temporary directory, and puts that wait for their acknowledgement. */
#ifndef SESSIOND_TESTS_UNIT_STORE_STORE_FIXTURE_H
#define SESSIOND_TESTS_UNIT_STORE_STORE_FIXTURE_H

#include "unit.h"

#include <sessiond/config/usual.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/hash.h>
#include <sessiond/base/random.h>
#include <sessiond/store/store_admin.h>

#include "shared.h"
#include "store_lmdb_impl.h"

#define HOUR_MS      UINT64_C(3600000)
#define RIG_DIR_SIZE 96
#define RIG_SESSIONS 20000

struct rig {
    char dir[RIG_DIR_SIZE];
    struct ses_store_shared *shared;
    struct ses_table *table; /* the shared one */
    struct ses_secret secret;
    struct ses_seal_key seal_key;
    struct ses_log log;
    struct ses_metrics *metrics;
    struct ses_lmdb_options options;
    struct ses_arena arena;
    int wake_fd;
};

/* cmocka's: state becomes the rig. */
int rig_setup(void **state);
int rig_teardown(void **state);

/* A fresh table, as after a full stop. */
void rig_new_table(struct rig *rig, uint64_t sessions_max);

/* By rig->options. */
enum ses_status rig_try_open(struct rig *rig, struct ses_lmdb **ret_store);
enum ses_status rig_try_open_readonly(struct rig *rig, struct ses_lmdb **ret_store);

struct ses_lmdb *rig_open(struct rig *rig, unsigned shard);

/* ---- puts that are waited for */

struct ses_store_key key_of(uint64_t number);
struct ses_record record_of(const char *body, uint64_t expires_ms);

struct wait_one {
    unsigned calls;
    enum ses_status status;
};

/* arg: a struct wait_one. */
void on_done(void *arg, enum ses_status status, const struct ses_lmdb_written *written);
/* Until nothing is pending; a put that is never answered fails the test instead of hanging it. */
void rig_wait(struct rig *rig, struct ses_lmdb *store);

enum ses_status put_wait(struct rig *rig, struct ses_lmdb *store, struct ses_claim *claim,
                         const struct ses_record *record);
enum ses_status intent_wait(struct rig *rig, struct ses_lmdb *store, struct ses_claim *claim,
                            const char *body);

/* Creates key number with a body that lives for an hour. */
void create(struct rig *rig, struct ses_lmdb *store, uint64_t number, const char *body);
enum ses_status get(struct rig *rig, struct ses_lmdb *store, uint64_t number, struct ses_record *record,
                    struct ses_lmdb_ref *ref, bool *claimed);
/* The next revision of key number. */
void update(struct rig *rig, struct ses_lmdb *store, uint64_t number, const char *body, uint64_t expires_ms);
/* What a reader sees: the body and revision, or the status. */
void assert_stored(struct rig *rig, struct ses_lmdb *store, uint64_t number, const char *body,
                   uint32_t revision);
void assert_absent(struct rig *rig, struct ses_lmdb *store, uint64_t number);

/* Shard 0 with that many sessions that never end, made in one go and closed again. */
void rig_fill(struct rig *rig, uint64_t sessions, const char *body);
/* As after a full stop, into a fresh table. */
enum ses_status rig_load(struct rig *rig, uint64_t *ret_sessions);

/* ---- children: forked while no store is open (unit_fork), told when to act. */

struct child {
    pid_t pid;
    int go; /* a byte here lets it go */
};

/* A child that will run fn(arg) when it is let go. It sees the rig as it is now: the table and the board are
 * shared, what is set in the rig later is not. */
struct child child_new(void (*fn)(void *arg), void *arg);
void child_go(struct child *child);
/* It must end by exit code 0, or by SIGKILL if it kills itself. */
void child_wait(const struct child *child);
void child_run(struct child *child);
/* The whole life of a child, while no store is open. */
void in_child(void (*fn)(void *arg), void *arg);

#endif
