/* The keys of all shards, one shard after the other, a statement for some: of rows whose session is here and was not moved
 * away (store_move.h).
 */
#include "listing.h"

#include <stdlib.h>

#include "lookup.h"
#include "rows_impl.h"
#include "shard.h"
#include "store_pg_impl.h"

#define TEXT_OF(number) #number
#define LIMIT(number)   TEXT_OF(number)
#define LIST_MAX        256

_Static_assert(LIST_MAX == SES_MOVE_LIST_MAX, "a statement's limit is text");

enum { PARAM_MOVED, PARAM_AFTER, PARAMS };

struct list_request {
    struct pg_request request;
    struct pg_rows *rows;
    struct ses_move_listing *listing;
    uint8_t moved[SES_SESSION_ID_BYTES];
    struct ses_store_key after;
    const char *values[PARAMS];
    int lengths[PARAMS];
    bool last; /* shard */
};

static const Oid types[] = {PG_OID_BYTEA, PG_OID_BYTEA};
static const struct pg_statement statement = {
    .name = "sessiond_list",
    .text = "SELECT key FROM session WHERE key > $2 AND " PG_LISTED " ORDER BY key LIMIT " LIMIT(LIST_MAX),
    .params = PARAMS,
    .types = types,
};

void ses_pg_moved_id(uint8_t ret_id[SES_SESSION_ID_BYTES])
{
    static const uint8_t none[SES_SESSION_ID_BYTES] = {0};
    uint8_t kind;

    ses_record_identity_encode(SES_RECORD_MOVED, none, &kind, ret_id);
}

static void on_done(struct pg_request *request, const struct pg_answer *answer)
{
    struct list_request *asked = SES_CONTAINER(request, struct list_request, request);
    bool good = answer->end == PG_END_DONE && ses_pg_link_may_read(asked->rows->options.link);
    struct ses_move_listing *listing = asked->listing;
    struct ses_store_key keys[LIST_MAX];
    size_t count = 0;

    ses_pg_sent_ended(asked->rows, PG_USE_READ);
    for (int n = 0; good && n < PQntuples(answer->result) && count < LIST_MAX; n++)
        count += ses_pg_value_key(answer->result, n, &keys[count]);
    if (count > 0)
        listing->after = keys[count - 1];
    if (good && count < LIST_MAX) { /* that shard is through */
        listing->over = asked->last;
        listing->shard = asked->last ? 0 : listing->shard + 1;
        memset(&listing->after, 0, sizeof(listing->after));
    }
    free(asked);
    listing->done(listing, good ? SES_OK : SES_UNAVAILABLE, keys, count);
}

/* No key is all zero: it is a hash. */
enum ses_status ses_pg_list(struct ses_store *store, struct ses_move_listing *listing)
{
    bool last;
    struct pg_shard *shard = ses_pg_shard_of(store, listing->shard, &last);
    struct list_request *asked;

    if (!ses_pg_link_may_read(shard->link))
        return SES_UNAVAILABLE;
    if (!ses_pg_may_send(&shard->rows, PG_USE_READ))
        return SES_BUSY;
    asked = calloc(1, sizeof(*asked));
    if (asked == NULL)
        return SES_NO_MEMORY;
    asked->rows = &shard->rows;
    asked->listing = listing;
    asked->last = last;
    asked->after = listing->after;
    ses_pg_moved_id(asked->moved);
    asked->values[PARAM_MOVED] = (const char *)asked->moved;
    asked->values[PARAM_AFTER] = (const char *)asked->after.bytes;
    asked->lengths[PARAM_MOVED] = sizeof(asked->moved);
    asked->lengths[PARAM_AFTER] = sizeof(asked->after.bytes);
    asked->request = (struct pg_request){
        .statement = &statement, .values = asked->values, .lengths = asked->lengths, .done = on_done};
    listing->over = false;
    if (ses_pg_send(&shard->rows, PG_USE_READ, &asked->request))
        return SES_PENDING;
    free(asked);
    return SES_BUSY;
}
