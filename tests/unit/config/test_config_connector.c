/* The section connector: how refusals are told. */
#include "config_fixture.h"

static bool by_status(const char *text)
{
    struct ses_config config;
    struct ses_fault fault;

    if (load(text, &config, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    return config.connector_errors_status;
}

static void errors_are_told_as_the_file_says(void **state)
{
    (void)state;
    assert_false(by_status(""));
    assert_false(by_status("connector:\n  errors: answer\n"));
    assert_true(by_status("connector:\n  errors: status\n"));
    expect_fault("connector:\n  errors: grpc\n", "2: connector.errors: must be answer or status");
    expect_fault("connector:\n  errors: \"\"\n", "2: connector.errors: must be answer or status");
    expect_fault("connector:\n  errors: [status]\n", "2: connector.errors: must be a single value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_told_as_the_file_says),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
