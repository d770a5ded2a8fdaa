#include "row.h"

#include <stdlib.h>

_Static_assert(sizeof(((struct ses_store_version *)NULL)->driver) == PG_VERSION_PARTS * sizeof(uint64_t),
               "a version's parts");
_Static_assert(sizeof(((struct ses_store_lease *)NULL)->driver) >= PG_LEASE_PARTS * sizeof(uint64_t),
               "a lease's parts");
_Static_assert(sizeof(((struct ses_store_op *)NULL)->driver) >= PG_OP_PARTS * sizeof(uint64_t),
               "an operation's parts");

struct ses_store_version ses_pg_version(uint32_t revision, const uint8_t id[PG_ID_BYTES])
{
    struct ses_store_version version = {.driver = {[PG_VERSION_REVISION] = (uint64_t)revision + 1}};

    memcpy(&version.driver[PG_VERSION_ID], id, PG_ID_BYTES);
    return version;
}

struct pg_row *ses_pg_row_new(enum pg_kind kind, const struct ses_store_key *key, size_t sealed_bytes)
{
    struct pg_row *row = malloc(sizeof(*row) + sealed_bytes);

    if (row == NULL)
        return NULL;
    memset(row, 0, sizeof(*row));
    ses_list_init(&row->node);
    row->kind = kind;
    row->key = *key;
    row->sealed_bytes = (uint32_t)sealed_bytes;
    return row;
}

void ses_pg_row_free(struct pg_row *row)
{
    free(row);
}

void ses_pg_queue_init(struct pg_queue *queue)
{
    ses_list_init(&queue->rows);
    queue->count = 0;
}

void ses_pg_queue_push(struct pg_queue *queue, struct pg_row *row)
{
    ses_list_push_back(&queue->rows, &row->node);
    row->queue = queue;
    queue->count++;
}

void ses_pg_queue_push_front(struct pg_queue *queue, struct pg_row *row)
{
    ses_list_push_back(queue->rows.next, &row->node); /* before the first one */
    row->queue = queue;
    queue->count++;
}

void ses_pg_queue_remove(struct pg_row *row)
{
    if (row->queue == NULL)
        return;
    row->queue->count--;
    row->queue = NULL;
    ses_list_remove(&row->node);
}

const uint8_t *ses_pg_found_id(const struct pg_found *found)
{
    return found->intent && !found->leased ? found->intent_id : found->write_id;
}

/* It is what lies there, or what that was written on. A lease is known by its owner. */
static bool is_mine(const struct pg_row *row, const struct pg_found *found)
{
    if (!found->row)
        return false;
    if (ses_pg_row_leases(row))
        return memcmp(found->owner, row->owner, PG_OWNER_BYTES) == 0;
    return memcmp(found->write_id, ses_pg_row_id(row), PG_ID_BYTES) == 0 ||
           memcmp(found->parent_id, ses_pg_row_id(row), PG_ID_BYTES) == 0;
}

/* Of an unknown row that is not what lies there nor what that was written on, and can't be written any more: whether it
 * never was. Revisions only grow along a chain that does not fork, so it would have to be one of those two, if no
 * record has found place in between. A lease may have come and gone without a trace. */
static enum pg_verdict moved_on(const struct pg_row *row, const struct pg_found *found)
{
    if (!row->unknown)
        return PG_VERDICT_CONFLICT;
    return found->row && !ses_pg_row_leases(row) && found->revision <= row->revision + 1 ? PG_VERDICT_CONFLICT
                                                                                         : PG_VERDICT_UNKNOWN;
}

/* It expected no row, or one without a current record. */
static enum pg_verdict judge_new(struct pg_row *row, const struct pg_found *found)
{
    enum pg_verdict held = row->unknown ? PG_VERDICT_AGAIN : PG_VERDICT_BUSY;

    if (!found->row) { /* there was one: given back or swept meanwhile */
        row->kind = ses_pg_row_leases(row) ? PG_LEASE_NEW : PG_CREATE;
        return held;
    }
    if (found->leased)
        return held;
    if (found->record || found->intent)
        return moved_on(row, found);
    if (row->was_new && memcmp(row->expect_id, found->write_id, PG_ID_BYTES) == 0)
        return held;
    row->was_new = true;
    row->kind = ses_pg_row_leases(row) ? PG_LEASE : PG_CHANGE;
    memcpy(row->expect_id, found->write_id, PG_ID_BYTES);
    return PG_VERDICT_CHANGE;
}

/* What is told of an unknown row must be so for ever: that the id which it expects is not there does not come back, that
 * the row is locked or leased does. */
enum pg_verdict ses_pg_row_judge(struct pg_row *row, const struct pg_found *found)
{
    enum pg_verdict held = row->unknown ? PG_VERDICT_AGAIN : PG_VERDICT_BUSY;

    if (is_mine(row, found))
        return PG_VERDICT_OK;
    if (row->kind == PG_PUT_LEASED)
        return found->row && memcmp(found->owner, row->owner, PG_OWNER_BYTES) == 0 ? held
                                                                                   : moved_on(row, found);
    if (row->kind == PG_CREATE || row->kind == PG_LEASE_NEW || row->was_new)
        return judge_new(row, found);
    if (!found->row)
        return moved_on(row, found);
    if (found->leased)
        return held;
    return memcmp(ses_pg_found_id(found), row->expect_id, PG_ID_BYTES) == 0 ? held : moved_on(row, found);
}
