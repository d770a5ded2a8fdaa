/* A guarded text: whole or not at all, for its owner alone. */
#include "ring_fixture.h"

#include <sys/stat.h>

#include <sessiond/token/guarded_text.h>

#define BYTES_MAX 10000

static enum ses_status append(void *arg, struct ses_slice old, struct ses_buf *fresh,
                              struct ses_fault *ret_fault)
{
    const char *more = arg;

    SES_TRY(ses_buf_append(fresh, old));
    if (more == NULL)
        return ses_fault(ret_fault, SES_ALREADY_EXISTS, "as it was");
    return ses_buf_append_str(fresh, more);
}

static void expect(const char *path, const char *text)
{
    struct ses_secret read;
    struct ses_fault fault;

    assert_ok(ses_guarded_text_read(path, BYTES_MAX, &read, &fault));
    assert_int_equal(read.len, strlen(text));
    assert_memory_equal(read.bytes, text, read.len);
    ses_secret_free(&read);
}

static void a_change_is_whole_or_none(void **state)
{
    struct fixture *f = *state;
    struct ses_secret read;
    struct stat info;
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/a text", f->dir);
    assert_int_equal(ses_guarded_text_read(path, BYTES_MAX, &read, &f->fault), SES_NOT_FOUND);
    assert_non_null(strstr(f->fault.text, "a text: no such file"));
    assert_ok(ses_guarded_text_change(path, BYTES_MAX, append, "one ", &f->fault));
    assert_ok(ses_guarded_text_change(path, BYTES_MAX, append, "two", &f->fault));
    expect(path, "one two");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(ses_guarded_text_change(path, BYTES_MAX, append, NULL, &f->fault), SES_ALREADY_EXISTS);
    assert_string_equal(f->fault.text, "as it was");
    expect(path, "one two");
}

/* More than a key's file may have. */
static void its_size_is_its_users(void **state)
{
    struct fixture *f = *state;
    static char text[BYTES_MAX + 1];
    struct ses_secret read;
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/large", f->dir);
    memset(text, 'x', BYTES_MAX);
    assert_ok(ses_guarded_text_change(path, BYTES_MAX, append, text, &f->fault));
    expect(path, text);
    assert_int_equal(ses_guarded_text_read(path, BYTES_MAX - 1, &read, &f->fault), SES_MALFORMED);
    assert_int_equal(ses_guarded_text_change(path, BYTES_MAX, append, "x", &f->fault), SES_TOO_LARGE);
    expect(path, text);
}

static void others_must_not_read_it(void **state)
{
    struct fixture *f = *state;
    struct ses_secret read;
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/open", f->dir);
    assert_ok(ses_guarded_text_change(path, BYTES_MAX, append, "x", &f->fault));
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(ses_guarded_text_read(path, BYTES_MAX, &read, &f->fault), SES_FAILED_PRECONDITION);
    assert_non_null(strstr(f->fault.text, "chmod it to 0600"));
    assert_int_equal(ses_guarded_text_change(path, BYTES_MAX, append, "y", &f->fault),
                     SES_FAILED_PRECONDITION);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_is_whole_or_none, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(its_size_is_its_users, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(others_must_not_read_it, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
