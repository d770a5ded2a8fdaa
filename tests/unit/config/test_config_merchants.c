/* Lists by merchant: where shoppers may be sent, how their browsers are judged. */
#include "config_fixture.h"

static void absent_means_default(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_int_equal(load("listen: \"127.0.0.1:8123\"\n", &config, &fault), SES_OK);
    assert_string_equal(config.public_url, "http://127.0.0.1:8123");
    assert_int_equal(config.return_urls_count, 0);
    assert_int_equal(config.binding_mode, SES_BINDING_ENFORCE);
    assert_int_equal(config.binding_modes_count, 0);
    assert_int_equal(config.binding_missing, SES_BINDING_MISSING_ALLOW);
    assert_int_equal(config.binding_missing_modes_count, 0);
}

static void lists_are_taken(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_int_equal(load("redirect:\n  public_url: https://pay.example/base\n  return_urls:\n"
                          "    - shop one https://shop.example\n    - \"* https://all.example:8443\"\n"
                          "binding:\n  mode: observe\n  modes: [shop one step_up, b enforce]\n"
                          "  missing: refuse\n  missing_modes: [shop one allow]\n",
                          &config, &fault),
                     SES_OK);
    assert_string_equal(config.public_url, "https://pay.example/base");
    assert_int_equal(config.return_urls_count, 2);
    assert_string_equal(config.return_urls[0].merchant, "shop one");
    assert_string_equal(config.return_urls[0].origin, "https://shop.example");
    assert_string_equal(config.return_urls[1].merchant, "*");
    assert_string_equal(config.return_urls[1].origin, "https://all.example:8443");
    assert_int_equal(config.binding_mode, SES_BINDING_OBSERVE);
    assert_string_equal(config.binding_modes[0].merchant, "shop one");
    assert_int_equal(config.binding_modes[0].mode, SES_BINDING_STEP_UP);
    assert_int_equal(config.binding_modes[1].mode, SES_BINDING_ENFORCE);
    assert_int_equal(config.binding_missing, SES_BINDING_MISSING_REFUSE);
    assert_string_equal(config.binding_missing_modes[0].merchant, "shop one");
    assert_int_equal(config.binding_missing_modes[0].missing, SES_BINDING_MISSING_ALLOW);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    expect_fault("redirect:\n  return_urls: [https://shop.example]\n",
                 "2: redirect.return_urls: each entry must be a merchant, a space and its value");
    expect_fault("redirect:\n  return_urls: [m https://shop.example/path]\n",
                 "2: redirect.return_urls: must be a merchant and an origin: scheme, host and port, no path");
    expect_fault(
        "redirect:\n  return_urls: [m http://shop.example]\n",
        "2: redirect.return_urls: must begin with https:// (http:// only for loopback hosts with --sandbox)");
    expect_fault(
        "redirect:\n  return_urls: [m https://u@shop.example]\n",
        "2: redirect.return_urls: must be a base URL: host and path, without user, query and fragment");
    expect_fault("redirect:\n  public_url: https://pay.example/\n",
                 "2: redirect.public_url: must not end in '/': paths are appended as they are");
    expect_fault("binding:\n  mode: strict\n",
                 "2: binding.mode: the mode must be observe, step_up or enforce");
    expect_fault("binding:\n  modes: [m strict]\n",
                 "2: binding.modes: the mode must be observe, step_up or enforce");
    expect_fault("binding:\n  missing: maybe\n", "2: binding.missing: must be allow or refuse");
    expect_fault("binding:\n  missing_modes: [m maybe]\n",
                 "2: binding.missing_modes: must be allow or refuse");
    expect_fault("binding:\n  modes: m observe\n", "2: binding.modes: must be a list");
    expect_fault("redirect:\n  origins: []\n", "2: redirect.origins: unknown key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_means_default),
        cmocka_unit_test(lists_are_taken),
        cmocka_unit_test(mistakes_are_named),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
