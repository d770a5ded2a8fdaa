/* Every way in which the core ends with an error. Each gives a held claim back first, answers, and lets
 * go of the exchange: c lies in its arena and may be gone when one of these returns. */
#include "create_session.h"

#include "store_error.h"

/* To the intent if the connector may have acted (the next identical call then settles it), else to
 * whatever was there before, as if this call had not come. */
void ses_create_give_back(struct ses_create *c)
{
    struct ses_store *store = c->service->options.store;

    if (c->claim.held && c->asked)
        ses_store_release_to_intent(store, &c->claim);
    else if (c->claim.held)
        ses_store_release(store, &c->claim);
}

void ses_create_fail(struct ses_create *c, const struct ses_error *error)
{
    struct ses_error told = *error;

    ses_create_give_back(c);
    ses_error_summarise(&told, &c->x->arena);
    ses_exchange_fail(c->x, &told);
    ses_create_finish(c);
}

void ses_create_fail_internal(struct ses_create *c, enum ses_status status)
{
    struct ses_error error;

    if (status == SES_NO_MEMORY)
        ses_error_store(&error, status);
    else
        ses_error_set(&error, SES_INTERNAL, SES_STR("the session could not be answered"));
    ses_create_fail(c, &error);
}

void ses_create_fail_store(struct ses_create *c, enum ses_status status)
{
    struct ses_error error;

    ses_error_store(&error, status);
    ses_create_fail(c, &error);
}

void ses_create_fail_busy(struct ses_create *c)
{
    struct ses_error error;

    ses_error_busy(&error);
    ses_create_fail(c, &error);
}

void ses_create_fail_closed(struct ses_create *c)
{
    struct ses_error error;

    ses_error_retry(&error, SES_FAILED_PRECONDITION, SES_STR("SESSION_CLOSED"), 0,
                    SES_STR("the session with this merchant_session_id is closed"));
    ses_error_metadata(&error, SES_STR("status"), ses_slice_str(ses_session_status_name(c->session.status)));
    ses_create_fail(c, &error);
}

/* Names of all fields of a request joined by ", ". */
#define NAMES_SIZE 1536

static struct ses_slice join_names(struct ses_create *c, uint64_t fields)
{
    char *names = ses_arena_alloc(&c->x->arena, NAMES_SIZE);
    size_t len = 0;

    if (names == NULL)
        return SES_STR("(out of memory)");
    for (; fields != 0; fields &= fields - 1) {
        struct ses_slice path = ses_field_path(c->rpc->naming, (enum ses_field)__builtin_ctzll(fields));

        SES_REQUIRE(len + path.len + 2 <= NAMES_SIZE);
        if (len > 0) {
            names[len++] = ',';
            names[len++] = ' ';
        }
        memcpy(names + len, path.data, path.len);
        len += path.len;
    }
    return ses_slice(names, len);
}

/* Which fields differ is told by name only: values may be another caller's. */
void ses_create_fail_conflict(struct ses_create *c, uint64_t differing, bool unsettled)
{
    struct ses_slice names = join_names(c, differing);
    struct ses_error error;
    const char *with = unsettled ? "an earlier call, whose outcome at the connector is not known yet,"
                                 : "a live session with this merchant_session_id";
    const char *text = ses_arena_printf(&c->x->arena, "%s differs in: %.*s", with, SES_FMT(names));

    ses_count(c->service->options.metrics, SES_C_SESSIONS_CONFLICT, 1);
    ses_error_retry(&error, SES_ALREADY_EXISTS, SES_STR("SESSION_CONFLICT"), 0, ses_slice_str(text));
    ses_error_metadata(&error, SES_STR("differing_fields"), names);
    if (unsettled)
        ses_error_metadata(&error, SES_STR("outcome"), SES_STR("unknown"));
    ses_create_fail(c, &error);
}
