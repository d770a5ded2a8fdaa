#include "create_session.h"

/* What a caller is asked to wait before it tries again. */
#define RETRY_BUSY_MS  100
#define RETRY_STORE_MS 1000

/* One line for those who do not read details: "metadata must be at most .. (and 2 more)". */
static void summarise(struct ses_create *c, struct ses_error *error)
{
    const struct ses_error_pair *first = &error->violations[0];
    const char *text;

    if (error->violations_count == 1)
        text = ses_arena_printf(&c->x->arena, "%.*s %.*s", SES_FMT(first->key), SES_FMT(first->value));
    else
        text = ses_arena_printf(&c->x->arena, "%.*s %.*s (and %zu more)", SES_FMT(first->key),
                                SES_FMT(first->value), error->violations_count - 1);
    if (text != NULL)
        error->message = ses_slice_str(text);
}

void ses_create_fail(struct ses_create *c, const struct ses_error *error)
{
    struct ses_error told = *error;

    if (c->claim.held)
        ses_store_release(c->service->options.store, &c->claim);
    /* Only where the message is still the bare rule of the first violation. */
    if (told.violations_count > 0 && told.message.data == told.violations[0].value.data)
        summarise(c, &told);
    ses_exchange_fail(c->x, &told);
    ses_create_finish(c);
}

void ses_create_fail_internal(struct ses_create *c)
{
    struct ses_error error;

    ses_error_set(&error, SES_INTERNAL, SES_STR("the session could not be answered"));
    ses_create_fail(c, &error);
}

static void set_retry(struct ses_error *error, enum ses_status status, struct ses_slice reason,
                      uint32_t delay_ms, struct ses_slice message)
{
    ses_error_set(error, status, message);
    error->reason = reason;
    error->retry_delay_ms = delay_ms;
}

void ses_create_fail_store(struct ses_create *c, enum ses_status status)
{
    struct ses_error error;

    switch (status) {
    case SES_FULL:
        set_retry(&error, SES_RESOURCE_EXHAUSTED, SES_STR("STORE_FULL"), RETRY_STORE_MS,
                  SES_STR("the session store is full"));
        break;
    case SES_BUSY:
        set_retry(&error, SES_RESOURCE_EXHAUSTED, SES_STR("STORE_BUSY"), RETRY_BUSY_MS,
                  SES_STR("too many sessions wait to be written"));
        break;
    case SES_TOO_LARGE:
        set_retry(&error, SES_RESOURCE_EXHAUSTED, SES_STR("SESSION_TOO_LARGE"), 0,
                  SES_STR("the session is larger than the store takes"));
        break;
    case SES_NO_MEMORY:
        set_retry(&error, SES_RESOURCE_EXHAUSTED, SES_STR("OUT_OF_MEMORY"), RETRY_STORE_MS,
                  SES_STR("out of memory"));
        break;
    case SES_DATA_LOSS:
        set_retry(&error, SES_DATA_LOSS, SES_STR("SESSION_UNREADABLE"), 0,
                  SES_STR("the stored session cannot be read"));
        break;
    default:
        set_retry(&error, SES_UNAVAILABLE, SES_STR("STORE_UNAVAILABLE"), RETRY_STORE_MS,
                  SES_STR("the session store is not available"));
        break;
    }
    ses_create_fail(c, &error);
}

void ses_create_fail_busy(struct ses_create *c)
{
    struct ses_error error;

    set_retry(&error, SES_ABORTED, SES_STR("SESSION_BUSY"), RETRY_BUSY_MS,
              SES_STR("another call for this session is still in flight"));
    ses_create_fail(c, &error);
}

void ses_create_fail_closed(struct ses_create *c)
{
    struct ses_error error;

    set_retry(&error, SES_FAILED_PRECONDITION, SES_STR("SESSION_CLOSED"), 0,
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

void ses_create_fail_conflict(struct ses_create *c, uint64_t differing)
{
    struct ses_slice names = join_names(c, differing);
    struct ses_error error;
    const char *text = ses_arena_printf(
        &c->x->arena, "a live session with this merchant_session_id differs in: %.*s", SES_FMT(names));

    ses_count(c->service->options.metrics, SES_C_SESSIONS_CONFLICT, 1);
    set_retry(&error, SES_ALREADY_EXISTS, SES_STR("SESSION_CONFLICT"), 0, ses_slice_str(text));
    ses_error_metadata(&error, SES_STR("differing_fields"), names);
    ses_create_fail(c, &error);
}
