/* row.h - one write of one key, from its call until no statement of it is on its way any more: that may be after its
 * caller was told, who has an end by its deadline.
 */
#ifndef SESSIOND_STORE_ROW_H
#define SESSIOND_STORE_ROW_H

#include <record.h>
#include <sessiond/base/list.h>

#include "sql.h"

#define PG_ID_BYTES    24
#define PG_OWNER_BYTES 16

_Static_assert(PG_ID_BYTES == RECORD_NONCE_BYTES, "a write is known by its record's nonce");

/* ---- what a version, a lease and an operation hold in their driver[] */

enum pg_version_part {
    PG_VERSION_REVISION, /* of the record that was read, and one; 0: none was read */
    PG_VERSION_ID,       /* its write's */
    PG_VERSION_PARTS = PG_VERSION_ID + PG_ID_BYTES / 8
};

enum pg_lease_part {
    PG_LEASE_OWNER,
    PG_LEASE_REVISION = PG_LEASE_OWNER + PG_OWNER_BYTES / 8, /* of the record that ends it */
    PG_LEASE_PARTS
};

enum pg_op_part {
    PG_OP_STATUS, /* ended, not told yet */
    PG_OP_ROW,    /* pending: its row .. */
    PG_OP_GET,    /* .. or its get. Both: the one that is not is 0 */
    PG_OP_PARTS
};

struct ses_store_version ses_pg_version(uint32_t revision, const uint8_t id[PG_ID_BYTES]);
/* The revision of the record that is written on that one. */
static inline uint32_t ses_pg_next_revision(const struct ses_store_version *expect)
{
    uint64_t revision = expect->driver[PG_VERSION_REVISION];

    return revision == 0 ? 1 : (uint32_t)revision;
}
static inline bool ses_pg_version_absent(const struct ses_store_version *version)
{
    return version->driver[PG_VERSION_REVISION] == 0;
}

/* ---- a row */

/* Rows that wait for a connection, or for something else. */
struct pg_queue {
    struct ses_list rows;
    size_t count;
};

struct pg_row {
    struct ses_list node;
    struct pg_queue *queue;        /* in which it waits; NULL: it is in a request on its way */
    struct pg_row *same_bucket;    /* of the keys in flight */
    struct ses_store_op *op;       /* NULL: nobody waits for it */
    struct ses_store_lease *lease; /* the caller's, as long as op is */
    enum pg_kind kind;
    bool in_flight; /* its key is its own in this process */
    bool sent;      /* in a write on its way */
    bool unknown;   /* a statement of it was sent and may be executed at any time */
    bool alone;     /* in a batch of its own: with others it did not get through */
    bool was_new;   /* expected no record and met a row without one */
    bool forget;    /* PG_RELEASE */
    unsigned tries;
    uint32_t revision;
    int64_t epoch;    /* of the statement that it was sent in last */
    uint64_t held_ns; /* since when its slot has nobody who takes it; 0: never */
    uint64_t queued_ns;
    uint64_t not_before_ns; /* 0: at once */
    uint64_t until_ns;      /* PG_RELEASE of a lease that may still come: try again until then */
    uint64_t retain_ms;
    uint64_t for_ms;
    struct ses_store_key key;
    uint8_t expect_id[PG_ID_BYTES];
    uint8_t owner[PG_OWNER_BYTES];
    uint32_t sealed_bytes; /* 0: none */
    uint8_t sealed[];
};

/* Zeroed but for kind, key and sealed_bytes. NULL: out of memory. */
struct pg_row *ses_pg_row_new(enum pg_kind kind, const struct ses_store_key *key, size_t sealed_bytes);
void ses_pg_row_free(struct pg_row *row);

void ses_pg_queue_init(struct pg_queue *queue);
void ses_pg_queue_push(struct pg_queue *queue, struct pg_row *row);
/* In front of those that came before. */
void ses_pg_queue_push_front(struct pg_queue *queue, struct pg_row *row);
/* Harmless on a row that is in none. */
void ses_pg_queue_remove(struct pg_row *row);
/* The first one; NULL: none. */
static inline struct pg_row *ses_pg_queue_first(const struct pg_queue *queue)
{
    return queue->count == 0 ? NULL : SES_CONTAINER(queue->rows.next, struct pg_row, node);
}

/* Its write's id. Only of a row with a record. */
static inline const uint8_t *ses_pg_row_id(const struct pg_row *row)
{
    return row->sealed + RECORD_HEADER_BYTES;
}
static inline bool ses_pg_row_leases(const struct pg_row *row)
{
    return row->kind == PG_LEASE || row->kind == PG_LEASE_NEW;
}
/* Bytes that it adds to a batch, about. */
static inline size_t ses_pg_row_bytes(const struct pg_row *row)
{
    return row->sealed_bytes + 128u;
}

/* ---- what was found under its key, and what that says */

struct pg_found {
    bool row; /* there is one; else nothing below */
    bool leased;
    bool record;
    bool intent;
    uint32_t revision; /* of the record */
    uint8_t write_id[PG_ID_BYTES];
    uint8_t parent_id[PG_ID_BYTES]; /* zero: none */
    uint8_t intent_id[PG_ID_BYTES];
    uint8_t owner[PG_OWNER_BYTES]; /* zero: none */
};

enum pg_verdict {
    PG_VERDICT_OK,
    PG_VERDICT_CONFLICT,
    PG_VERDICT_BUSY,    /* nothing was written. Not said of an unknown row */
    PG_VERDICT_AGAIN,   /* unknown, and it may still happen: repeat it */
    PG_VERDICT_UNKNOWN, /* so much has been written since that nobody can tell any more */
    PG_VERDICT_CHANGE   /* the row has no current record: change that one (it was adapted) */
};

/* A statement of it changed nothing; found was read after that. */
enum pg_verdict ses_pg_row_judge(struct pg_row *row, const struct pg_found *found);
/* The id of the current record, or of the row if there is none. */
const uint8_t *ses_pg_found_id(const struct pg_found *found);

#endif
