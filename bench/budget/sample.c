#include "sample.h"

struct ses_session budget_session(uint64_t now_ms)
{
    return (struct ses_session){.id = "0123456789abcde",
                                .status = SES_SESSION_OPEN,
                                .generation = 1,
                                .version = 1,
                                .created_ms = now_ms,
                                .updated_ms = now_ms,
                                .expires_ms = now_ms + 900000,
                                .token_issued_ms = now_ms,
                                .tenant = SES_STR("DefaultTenantId"),
                                .merchant = SES_STR("DefaultMerchantId"),
                                .merchant_session_id = SES_STR("load-ghij-aaaaaaaaabcd"),
                                .test_mode = true,
                                .connector = {.number = 3, .name = "adyen"},
                                .currency = 146,
                                .minor_amount = 10000};
}

nghttp2_nv budget_field(const char *name, const char *value)
{
    union {
        const char *in;
        uint8_t *out;
    } n = {name}, v = {value}; /* nghttp2 takes them writable and does not write */

    return (nghttp2_nv){n.out, v.out, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}
