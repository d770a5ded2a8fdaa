#include "admit.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "array.h"
#include "fingerprints.h"
#include "lookup.h"
#include "rows_impl.h"

#define AGAIN_MS   UINT64_C(50)    /* another machine was faster, or nothing was heard */
#define REFUSED_MS UINT64_C(10000) /* somebody has to mend it */

static const Oid write_types[PG_ADMIT_VALUES] = {PG_OID_BYTEA, PG_OID_BYTEA};

static const struct pg_statement read_sql = {
    .name = "sessiond_prints", .text = "SELECT fingerprints FROM shard", .params = 0};
/* As keys.c: who meets somebody at it does not queue up behind his commit. */
static const struct pg_statement write_sql = {
    .name = "sessiond_prints_write",
    .text = "WITH l AS MATERIALIZED (SELECT FROM shard WHERE fingerprints IS NOT DISTINCT FROM $2"
            " FOR UPDATE SKIP LOCKED) UPDATE shard SET fingerprints = $1 FROM l RETURNING shard",
    .params = PG_ADMIT_VALUES,
    .types = write_types,
};

static const struct ses_pg_options *options_of(const struct pg_admission *admission)
{
    return admission->rows->options.store;
}

static void later(struct pg_admission *admission, uint64_t ms)
{
    admission->again_ns = ses_clock_mono_ns() + ms * SES_NS_PER_MS;
}

static void admit(struct pg_admission *admission)
{
    admission->admitted = true;
    admission->told(admission->told_arg, SES_PG_CAUSE_NONE);
}

/* Each sentence once. */
static void refuse(struct pg_admission *admission, const struct ses_fault *fault)
{
    later(admission, REFUSED_MS);
    if (strcmp(fault->text, admission->fault.text) != 0)
        ses_log_msg(options_of(admission)->log, SES_LOG_ERROR, "keys_refused",
                    "shard %u is not served, the others are: %s", admission->rows->options.shard,
                    fault->text);
    admission->fault = *fault;
    admission->told(admission->told_arg, SES_PG_CAUSE_KEYS);
}

/* ---- writing ---- */

static void on_written(struct pg_request *request, const struct pg_answer *answer)
{
    struct pg_admission *admission = request->arg;

    admission->flying = false;
    ses_pg_sent_ended(admission->rows, PG_USE_WRITE);
    if (answer->end == PG_END_DONE && PQntuples(answer->result) == 1)
        admit(admission);
    else
        later(admission, AGAIN_MS);
}

static void send_write(struct pg_admission *admission)
{
    admission->values[0] = (const char *)admission->fresh.data;
    admission->lengths[0] = (int)admission->fresh.len;
    admission->values[1] = admission->read.len == 0 ? NULL : (const char *)admission->read.data;
    admission->lengths[1] = (int)admission->read.len;
    admission->request = (struct pg_request){.statement = &write_sql,
                                             .values = admission->values,
                                             .lengths = admission->lengths,
                                             .done = on_written,
                                             .arg = admission};
    admission->flying = ses_pg_send(admission->rows, PG_USE_WRITE, &admission->request);
    if (!admission->flying)
        later(admission, AGAIN_MS);
}

/* ---- reading ---- */

static enum ses_status join(struct pg_admission *admission, struct pg_prints *prints, bool *ret_changed,
                            struct ses_fault *fault)
{
    const struct ses_pg_options *options = options_of(admission);
    struct ses_fault told = {.text = ""};

    if (ses_pg_prints_decode(ses_buf_view(&admission->read), prints) != SES_OK)
        return ses_fault(fault, SES_DATA_LOSS,
                         "shard.fingerprints does not parse, or a later version of sessiond has written it");
    SES_TRY(ses_pg_prints_join(prints, options->keys, options->keys_count, ret_changed, &told, fault));
    ses_buf_clear(&admission->fresh);
    if (told.text[0] != '\0')
        ses_log_msg(options->log, SES_LOG_INFO, "keys_told", "shard %u: %s", admission->rows->options.shard,
                    told.text);
    return *ret_changed ? ses_pg_prints_encode(prints, &admission->fresh) : SES_OK;
}

static void judge(struct pg_admission *admission, struct ses_slice bytes)
{
    struct pg_prints *prints = malloc(sizeof(*prints));
    struct ses_fault fault = {.text = ""};
    enum ses_status status = SES_NO_MEMORY;
    bool changed = false;

    ses_buf_clear(&admission->read);
    if (prints != NULL && ses_buf_append(&admission->read, bytes) == SES_OK)
        status = join(admission, prints, &changed, &fault);
    free(prints);
    if (status == SES_NO_MEMORY)
        later(admission, AGAIN_MS);
    else if (status != SES_OK)
        refuse(admission, &fault);
    else if (changed)
        send_write(admission);
    else
        admit(admission);
}

static void on_read(struct pg_request *request, const struct pg_answer *answer)
{
    struct pg_admission *admission = request->arg;

    admission->flying = false;
    later(admission, AGAIN_MS);
    ses_pg_sent_ended(admission->rows, PG_USE_READ);
    if (answer->end == PG_END_DONE && PQntuples(answer->result) == 1 &&
        ses_pg_link_may_read(admission->rows->options.link))
        judge(admission, ses_pg_value(answer->result, 0, 0));
}

/* ---- turning ---- */

void ses_pg_admission_init(struct pg_admission *admission, struct pg_rows *rows,
                           void (*told)(void *arg, enum ses_pg_cause cause), void *told_arg)
{
    *admission = (struct pg_admission){.rows = rows, .told = told, .told_arg = told_arg};
    ses_buf_init(&admission->fresh, PG_PRINTS_BYTES_MAX);
    ses_buf_init(&admission->read, PG_PRINTS_BYTES_MAX);
    admission->admitted = options_of(admission)->keys_count == 0;
}

void ses_pg_admission_done(struct pg_admission *admission)
{
    ses_buf_done(&admission->fresh);
    ses_buf_done(&admission->read);
}

uint64_t ses_pg_admission_turn(struct pg_admission *admission, uint64_t now_ns)
{
    if (admission->admitted || admission->flying)
        return UINT64_MAX;
    if (now_ns < admission->again_ns)
        return admission->again_ns;
    if (!ses_pg_may_send(admission->rows, PG_USE_READ) ||
        !ses_pg_link_may_read(admission->rows->options.link))
        return now_ns + AGAIN_MS * SES_NS_PER_MS;
    admission->request = (struct pg_request){.statement = &read_sql, .done = on_read, .arg = admission};
    admission->flying = ses_pg_send(admission->rows, PG_USE_READ, &admission->request);
    return now_ns + AGAIN_MS * SES_NS_PER_MS;
}
