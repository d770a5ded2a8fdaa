#include "budget.h"

#include <sessiond/domain/effect.h>
#include <sessiond/domain/gateway_methods.h>

#include "gateway_answer.h"
#include "gateway_request.h"
#include "record_codec.h"
#include "sample.h"

#define NOW_MS UINT64_C(1700000000000)

/* An Authorize of 100.00 with a card, our token in session_token (17) and a browser (26). */
static const uint8_t request_bytes[] = "\x0a\x18"
                                       "load-ghij-aaaaaaaaabcd-t"
                                       "\x12\x06\x08\x90\x4e\x10\x92\x01"
                                       "\x2a\x2b\x0a\x29\x0a\x12\x0a\x10"
                                       "4000000000000002"
                                       "\x12\x04\x0a\x02"
                                       "12"
                                       "\x1a\x06\x0a\x04"
                                       "2030"
                                       "\x22\x05\x0a\x03"
                                       "123"
                                       "\x8a\x01\x20"
                                       "sess_v4.public.AAAAAAAAAAAAAAAAA"
                                       "\x9a\x01\x16"
                                       "load-ghij-aaaaaaaaabcd"
                                       "\xd2\x01\x18\x42\x09"
                                       "text/html"
                                       "\x4a\x0b"
                                       "Mozilla/5.0"
                                       "\xf0\x01\x01";
/* Its answer: both ids, CHARGED, code 200, a customer, and the connector's raw answer and request. */
static const uint8_t answer_bytes[] = "\x0a\x18"
                                      "load-ghij-aaaaaaaaabcd-t"
                                      "\x12\x10"
                                      "711100000000aaaa"
                                      "\x18\x08\x28\xc8\x01"
                                      "\x52\x08\x12\x06"
                                      "cus_01"
                                      "\x5a\x12\x0a\x10"
                                      "{\"raw\":\"answer\"}"
                                      "\x62\x13\x0a\x11"
                                      "{\"raw\":\"request\"}"
                                      "\x68\x90\x4e";

static struct ses_session paid_session(struct ses_effect *effect)
{
    struct ses_session session = budget_session(NOW_MS);

    *effect = (struct ses_effect){.method = SES_STR("types.PaymentService/Authorize"),
                                  .merchant_id = SES_STR("load-ghij-aaaaaaaaabcd-t"),
                                  .attempt = "0123456789abcde",
                                  .started_ms = NOW_MS,
                                  .until_ms = NOW_MS + 70000,
                                  .ended_ms = NOW_MS + 100,
                                  .minor_amount = 10000,
                                  .amount_present = true,
                                  .pays = true,
                                  .state = SES_EFFECT_ANSWERED,
                                  .event = SES_EVENT_COMPLETED,
                                  .payment_status = 8,
                                  .captured = 10000,
                                  .answer = ses_slice(answer_bytes, sizeof(answer_bytes) - 1)};
    session.status = SES_SESSION_COMPLETED;
    session.version = 3;
    session.connector_session_present = true;
    session.connector_session.token = SES_STR("9610aeb1-54c8-4cd1-8c31-5eb4f3e1c8aa");
    session.facts.connector_transaction_id = SES_STR("711100000000aaaa");
    session.effects = effect;
    session.effects_count = 1;
    return session;
}

/* What is done with the bytes of both messages. */
static void pass(const struct ses_gateway_method *method, const struct ses_session *session,
                 struct ses_arena *arena)
{
    struct ses_gateway_told_facts facts;
    struct ses_gateway_request request;
    struct ses_slice bytes;
    struct ses_error error;

    BUDGET_OK(ses_gateway_request_read(method, ses_slice(request_bytes, sizeof(request_bytes) - 1), &request,
                                       &error));
    BUDGET_OK(ses_gateway_request_write(&request, session, NOW_MS, arena, &bytes));
    BUDGET_OK(ses_gateway_answer_without_raw(method, ses_slice(answer_bytes, sizeof(answer_bytes) - 1), arena,
                                             &bytes));
    BUDGET_OK(ses_gateway_answer_read(method, bytes, NOW_MS, &facts));
    SES_REQUIRE(facts.status == 8 && facts.captured == 10000);
}

void budget_gateway(const char *dir, unsigned operations)
{
    const struct ses_gateway_method *method = ses_gateway_method_at(SES_GATEWAY_NAME_AUTHORIZE);
    struct ses_effect effect;
    struct ses_session session = paid_session(&effect);
    struct ses_arena arena;

    (void)dir;
    ses_arena_init(&arena, 1u << 20);
    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++) {
        pass(method, &session, &arena);
        ses_arena_reset(&arena);
    });
    ses_arena_done(&arena);
}

/* The body of a record with a payment, both ways. */
void budget_paid_record(const char *dir, unsigned operations)
{
    struct ses_effect effect;
    struct ses_session session = paid_session(&effect);
    struct ses_arena arena;

    (void)dir;
    ses_arena_init(&arena, 1u << 20);
    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++) {
        const struct ses_record_origin *origin;
        struct ses_session read;
        struct ses_slice body;

        BUDGET_OK(ses_session_record_encode(&session, NULL, NULL, &arena, &body));
        BUDGET_OK(ses_session_record_decode(body, &arena, &read, &origin));
        ses_arena_reset(&arena);
    });
    ses_arena_done(&arena);
}
