#include "unit.h"

#include <string.h>

#include <sessiond/base/json_load.h>

#include "json_fault.h"

#define TEXT                                                                                                 \
    "{\"merchant_session_id\":\"a text that is longer than any buffer which a parser brings along of its "   \
    "own\","                                                                                                 \
    "\"list\":[1,2.5,true,null,{\"a\":\"b\"}]}"

/* Whichever allocation fails: never "malformed", and never a text that lost bytes. */
static void every_failed_allocation_is_told(void **state)
{
    json_t *whole = NULL;
    bool parsed = false;

    (void)state;
    json_fault_none();
    assert_int_equal(ses_json_load(SES_STR(TEXT), 0, NULL, &whole), SES_OK);
    for (unsigned allocations = 0; !parsed; allocations++) {
        json_t *json = NULL;
        enum ses_status status;

        assert_true(allocations < 1000);
        json_fault_after(allocations);
        status = ses_json_load(SES_STR(TEXT), JSON_REJECT_DUPLICATES, NULL, &json);
        json_fault_none();
        parsed = status == SES_OK;
        if (parsed)
            assert_true(json_equal(json, whole));
        else
            assert_int_equal(status, SES_NO_MEMORY);
        json_decref(json);
    }
    json_decref(whole);
}

static void what_is_no_json_is_malformed(void **state)
{
    static const char *const texts[] = {"", "{", "{\"a\":1,\"a\":2}", "nope", "{} x"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_error_t fault = {0};
        json_t *json = NULL;

        assert_int_equal(ses_json_load(ses_slice_str(texts[i]), JSON_REJECT_DUPLICATES, &fault, &json),
                         SES_MALFORMED);
        assert_null(json);
        assert_true(strlen(fault.text) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_is_told),
        cmocka_unit_test(what_is_no_json_is_malformed),
    };

    json_fault_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
