#include "credential_fixture.h"

enum ses_status resolve(struct fixture *f, const struct ses_connector_headers *headers)
{
    f->credentials = (struct ses_credentials){0};
    f->error = (struct ses_error){0};
    return ses_credentials_resolve(NULL, SES_STR("0123456789abcdef"), headers, &f->arena, &f->credentials,
                                   &f->error);
}

void assert_refused(const struct fixture *f, const char *reason, const char *header, const char *key)
{
    assert_int_equal(f->error.status, SES_INVALID_ARGUMENT);
    assert_string_equal(ses_reason_name(f->error.reason), reason);
    assert_slice(f->error.metadata[0].key, "header");
    assert_slice(f->error.metadata[0].value, header);
    assert_true(f->error.message.len > 0);
    if (key != NULL) {
        assert_slice(f->error.metadata[1].key, "key");
        assert_slice(f->error.metadata[1].value, key);
    }
}

void init(struct fixture *f)
{
    fixture_init(f, "stripe", "");
}
