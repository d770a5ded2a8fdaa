/* One place for what a caller is told when the store cannot: reason, sentence, and when to come again. */
#include "store_error.h"

/* What a caller is asked to wait before it tries again. */
#define RETRY_BUSY_MS  100
#define RETRY_STORE_MS 1000

void ses_error_retry(struct ses_error *error, enum ses_status status, struct ses_slice reason,
                     uint32_t delay_ms, struct ses_slice message)
{
    ses_error_set(error, status, message);
    error->reason = reason;
    error->retry_delay_ms = delay_ms;
}

void ses_error_store(struct ses_error *error, enum ses_status status)
{
    switch (status) {
    case SES_FULL:
        ses_error_retry(error, SES_RESOURCE_EXHAUSTED, SES_STR("STORE_FULL"), RETRY_STORE_MS,
                        SES_STR("the session store is full"));
        break;
    case SES_OVER_SHARE:
        ses_error_retry(error, SES_RESOURCE_EXHAUSTED, SES_STR("MERCHANT_SHARE_FULL"), RETRY_STORE_MS,
                        SES_STR("this merchant has its share of the session store "
                                "(limits.merchant_share_percent, limits.early_events_percent)"));
        break;
    case SES_BUSY:
        ses_error_retry(error, SES_RESOURCE_EXHAUSTED, SES_STR("STORE_BUSY"), RETRY_BUSY_MS,
                        SES_STR("too many sessions wait to be written"));
        break;
    case SES_TOO_LARGE:
        /* No delay where waiting does not help. */
        ses_error_retry(error, SES_RESOURCE_EXHAUSTED, SES_STR("SESSION_TOO_LARGE"), 0,
                        SES_STR("the session is larger than the store takes"));
        break;
    case SES_NO_MEMORY:
        ses_error_retry(error, SES_RESOURCE_EXHAUSTED, SES_STR("OUT_OF_MEMORY"), RETRY_STORE_MS,
                        SES_STR("out of memory"));
        break;
    case SES_DATA_LOSS:
        ses_error_retry(error, SES_DATA_LOSS, SES_STR("SESSION_UNREADABLE"), 0,
                        SES_STR("the stored session cannot be read"));
        break;
    default:
        ses_error_retry(error, SES_UNAVAILABLE, SES_STR("STORE_UNAVAILABLE"), RETRY_STORE_MS,
                        SES_STR("the session store is not available"));
        break;
    }
}

void ses_error_busy(struct ses_error *error)
{
    ses_error_retry(error, SES_ABORTED, SES_STR("SESSION_BUSY"), RETRY_BUSY_MS,
                    SES_STR("another call for this session is still in flight"));
}

/* Whether the message is still the bare rule is told by its address: ses_error_violation sets both to
 * one literal. */
void ses_error_summarise(struct ses_error *error, struct ses_arena *arena)
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
