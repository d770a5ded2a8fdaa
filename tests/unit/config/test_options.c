#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sessiond/config/options.h>

#include <string.h>

#define PARSE(...)                                                                                           \
    const char *words[] = {"sessiond", __VA_ARGS__};                                                         \
    struct ses_options options = {.action = SES_ACTION_RUN};                                                 \
    struct ses_fault fault = {""};                                                                           \
    enum ses_status status = ses_options_parse((int)(sizeof(words) / sizeof(words[0])),                      \
                                               copy(words, sizeof(words)), &options, &fault)

/* getopt-like signature wants char *const *; the parser does not write. */
static char *const *copy(const char *const *words, size_t bytes)
{
    static char *copied[32];

    memcpy(copied, words, bytes);
    return copied;
}

static void all_options_with_both_spellings(void **state)
{
    PARSE("--config=a.yaml", "--sandbox", "--listen", "[::1]:1", "--admin=127.0.0.1:2", "--data", "d",
          "--simulator=127.0.0.1:3", "--user", "u", "--workers=3", "--log-level", "debug");
    (void)state;
    assert_int_equal(status, SES_OK);
    assert_int_equal(options.action, SES_ACTION_RUN);
    assert_true(options.sandbox);
    assert_string_equal(options.config, "a.yaml");
    assert_string_equal(options.listen, "[::1]:1");
    assert_string_equal(options.admin, "127.0.0.1:2");
    assert_string_equal(options.simulator, "127.0.0.1:3");
    assert_string_equal(options.data, "d");
    assert_string_equal(options.user, "u");
    assert_string_equal(options.workers, "3");
    assert_string_equal(options.log_level, "debug");
}

static void nothing_given(void **state)
{
    PARSE("--check");
    (void)state;
    assert_int_equal(status, SES_OK);
    assert_int_equal(options.action, SES_ACTION_CHECK);
    assert_false(options.sandbox);
    assert_null(options.config);
    assert_null(options.listen);
    assert_null(options.workers);
}

static void help_wins_over_version_and_check(void **state)
{
    PARSE("--check", "--version", "--help");
    (void)state;
    assert_int_equal(status, SES_OK);
    assert_int_equal(options.action, SES_ACTION_HELP);
}

static void unknown_option_is_named(void **state)
{
    PARSE("--wrokers", "3");
    (void)state;
    assert_int_equal(status, SES_INVALID_ARGUMENT);
    assert_string_equal(fault.text, "unknown option '--wrokers' (see --help)");
}

static void stray_word_is_refused(void **state)
{
    PARSE("--sandbox", "yes");
    (void)state;
    assert_int_equal(status, SES_INVALID_ARGUMENT);
    assert_non_null(strstr(fault.text, "'yes'"));
}

static void prefix_of_an_option_is_not_the_option(void **state)
{
    PARSE("--work", "3");
    (void)state;
    assert_int_equal(status, SES_INVALID_ARGUMENT);
}

static void repeated_option_is_refused(void **state)
{
    PARSE("--workers", "3", "--workers=4");
    (void)state;
    assert_int_equal(status, SES_INVALID_ARGUMENT);
    assert_string_equal(fault.text, "--workers is given twice");
}

static void missing_value_is_refused(void **state)
{
    PARSE("--data");
    (void)state;
    assert_int_equal(status, SES_INVALID_ARGUMENT);
    assert_string_equal(fault.text, "--data needs a value");
}

static void empty_value_is_refused(void **state)
{
    PARSE("--data=");
    (void)state;
    assert_int_equal(status, SES_INVALID_ARGUMENT);
    assert_string_equal(fault.text, "--data needs a value");
}

static void needless_value_is_refused(void **state)
{
    PARSE("--sandbox=1");
    (void)state;
    assert_int_equal(status, SES_INVALID_ARGUMENT);
    assert_string_equal(fault.text, "--sandbox takes no value");
}

static void help_names_every_option(void **state)
{
    static const char *const names[] = {"--config",  "--check", "--sandbox", "--listen",
                                        "--admin",   "--data",  "--workers", "--log-level",
                                        "--version", "--help",  "--user",    "--simulator"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_non_null(strstr(ses_options_help(), names[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_options_with_both_spellings),
        cmocka_unit_test(nothing_given),
        cmocka_unit_test(help_wins_over_version_and_check),
        cmocka_unit_test(unknown_option_is_named),
        cmocka_unit_test(stray_word_is_refused),
        cmocka_unit_test(prefix_of_an_option_is_not_the_option),
        cmocka_unit_test(repeated_option_is_refused),
        cmocka_unit_test(missing_value_is_refused),
        cmocka_unit_test(empty_value_is_refused),
        cmocka_unit_test(needless_value_is_refused),
        cmocka_unit_test(help_names_every_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
