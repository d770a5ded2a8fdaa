#include "move_copy.h"

#include <stdio.h>

#define TEXT_SIZE 4096

/* ---- columns ---- */

/* Their names as one may write them, and what they are, which has to be the same in both. */
static const char text_columns[] =
    "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) AS names,"
    " string_agg(CASE attname WHEN 'lease_until' THEN '%s' ELSE quote_ident(attname) END, ', ' ORDER BY attname) AS values,"
    " string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attname) AS types"
    " FROM pg_attribute WHERE attrelid = 'session'::regclass AND attnum > 0 AND NOT attisdropped";

static enum ses_status ask_columns(struct pg_side *side, struct ses_fault *fault, PGresult **ret_result)
{
    return ses_pg_admin_ask(&side->admin, text_columns, NULL, 0, fault, ret_result);
}

static enum ses_status compare(const struct pg_side *from, const struct pg_side *to, const PGresult *theirs,
                               const PGresult *ours, struct pg_columns *ret_columns, struct ses_fault *fault)
{
    const char *names = ses_pg_admin_text(theirs, "names");
    const char *values = ses_pg_admin_text(theirs, "values");

    if (strcmp(ses_pg_admin_text(theirs, "types"), ses_pg_admin_text(ours, "types")) != 0)
        return ses_fault(fault, SES_FAILED_PRECONDITION,
                         "the columns of the table session are not the same in shard %u (%.300s) and shard "
                         "%u (%.300s): run sessiondctl store schema on both",
                         from->shard, ses_pg_admin_text(theirs, "types"), to->shard,
                         ses_pg_admin_text(ours, "types"));
    if (strlen(names) >= sizeof(ret_columns->names) || strlen(values) >= sizeof(ret_columns->values) ||
        strstr(values, "%s") == NULL)
        return ses_fault(fault, SES_FAILED_PRECONDITION,
                         "shard %u: the table session is not as sessiondctl store schema makes it",
                         from->shard);
    (void)snprintf(ret_columns->names, sizeof(ret_columns->names), "%s", names);
    (void)snprintf(ret_columns->values, sizeof(ret_columns->values), "%s", values);
    return SES_OK;
}

enum ses_status ses_pg_columns_read(struct pg_side *from, struct pg_side *to, struct pg_columns *ret_columns,
                                    struct ses_fault *fault)
{
    PGresult *theirs = NULL;
    PGresult *ours = NULL;
    enum ses_status status = ask_columns(from, fault, &theirs);

    if (status == SES_OK)
        status = ask_columns(to, fault, &ours);
    if (status == SES_OK)
        status = compare(from, to, theirs, ours, ret_columns, fault);
    PQclear(theirs);
    PQclear(ours);
    return status;
}

/* ---- rows ---- */

static void write_read(const struct pg_columns *columns, const char *range, int64_t now_us,
                       char ret_text[TEXT_SIZE])
{
    const char *place = strstr(columns->values, "%s");

    (void)snprintf(ret_text, TEXT_SIZE,
                   "COPY (SELECT %.*stimestamptz 'epoch' + %lld * interval '1 microsecond'"
                   " + (lease_until - clock_timestamp())%s FROM session WHERE %s) TO STDOUT (FORMAT binary)",
                   (int)(place - columns->values), columns->values, (long long)now_us, place + strlen("%s"),
                   range);
}

enum ses_status ses_pg_move_copy(struct pg_side *from, struct pg_side *to, const struct pg_columns *columns,
                                 unsigned first, unsigned last, uint64_t deadline_ms, struct ses_fault *fault,
                                 uint64_t *ret_rows)
{
    char range[PG_RANGE_SIZE];
    char read[TEXT_SIZE];
    char write[TEXT_SIZE];
    enum ses_status status;

    ses_pg_range_text(first, last, range);
    write_read(columns, range, to->touched_us, read);
    (void)snprintf(
        write, sizeof(write),
        "BEGIN; DELETE FROM session WHERE %s; COPY session (%s) FROM STDIN (FORMAT binary); COMMIT", range,
        columns->names);
    status = ses_pg_admin_copy(&from->admin, read, &to->admin, write, deadline_ms, fault, ret_rows);
    if (status != SES_OK) /* what it left half done ends with it */
        ses_pg_side_close(to);
    return status;
}
