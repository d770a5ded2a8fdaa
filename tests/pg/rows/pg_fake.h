/* pg_fake.h - a link without a network, for what stands on it: it keeps what it is given until the test answers. By
 * ld's --wrap of the link's functions.
 */
#ifndef SESSIOND_TESTS_PG_ROWS_PG_FAKE_H
#define SESSIOND_TESTS_PG_ROWS_PG_FAKE_H

#include "unit.h"

#include <rows.h>

#define FAKE_SENT_MAX 64
#define FAKE_KEYS_MAX 300

struct fake_sent {
    enum pg_use use;
    struct pg_request *request; /* NULL: answered */
    unsigned count;
    struct ses_store_key keys[FAKE_KEYS_MAX]; /* in the order of the statement */
    uint8_t last_id[PG_ID_BYTES];             /* nonce of the last parameter's last record, if it is one */
};

struct fake {
    enum pg_state state;
    bool may_read;
    bool watched; /* somebody watches, anywhere */
    bool known;   /* .. and all know that we do */
    bool listens; /* was asked to */
    uint64_t listener;
    int64_t epoch; /* that beats and answers tell */
    bool serves;
    enum ses_durability durability;
    struct pg_link_events events; /* of a store's link */
    unsigned free[PG_USE_COUNT];
    unsigned sent_count;
    struct fake_sent sent[FAKE_SENT_MAX];
    struct pg_rows *rows; /* own, or those of the store's shard */
    struct pg_rows own;
    struct pg_inflight inflight;
    struct ses_pg_options options;
    struct ses_secret secret;
    struct ses_seal_key seal_key;
    unsigned wakes;
    unsigned changes;
    void (*written)(const struct ses_store_key *key, bool ours); /* NULL: nobody wants to know */
};

/* Fresh rows on it, with 2 write connections, one to read, one to settle and one to listen; the clocks stand. */
void fake_open(struct fake *fake);
/* What is on its way has no end. */
void fake_close(struct fake *fake);
/* Turns it and calls done. */
void fake_turn(struct fake *fake);

/* A call with its own end. */
struct fake_call {
    struct ses_store_op op;
    struct ses_store_lease lease;
    struct ses_arena arena;
    unsigned ends;
    enum ses_status status;
};
struct ses_store_key fake_key(unsigned number);
/* A write of that kind; its version, owner or id are of the number too. PENDING, or a refusal. */
enum ses_status fake_put(struct fake *fake, struct fake_call *call, enum pg_kind kind, unsigned number,
                         size_t body_bytes);
void fake_release(struct fake *fake, unsigned number, bool forget);
enum ses_status fake_get(struct fake *fake, struct fake_call *call, unsigned number);

/* ---- answers; n: which of those that were sent */

/* The name of its statement, behind "sessiond_". */
const char *fake_name(const struct fake *fake, unsigned n);
/* Rows of the first `changed` keys came back. */
void fake_changed(struct fake *fake, unsigned n, unsigned changed);
/* It is done, and brings nothing. */
void fake_done(struct fake *fake, unsigned n);
void fake_refuse(struct fake *fake, unsigned n, const char *sqlstate);
void fake_lose(struct fake *fake, unsigned n);
/* Of a read: of its keys none was found. */
void fake_nothing(struct fake *fake, unsigned n);
/* What the ids statement finds under its only key. NULL: no row. */
void fake_found(struct fake *fake, unsigned n, const struct pg_found *found);
/* What the read statement finds: a sealed record for each of its keys, of revision 1 with that body. bad: one whose bytes
 * are altered; -1: none. */
void fake_records(struct fake *fake, unsigned n, const char *body, int bad);

/* What the map statement reads: all slots of that state, but for one; FAKE_SAME: the epoch is the one that was known. */
#define FAKE_SAME '='
void fake_map(struct fake *fake, unsigned n, int64_t epoch, char state, unsigned slot, char its_state);

/* An open link on which nothing was sent. */
void fake_init_link(struct fake *fake);
/* The call has no end yet. */
void fake_begin(struct fake_call *call);

#endif
