/* A request on its way to the payment server. The first byte chooses the method; the second what the session knows: bit 0: a token of the
 * connector, bit 1: state, bit 2: what the payment told, bit 3: what a browser brought. Any bytes are refused with a reason, or
 * are what the server will read: what was checked in them stands once, before and behind what is put in, and no token of ours is left. */
#include "gateway/gateway_request.h"

#include <stdlib.h>

#include <sessiond/codec/wire.h>
#include <sessiond/domain/gateway_methods.h>

#define NOW_MS 6000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct ses_session session_that_knows(uint8_t what)
{
    static const struct ses_return_parameter parameters[] = {{SES_STR_INIT("cres"), SES_STR_INIT("v")},
                                                             {SES_STR_INIT("cres"), SES_STR_INIT("w")}};
    struct ses_session session = {.connector_session_present = (what & 1) != 0,
                                  .connector_session = {.token = SES_STR("con")}};

    if ((what & 2) != 0)
        session.state = (struct ses_session_state){.access_token_present = true,
                                                   .access_token = SES_STR("at"),
                                                   .expires_in_present = true,
                                                   .expires_in_seconds = 10,
                                                   .stored_ms = 1000,
                                                   .connector_customer_id_present = true,
                                                   .connector_customer_id = SES_STR("cu")};
    if ((what & 4) != 0) {
        session.facts.feature_data = SES_STR("{}");
        session.facts.connector_transaction_id = SES_STR("tx");
        session.facts.authentication_data = SES_STR("\x0a\x01\x35");
    }
    session.redirect_present = (what & 8) != 0;
    session.redirect.query = SES_STR("a=b");
    session.redirect.parameters = parameters;
    session.redirect.parameters_count = 2;
    return session;
}

/* How often the field of a part stands at the top, as any reader of the format counts; 0 for a part that the method has not. */
static unsigned times(const struct ses_gateway_method *method, enum ses_gateway_part part,
                      struct ses_slice message)
{
    struct ses_wire wire = ses_wire(message);
    unsigned found = 0;

    while (ses_wire_more(&wire)) {
        struct ses_wire_item item;

        SES_REQUIRE(ses_wire_next(&wire, &item) == SES_OK);
        found += method->request[part] != 0 && item.number == method->request[part] ? 1 : 0;
    }
    return found;
}

static void check_same(const struct ses_gateway_request *before, const struct ses_gateway_request *after)
{
    for (int i = 0; i < SES_GATEWAY_PARTS; i++) {
        enum ses_gateway_part part = (enum ses_gateway_part)i;

        if (ses_gateway_has(before, part) && part != SES_GATEWAY_TOKEN)
            SES_REQUIRE(ses_gateway_has(after, part) && ses_slice_eq(before->part[part], after->part[part]));
        SES_REQUIRE(times(after->method, part, after->bytes) == (ses_gateway_has(after, part) ? 1u : 0u));
    }
    SES_REQUIRE(after->minor_amount == before->minor_amount && after->currency == before->currency);
    SES_REQUIRE(after->test_mode == before->test_mode && after->payment_amount == before->payment_amount);
    SES_REQUIRE(!ses_gateway_is_our_token(after->part[SES_GATEWAY_TOKEN]));
}

static void check_written(const struct ses_gateway_request *request, const struct ses_session *session)
{
    struct ses_gateway_request after;
    struct ses_arena arena;
    struct ses_error error = {.status = SES_OK};
    struct ses_slice written;

    ses_arena_init(&arena, 16u << 20);
    SES_REQUIRE(ses_gateway_request_write(request, session, NOW_MS, &arena, &written) == SES_OK);
    /* What is put in may be what is one field too many for a second look. */
    if (ses_gateway_request_read(request->method, written, &after, &error) == SES_OK)
        check_same(request, &after);
    else
        SES_REQUIRE(request->bytes.len >= 2 * (SES_GATEWAY_FIELDS_MAX - SES_GATEWAY_PARTS));
    ses_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ses_gateway_request request;
    struct ses_error error = {.status = SES_OK};
    struct ses_session session;
    enum ses_status status;

    if (len < 2)
        return 0;
    session = session_that_knows(data[1]);
    status = ses_gateway_request_read(ses_gateway_method_at(data[0] % SES_GATEWAY_METHODS),
                                      ses_slice(data + 2, len - 2), &request, &error);
    SES_REQUIRE(status == error.status && (status == SES_OK || status == SES_INVALID_ARGUMENT));
    if (status == SES_OK)
        check_written(&request, &session);
    return 0;
}
