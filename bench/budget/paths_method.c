#include "budget.h"

#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/domain/request.h>
#include <sessiond/exchange/message.h>

#include "record_codec.h"
#include "session_request.h"
#include "usual.h"
#include "sample.h"

#define NOW_MS UINT64_C(1700000000000)

typedef Types__MerchantAuthenticationServiceCreateSessionTokenRequest request_message;

static char token_text[] =
    "sess_v4.public."
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "A";

/* merchant_session_id, 10000 USD, accept_header, user_agent, test_mode: what sessiond-load sends. */
static const uint8_t request_bytes[] =
    "\x0a\x16"
    "load-ghij-aaaaaaaaabcd"
    "\x12\x06\x08\x90\x4e\x10\x92\x01"
    "\x32\x6f\x42\x09"
    "text/html"
    "\x4a\x62"
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36 "
    "\x38\x01";

static struct ses_exchange_pool *new_pool(void)
{
    struct ses_exchange_pool_options options = usual_pool();

    options.exchanges_max = 4;
    struct ses_exchange_pool *pool;

    BUDGET_OK(ses_exchange_pool_new(&options, &pool));
    return pool;
}

static struct ses_exchange *new_exchange(struct ses_exchange_pool *pool)
{
    struct ses_exchange *x;

    BUDGET_OK(ses_exchange_new(pool, &x));
    x->encoding = SES_ENCODING_PROTO;
    return x;
}

static const request_message *decode(struct ses_exchange *x)
{
    ProtobufCMessage *message;
    struct ses_error error;

    BUDGET_OK(ses_message_decode(
        x, ses_slice(request_bytes, sizeof(request_bytes) - 1),
        &types__merchant_authentication_service_create_session_token_request__descriptor, &message, &error));
    return (const request_message *)message;
}

/* With the exchange it needs: taken from the pool and given back. */
void budget_decode(const char *dir, unsigned operations)
{
    struct ses_exchange_pool *pool = new_pool();

    (void)dir;
    ses_exchange_release(new_exchange(pool)); /* the pool has one to recycle */
    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++) {
        struct ses_exchange *x = new_exchange(pool);

        (void)decode(x);
        ses_exchange_release(x);
    });
    ses_exchange_pool_free(pool);
}

static void fill(const request_message *message, struct ses_session_request *request)
{
    *request = (struct ses_session_request){.present = SES_FIELD_BIT(SES_FIELD_PAYMENT), .test_mode = true};
    ses_request_set_text(request, SES_FIELD_MERCHANT_SESSION_ID, message->merchant_session_id);
    ses_request_set_amount(request, message->amount);
    ses_request_set_browser(request, message->browser_info);
}

/* All rules and the payload's fingerprint. */
void budget_validate(const char *dir, unsigned operations)
{
    const struct ses_tag_key key = {.bytes = "0123456789abcde"};
    struct ses_exchange_pool *pool = new_pool();
    struct ses_exchange *x = new_exchange(pool);
    const request_message *message = decode(x);
    struct ses_session_request request;
    struct ses_fingerprint fingerprint;
    struct ses_error error;

    (void)dir;
    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++) {
        fill(message, &request);
        BUDGET_OK(ses_request_check(&request, SES_NAMING_SESSION_TOKEN, &error));
        ses_request_fingerprint(&request, &key, &fingerprint);
    });
    ses_exchange_release(x);
    ses_exchange_pool_free(pool);
}

void budget_encode(const char *dir, unsigned operations)
{
    Types__MerchantAuthenticationServiceCreateSessionTokenResponse message;
    struct ses_exchange_pool *pool = new_pool();

    (void)dir;
    ses_exchange_release(new_exchange(pool));
    types__merchant_authentication_service_create_session_token_response__init(&message);
    message.status_code = 200;
    message.session_token = token_text;
    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++) {
        struct ses_exchange *x = new_exchange(pool);
        struct ses_slice bytes;

        BUDGET_OK(ses_message_encode(x, &message.base, &bytes));
        ses_exchange_release(x);
    });
    ses_exchange_pool_free(pool);
}

/* The body of a stored record. */
void budget_record(const char *dir, unsigned operations)
{
    const struct ses_session session = budget_session(NOW_MS);
    struct ses_arena arena;

    (void)dir;
    ses_arena_init(&arena, 1u << 20);
    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++) {
        struct ses_slice body;

        BUDGET_OK(ses_session_record_encode(&session, NULL, NULL, &arena, &body));
        ses_arena_reset(&arena);
    });
    ses_arena_done(&arena);
}
