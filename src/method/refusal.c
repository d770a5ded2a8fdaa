/* One place for what a caller is told when it gets nothing: reason, sentence, and when to come again. */
#include "refusal.h"

/* What a caller is asked to wait before it tries again. */
#define RETRY_BUSY_MS  100
#define RETRY_STORE_MS 1000

void ses_refusal_set(struct ses_error *error, enum ses_reason reason, uint32_t delay_ms,
                     struct ses_slice message)
{
    ses_error_refuse(error, reason, message);
    error->retry_delay_ms = delay_ms;
}

void ses_refusal_store(struct ses_error *error, enum ses_status status)
{
    switch (status) {
    case SES_FULL:
        ses_refusal_set(error, SES_REASON_STORE_FULL, RETRY_STORE_MS, SES_STR("the session store is full"));
        break;
    case SES_OVER_SHARE:
        ses_refusal_set(error, SES_REASON_MERCHANT_SHARE_FULL, RETRY_STORE_MS,
                        SES_STR("this merchant has its share of the session store "
                                "(limits.merchant_share_percent, limits.early_events_percent)"));
        break;
    case SES_RESOURCE_EXHAUSTED:
        ses_refusal_set(error, SES_REASON_STORE_BUSY, RETRY_BUSY_MS,
                        SES_STR("too many sessions wait to be written"));
        break;
    case SES_UNKNOWN:
        ses_refusal_set(error, SES_REASON_OUTCOME_UNKNOWN, RETRY_STORE_MS,
                        SES_STR("whether this call's change was stored is not known: the same call again "
                                "settles it"));
        break;
    case SES_TOO_LARGE:
        /* No delay where waiting does not help. */
        ses_refusal_set(error, SES_REASON_SESSION_TOO_LARGE, 0,
                        SES_STR("the session is larger than the store takes"));
        break;
    case SES_NO_MEMORY:
        ses_refusal_set(error, SES_REASON_OUT_OF_MEMORY, RETRY_STORE_MS, SES_STR("out of memory"));
        break;
    case SES_DATA_LOSS:
        ses_refusal_set(error, SES_REASON_SESSION_UNREADABLE, 0,
                        SES_STR("the stored session cannot be read"));
        break;
    default:
        ses_refusal_set(error, SES_REASON_STORE_UNAVAILABLE, RETRY_STORE_MS,
                        SES_STR("the session store is not available"));
        break;
    }
}

void ses_refusal_busy(struct ses_error *error)
{
    ses_refusal_set(error, SES_REASON_SESSION_BUSY, RETRY_BUSY_MS,
                    SES_STR("another call for this session is still in flight"));
}

void ses_refusal_internal(struct ses_error *error, enum ses_status status)
{
    if (status == SES_NO_MEMORY)
        ses_refusal_store(error, status);
    else
        ses_error_set(error, SES_INTERNAL, SES_STR("the session could not be answered"));
}

void ses_refusal_stopping(struct ses_error *error)
{
    ses_error_set(error, SES_UNAVAILABLE, SES_STR("the server is stopping"));
}

void ses_refusal_closed(struct ses_error *error, enum ses_session_status status)
{
    ses_refusal_set(error, SES_REASON_SESSION_CLOSED, 0,
                    SES_STR("the session with this merchant_session_id is closed"));
    ses_error_metadata(error, SES_STR("status"), ses_slice_str(ses_session_status_name(status)));
}

void ses_refusal_connector(struct ses_error *error, const char *connector)
{
    ses_refusal_set(error, SES_REASON_CONNECTOR_MISMATCH, 0,
                    SES_STR("the session was made with another connector than the call names"));
    ses_error_metadata(error, SES_STR("connector"), ses_slice_str(connector));
}

/* Names of all fields of a request joined by ", ". */
#define NAMES_SIZE 1536

static struct ses_slice join_names(struct ses_arena *arena, enum ses_naming naming, uint64_t fields)
{
    char *names = ses_arena_alloc(arena, NAMES_SIZE);
    size_t len = 0;

    if (names == NULL)
        return SES_STR("(out of memory)");
    for (; fields != 0; fields &= fields - 1) {
        struct ses_slice path = ses_field_path(naming, (enum ses_field)__builtin_ctzll(fields));

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
void ses_refusal_conflict(struct ses_error *error, struct ses_arena *arena, enum ses_naming naming,
                          uint64_t differing, bool unsettled)
{
    struct ses_slice names = join_names(arena, naming, differing);
    const char *with = unsettled ? "an earlier call, whose outcome at the connector is not known yet,"
                                 : "the session with this merchant_session_id";
    const char *text = ses_arena_printf(arena, "%s differs in: %.*s", with, SES_FMT(names));

    ses_refusal_set(error, SES_REASON_SESSION_CONFLICT, 0,
                    text != NULL ? ses_slice_str(text)
                                 : SES_STR("another session with this merchant_session_id differs"));
    ses_error_metadata(error, SES_STR("differing_fields"), names);
    if (unsettled)
        ses_error_metadata(error, SES_STR("outcome"), SES_STR("unknown"));
}

/* Whether the message is still the bare rule is told by its address: ses_error_violation sets both to
 * one literal. */
void ses_refusal_summarise(struct ses_error *error, struct ses_arena *arena)
{
    const struct ses_error_pair *first = &error->violations[0];
    const char *text;

    if (error->violations_count == 0 || error->message.data != first->value.data)
        return;
    if (error->violations_count == 1)
        text = ses_arena_printf(arena, "%.*s %.*s", SES_FMT(first->key), SES_FMT(first->value));
    else
        text = ses_arena_printf(arena, "%.*s %.*s (and %zu more)", SES_FMT(first->key), SES_FMT(first->value),
                                error->violations_count - 1);
    if (text != NULL)
        error->message = ses_slice_str(text);
}
