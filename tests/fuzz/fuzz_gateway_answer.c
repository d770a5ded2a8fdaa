/* The payment server's answer; the first byte chooses the method. Any bytes are refused as no message, or lose what nobody may see and
 * nothing else: no raw field is left at the top or in an answer inside it, what is told is told as before, and a second cut finds
 * nothing to cut. */
#include "gateway/gateway_answer.h"

#include <stdlib.h>

#include <sessiond/codec/wire.h>
#include <sessiond/domain/gateway_methods.h>

#define NOW_MS 1u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool is_raw(const struct ses_gateway_method *method, uint32_t number)
{
    return number == method->answer[SES_GATEWAY_TOLD_RAW_REQUEST] ||
           number == method->answer[SES_GATEWAY_TOLD_RAW_RESPONSE];
}

/* NULL: the field is no answer of another method. */
static const struct ses_gateway_method *inside(const struct ses_gateway_method *method,
                                               const struct ses_wire_item *item)
{
    const struct ses_gateway_nested *nested = method->nested;

    while (nested != NULL && nested->field != 0 && nested->field != item->number)
        nested++;
    return nested != NULL && item->type == SES_WIRE_BYTES ? nested->method : NULL;
}

static void check_clean(const struct ses_gateway_method *method, struct ses_slice message)
{
    struct ses_wire wire = ses_wire(message);

    while (ses_wire_more(&wire)) {
        const struct ses_gateway_method *nested;
        struct ses_wire_item item;

        SES_REQUIRE(ses_wire_next(&wire, &item) == SES_OK && !is_raw(method, item.number));
        nested = inside(method, &item);
        if (nested != NULL)
            check_clean(nested, item.bytes);
    }
}

static void check_told(const struct ses_gateway_method *method, struct ses_slice message,
                       struct ses_slice kept)
{
    struct ses_gateway_told_facts whole;
    struct ses_gateway_told_facts cut;

    SES_REQUIRE(ses_gateway_answer_read(method, message, NOW_MS, &whole) == SES_OK);
    SES_REQUIRE(ses_gateway_answer_read(method, kept, NOW_MS, &cut) == SES_OK);
    SES_REQUIRE(whole.status == cut.status && whole.redirection == cut.redirection);
    SES_REQUIRE(ses_slice_eq(whole.transaction, cut.transaction) &&
                ses_slice_eq(whole.feature_data, cut.feature_data) &&
                ses_slice_eq(whole.authentication, cut.authentication));
    SES_REQUIRE(!ses_session_state_differs(&whole.state, &cut.state));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ses_gateway_method *method;
    struct ses_slice message, kept, again;
    struct ses_arena arena;
    enum ses_status status;

    if (len == 0)
        return 0;
    method = ses_gateway_method_at(data[0] % SES_GATEWAY_METHODS);
    message = ses_slice(data + 1, len - 1);
    ses_arena_init(&arena, 16u << 20);
    status = ses_gateway_answer_without_raw(method, message, &arena, &kept);
    SES_REQUIRE(status == SES_OK || status == SES_MALFORMED);
    if (status == SES_OK) {
        SES_REQUIRE(kept.len <= message.len);
        check_clean(method, kept);
        check_told(method, message, kept);
        SES_REQUIRE(ses_gateway_answer_without_raw(method, kept, &arena, &again) == SES_OK);
        SES_REQUIRE(ses_slice_eq(kept, again));
    }
    ses_arena_done(&arena);
    return 0;
}
