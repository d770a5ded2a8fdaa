#include "config_fixture.h"

char config_file[512];

int make_file(void **state)
{
    int fd = mkstemp(unit_temporary("config", config_file, sizeof(config_file)));

    (void)state;
    return fd < 0 || close(fd) != 0;
}

int remove_file(void **state)
{
    (void)state;
    return unlink(config_file);
}

enum ses_status load(const char *text, struct ses_config *ret_config, struct ses_fault *ret_fault)
{
    struct ses_options options = {.config = config_file};
    FILE *out = fopen(config_file, "w");

    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
    assert_int_equal(fclose(out), 0);
    ret_fault->text[0] = '\0';
    return ses_config_load(&options, ret_config, ret_fault);
}

void expect_fault(const char *text, const char *expected)
{
    char whole[SES_FAULT_SIZE];
    struct ses_config config;
    struct ses_fault fault;

    (void)snprintf(whole, sizeof(whole), "%s:%s", config_file, expected);
    assert_int_equal(load(text, &config, &fault), SES_MALFORMED);
    assert_string_equal(fault.text, whole);
}
