#include "connector_fixture.h"

#include <sessiond/base/random.h>

#define ARENA_BYTES (4u * 1024 * 1024)

struct ses_slice text(const char *str)
{
    return ses_slice_str(str);
}

void fixture_init(struct fixture *f, const char *connector, const char *base_url)
{
    *f = (struct fixture){0};
    ses_random_init();
    ses_arena_init(&f->arena, ARENA_BYTES);
    f->credentials.connector = ses_connector_by_name(text(connector));
    assert_non_null(f->credentials.connector);
    f->call = (struct ses_session_call){
        .credentials = &f->credentials,
        .base_url = text(base_url),
        .merchant_session_id = text("session_001"),
        .minor_amount = 10000,
        .currency = "USD",
        .exponent = 2,
        .idempotency_key = text("idem-1"),
        .now_ms = 1767323045123,
        .salt = {0, 1, 2},
    };
}

void fixture_key(struct fixture *f, const char *name, const char *value)
{
    f->credentials.fields[f->credentials.fields_count++] = (struct ses_credential){name, text(value)};
}

void fixture_done(struct fixture *f)
{
    ses_arena_done(&f->arena);
}

enum ses_status fixture_build(struct fixture *f)
{
    return f->credentials.connector->ops->build(&f->call, &f->arena, &f->request, &f->error);
}

void fixture_parse(struct fixture *f, uint32_t http_status, const char *body)
{
    assert_int_equal(f->credentials.connector->ops->parse(http_status, text(body), &f->arena, &f->result),
                     SES_OK);
}

void assert_slice(struct ses_slice actual, const char *expected)
{
    assert_int_equal(actual.len, strlen(expected));
    if (actual.len > 0)
        assert_memory_equal(actual.data, expected, actual.len);
}

void assert_header(const struct ses_outbound_request *request, size_t index, const char *name,
                   const char *value)
{
    assert_true(index < request->headers_count);
    assert_slice(request->headers[index].name, name);
    assert_slice(request->headers[index].value, value);
}

void assert_error(const struct ses_connector_result *result, enum ses_connector_outcome outcome,
                  uint32_t status_code, const char *code, const char *message, const char *reason)
{
    assert_int_equal(result->outcome, outcome);
    assert_int_equal(result->status_code, status_code);
    assert_slice(result->code, code);
    assert_slice(result->message, message);
    assert_slice(result->reason, reason);
    assert_true(result->session_token.len == 0 || result->repeated);
}
