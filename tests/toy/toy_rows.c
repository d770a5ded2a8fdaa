/* The rules of the database: what is shown, who may write. Each function is one statement, which is executed
 * at one instant: nothing here waits or fails for the network's sake.
 */
#include "toy_impl.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>

struct toy_row *toy_row(struct toy_cloud *cloud, const struct ses_store_key *key)
{
    struct toy_row *row;

    for (struct ses_list *node = cloud->rows.next; node != &cloud->rows; node = node->next) {
        row = SES_CONTAINER(node, struct toy_row, node);
        if (memcmp(&row->key, key, sizeof(*key)) == 0)
            return row;
    }
    SES_REQUIRE(cloud->rows_count < TOY_ROWS_MAX);
    row = calloc(1, sizeof(*row));
    SES_REQUIRE(row != NULL);
    row->key = *key;
    cloud->rows_count++;
    ses_list_push_back(&cloud->rows, &row->node);
    return row;
}

bool toy_row_leased(const struct toy_row *row, uint64_t now_ns)
{
    return row->lease_owner != 0 && now_ns < row->lease_until_ns;
}

struct toy_revision *toy_row_shown(const struct toy_row *row, uint64_t now_ns)
{
    return row->intent != NULL && !toy_row_leased(row, now_ns) ? row->intent : row->record;
}

struct ses_store_version toy_version(const struct toy_revision *revision)
{
    if (revision == NULL)
        return SES_VERSION_ABSENT;
    return (struct ses_store_version){
        {revision->record.revision, revision->write_id[0], revision->write_id[1], revision->write_id[2]}};
}

static bool is_expected(const struct toy_revision *revision, const struct ses_store_version *expect)
{
    struct ses_store_version version = toy_version(revision);

    return memcmp(&version, expect, sizeof(version)) == 0;
}

void toy_revision_drop(struct toy_revision *revision)
{
    if (revision != NULL && --revision->references == 0)
        free(revision);
}

static void replace(struct toy_revision **place, struct toy_revision *revision)
{
    toy_revision_drop(*place);
    *place = revision;
}

/* Above the intent too, where one stands or stood. */
static uint32_t next_revision(const struct toy_row *row)
{
    uint32_t record = row->record != NULL ? row->record->record.revision : 0;
    uint32_t intent = row->intent != NULL ? row->intent->record.revision : 0;

    return (record > intent ? record : intent) + 1;
}

/* The statement's record, on its way into the row. */
static struct toy_revision *take(struct toy_cloud *cloud, struct toy_statement *statement, uint32_t revision)
{
    struct toy_revision *taken = statement->revision;

    statement->revision = NULL;
    taken->record.revision = revision;
    cloud->writes++;
    return taken;
}

static enum ses_status get(struct toy_row *row, struct toy_statement *statement, uint64_t now_ns)
{
    statement->leased = toy_row_leased(row, now_ns);
    statement->revision = toy_row_shown(row, now_ns);
    if (statement->revision == NULL)
        return SES_NOT_FOUND;
    statement->revision->references++;
    return SES_OK;
}

static void end_lease(struct toy_row *row)
{
    row->lease_owner = 0;
    row->lease_until_ns = 0;
}

static enum ses_status put(struct toy_cloud *cloud, struct toy_row *row, struct toy_statement *statement,
                           uint64_t now_ns)
{
    if (toy_row_leased(row, now_ns))
        return SES_BUSY;
    if (!is_expected(toy_row_shown(row, now_ns), &statement->expect))
        return SES_CONFLICT;
    replace(&row->record, take(cloud, statement, next_revision(row)));
    replace(&row->intent, NULL);
    end_lease(row);
    statement->written = toy_version(row->record);
    return SES_OK;
}

/* A leftover intent becomes what lies beneath the new lease: to forget the new intent, or to have none, brings the old
 * one back, whose outcome is as unknown as before. */
static enum ses_status lease(struct toy_cloud *cloud, struct toy_row *row, struct toy_statement *statement,
                             uint64_t now_ns)
{
    uint32_t revision = next_revision(row);

    if (toy_row_leased(row, now_ns))
        return SES_BUSY;
    if (!is_expected(toy_row_shown(row, now_ns), &statement->expect))
        return SES_CONFLICT;
    if (row->intent != NULL)
        replace(&row->record, row->intent);
    row->intent = statement->revision != NULL ? take(cloud, statement, revision) : NULL;
    row->lease_owner = statement->lease_owner;
    row->lease_until_ns = now_ns + statement->for_ns;
    return SES_OK;
}

/* A lease whose time is over is still its holder's until somebody else writes. */
static enum ses_status put_leased(struct toy_cloud *cloud, struct toy_row *row,
                                  struct toy_statement *statement)
{
    statement->lease_ours = row->lease_owner == statement->lease_owner;
    if (!statement->lease_ours)
        return SES_CONFLICT;
    replace(&row->record, take(cloud, statement, next_revision(row)));
    replace(&row->intent, NULL);
    end_lease(row);
    return SES_OK;
}

static enum ses_status release(struct toy_row *row, const struct toy_statement *statement)
{
    if (row->lease_owner != statement->lease_owner)
        return SES_OK;
    if (statement->end == SES_LEASE_FORGET_INTENT)
        replace(&row->intent, NULL);
    end_lease(row);
    return SES_OK;
}

static enum ses_status execute(struct toy_cloud *cloud, struct toy_row *row, struct toy_statement *statement)
{
    uint64_t now_ns = ses_clock_mono_ns();

    switch (statement->call) {
    case TOY_GET:
        return get(row, statement, now_ns);
    case TOY_PUT:
        return put(cloud, row, statement, now_ns);
    case TOY_LEASE:
        return lease(cloud, row, statement, now_ns);
    case TOY_PUT_LEASED:
        return put_leased(cloud, row, statement);
    case TOY_RELEASE:
        return release(row, statement);
    case TOY_CALLS:
        break;
    }
    SES_REQUIRE(false);
    return SES_INTERNAL;
}

void toy_forget_lease(struct toy_cloud *cloud, const struct toy_statement *lease)
{
    toy_execute(cloud, &(struct toy_statement){.call = TOY_RELEASE,
                                               .key = lease->key,
                                               .lease_owner = lease->lease_owner,
                                               .end = SES_LEASE_FORGET_INTENT});
}

void toy_execute(struct toy_cloud *cloud, struct toy_statement *statement)
{
    statement->status = execute(cloud, toy_row(cloud, &statement->key), statement);
}
