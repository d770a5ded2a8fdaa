/* Where exchanges come from and go to, what a door puts into one before its method is called, and the method's headers
 * and trailers. */
#include "exchange_pool.h"

#include <stdlib.h>

#include <sessiond/base/ascii.h>
#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>
#include <sessiond/caller/caller_key.h>
#include <sessiond/domain/card_data.h>

/* A recycled arena keeps its first chunk; one that began with a large body is not worth keeping. */
#define KEEP_BYTES_MAX (32 * SES_KIB)
/* A request has about a dozen headers; the array doubles from here. */
#define FIRST_HEADERS 16

/* Nothing is allocated in advance: the first requests fill the pool. */
enum ses_status ses_exchange_pool_new(const struct ses_exchange_pool_options *options,
                                      struct ses_exchange_pool **ret_pool)
{
    struct ses_exchange_pool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL)
        return SES_NO_MEMORY;
    SES_REQUIRE(options->arena_bytes_max != 0 && options->exchanges_max != 0);
    pool->options = *options;
    *ret_pool = pool;
    return SES_OK;
}

static void discard(struct ses_exchange *x)
{
    ses_arena_done(&x->arena);
    free(x);
}

/* Exchanges that are open have owners who would use them: that would be a mistake of the order of
 * closing. */
void ses_exchange_pool_free(struct ses_exchange_pool *pool)
{
    if (pool == NULL)
        return;
    SES_REQUIRE(pool->open_count == 0);
    for (struct ses_exchange *x = pool->idle, *next; x != NULL; x = next) {
        next = x->cancel_arg;
        discard(x);
    }
    free(pool);
}

unsigned ses_exchange_pool_open(const struct ses_exchange_pool *pool)
{
    return pool->open_count;
}

unsigned ses_exchange_pool_peak(const struct ses_exchange_pool *pool)
{
    return pool->open_peak;
}

unsigned ses_exchange_pool_kept(const struct ses_exchange_pool *pool)
{
    return pool->idle_count;
}

/* A recycled exchange keeps its arena (and thereby one chunk of memory), everything else starts as zero. The
 * last one in is the first one out: its memory is still in the cache. */
static struct ses_exchange *take_idle(struct ses_exchange_pool *pool)
{
    struct ses_exchange *x = pool->idle;

    if (x == NULL)
        return NULL;
    pool->idle = x->cancel_arg;
    pool->idle_count--;
    struct ses_arena arena = x->arena;
    memset(x, 0, sizeof(*x));
    x->arena = arena;
    return x;
}

void ses_exchange_pool_rest(struct ses_exchange_pool *pool)
{
    while (pool->idle_count > SES_EXCHANGE_POOL_REST)
        discard(take_idle(pool));
    pool->open_peak = pool->open_count;
}

static struct ses_exchange *make(struct ses_exchange_pool *pool)
{
    struct ses_exchange *x = calloc(1, sizeof(*x));

    if (x != NULL)
        ses_arena_init(&x->arena, pool->options.arena_bytes_max);
    return x;
}

enum ses_status ses_exchange_new(struct ses_exchange_pool *pool, struct ses_exchange **ret_exchange)
{
    if (pool->open_count >= pool->options.exchanges_max)
        return SES_RESOURCE_EXHAUSTED;
    struct ses_exchange *x = take_idle(pool);
    if (x == NULL)
        x = make(pool);
    if (x == NULL)
        return SES_NO_MEMORY;
    ses_list_init(&x->node);
    ses_timer_init(&x->deadline_timer);
    x->pool = pool;
    x->references = 1;
    x->started_mono_ns = ses_clock_mono_ns();
    pool->open_count++;
    if (pool->open_count > pool->open_peak)
        pool->open_peak = pool->open_count;
    ses_gauge_add(pool->options.metrics, SES_C_STREAMS_OPEN, 1);
    *ret_exchange = x;
    return SES_OK;
}

/* An arena of the usual size is what the place in the pool stands for; more is counted where it is
 * held. */
size_t ses_exchange_held(const struct ses_exchange *x)
{
    return x->arena.total > KEEP_BYTES_MAX ? x->arena.total : 0;
}

void ses_exchange_hold(struct ses_exchange *x)
{
    x->references++;
}

/* The last reference: out of every list and timer before it is recycled, as both point into it. A chunk
 * that is larger than usual is given back, or a large body once in each exchange would keep the pool at its
 * peak for ever. */
void ses_exchange_release(struct ses_exchange *x)
{
    struct ses_exchange_pool *pool = x->pool;

    SES_REQUIRE(x->references > 0);
    if (--x->references > 0)
        return;
    if (x->count != NULL)
        x->count->released(x, x->count_arg);
    ses_timer_stop(&x->deadline_timer);
    ses_list_remove(&x->node);
    pool->open_count--;
    ses_gauge_add(pool->options.metrics, SES_C_STREAMS_OPEN, -1);
    if (pool->idle_count >= pool->options.keep) {
        discard(x);
        return;
    }
    ses_arena_reset(&x->arena);
    if (x->arena.total > KEEP_BYTES_MAX)
        ses_arena_done(&x->arena);
    x->cancel_arg = pool->idle;
    pool->idle = x;
    pool->idle_count++;
}

/* Room for one more: the array has room for 1, 2, 4, .. times first fields (a power of two), the smallest that holds
 * them; old ones stay behind in the arena. */
static enum ses_status extend(struct ses_exchange *x, struct ses_header **fields, size_t count, size_t first)
{
    if (count != 0 && (count < first || (count & (count - 1)) != 0))
        return SES_OK;
    struct ses_header *larger =
        ses_arena_alloc(&x->arena, (count == 0 ? first : 2 * count) * sizeof(*larger));
    if (larger == NULL)
        return SES_NO_MEMORY;
    if (count > 0)
        memcpy(larger, *fields, count * sizeof(*larger));
    *fields = larger;
    return SES_OK;
}

/* Name and value are one allocation, behind each other. Names are lowered here once (HTTP/1.1 has them
 * in any case), so that every look-up is a comparison of bytes. */
enum ses_status ses_exchange_add_header(struct ses_exchange *x, struct ses_slice name, struct ses_slice value)
{
    uint8_t *copy = ses_arena_alloc(&x->arena, name.len + value.len + 1);

    if (copy == NULL)
        return SES_NO_MEMORY;
    SES_TRY(extend(x, &x->headers, x->headers_count, FIRST_HEADERS));
    for (size_t i = 0; i < name.len; i++)
        copy[i] = ses_ascii_lower(name.data[i]);
    if (value.len > 0)
        memcpy(copy + name.len, value.data, value.len);
    copy[name.len + value.len] = '\0'; /* of use in a debugger only */
    x->headers[x->headers_count++] =
        (struct ses_header){ses_slice(copy, name.len), ses_slice(copy + name.len, value.len)};
    ses_exchange_see_traceparent(x, ses_slice(copy, name.len));
    return SES_OK;
}

struct ses_slice ses_exchange_header(const struct ses_exchange *x, const char *name, bool *ret_present)
{
    struct ses_slice wanted = ses_slice_str(name);
    struct ses_slice value = SES_SLICE_EMPTY;
    bool present = false;

    for (size_t i = 0; i < x->headers_count && !present; i++) {
        present = ses_slice_eq(x->headers[i].name, wanted);
        if (present)
            value = x->headers[i].value;
    }
    if (ret_present != NULL)
        *ret_present = present;
    return value;
}

/* Printable ASCII without spaces: safe in a header, a log line and a shell. No card number and no caller's key: it
 * is logged. A caller's id that is not good is replaced, not refused: it is for the caller's own logs. */
static bool is_request_id(struct ses_slice id)
{
    bool good = id.len > 0 && id.len <= SES_REQUEST_ID_MAX;

    for (size_t i = 0; good && i < id.len; i++)
        good = id.data[i] > 0x20 && id.data[i] < 0x7f;
    return good && !ses_caller_key_is_one(id) && ses_card_data_find(id) == SES_CARD_DATA_NONE;
}

static void take_request_id(struct ses_exchange *x)
{
    struct ses_slice id = ses_exchange_header(x, "x-request-id", NULL);

    if (!is_request_id(id)) {
        ses_uuid_v4(x->request_id);
        return;
    }
    memcpy(x->request_id, id.data, id.len);
    x->request_id[id.len] = '\0';
}

void ses_exchange_settle_request_id(struct ses_exchange *x)
{
    take_request_id(x);
    if (x->traceparents > 0)
        ses_exchange_take_trace(x, ses_exchange_header(x, SES_TRACEPARENT, NULL));
    else if (x->pool->options.spans != NULL)
        ses_exchange_begin_trace(x);
}

/* Methods set a handful; the pages at /r/, whose headers protect their reader and must not be left out, set five. */
void ses_exchange_reply_header(struct ses_exchange *x, struct ses_slice name, struct ses_slice value)
{
    SES_REQUIRE(x->reply_headers_count < SES_EXCHANGE_REPLY_FIELDS_MAX);
    if (x->reply_headers_count == 0)
        x->reply_headers = x->reply_headers_few;
    else if (extend(x, &x->reply_headers, x->reply_headers_count, SES_EXCHANGE_REPLY_FIELDS_FEW) != SES_OK)
        return;
    x->reply_headers[x->reply_headers_count++] = (struct ses_header){name, value};
}

void ses_exchange_reply_trailer(struct ses_exchange *x, struct ses_slice name, struct ses_slice value)
{
    SES_REQUIRE(x->reply_trailers_count < SES_EXCHANGE_REPLY_FIELDS_MAX);
    if (extend(x, &x->reply_trailers, x->reply_trailers_count, SES_EXCHANGE_REPLY_FIELDS_FEW) == SES_OK)
        x->reply_trailers[x->reply_trailers_count++] = (struct ses_header){name, value};
}
