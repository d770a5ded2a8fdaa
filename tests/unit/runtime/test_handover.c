#include "unit.h"

#include "handover.h"

#include <fcntl.h>
#include <sys/mman.h>

struct thing {
    uint64_t number;
    bool flag;
    char text[16];
    struct ses_buf bytes;
    uint64_t list[3];
    size_t count;
    int fd;
    int other; /* handed over, and read by nobody */
    uint64_t child[2];
};

/* As the supervisor does it: one function for both directions. */
static void pass(struct ses_handover *handover, struct thing *thing)
{
    ses_handover_u64(handover, "number", &thing->number);
    ses_handover_bool(handover, "flag", &thing->flag);
    ses_handover_str(handover, "text", thing->text, sizeof(thing->text));
    ses_handover_bytes(handover, "bytes", &thing->bytes);
    ses_handover_list(handover, "list", thing->list, 3, &thing->count);
    ses_handover_fd(handover, "fd", &thing->fd);
    for (size_t i = 0; i < 2; i++) {
        if (ses_handover_enter_child(handover, i))
            ses_handover_u64(handover, "child", &thing->child[i]);
    }
    ses_handover_leave_child(handover);
}

static struct thing empty_thing(void)
{
    struct thing thing = {.fd = -1, .other = -1};

    ses_buf_init(&thing.bytes, 100);
    return thing;
}

/* Returns the document; its descriptor, a pipe's end, is in ret_thing. */
static int make(struct thing *ret_thing)
{
    struct ses_handover handover;
    int pipe_fds[2];
    int fd;

    *ret_thing = empty_thing();
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    ret_thing->fd = pipe_fds[0];
    ret_thing->other = pipe_fds[1];
    ret_thing->number = UINT64_MAX - 1;
    ret_thing->flag = true;
    memcpy(ret_thing->text, "fifteen letters", sizeof("fifteen letters"));
    assert_ok(ses_buf_append(&ret_thing->bytes, ses_slice("\0\xff\n\"", 4)));
    ret_thing->list[1] = 7;
    ret_thing->count = 2;
    ret_thing->child[1] = 42;
    assert_ok(ses_handover_begin(&handover));
    pass(&handover, ret_thing);
    ses_handover_fd(&handover, "other", &ret_thing->other);
    assert_ok(ses_handover_write(&handover, &fd));
    ses_handover_done(&handover);
    return fd;
}

static void free_thing(struct thing *thing)
{
    ses_buf_done(&thing->bytes);
    (void)close(thing->fd);
    (void)close(thing->other);
}

static enum ses_status read_it(int fd, struct ses_handover *ret_handover, struct ses_fault *ret_fault)
{
    *ret_fault = (struct ses_fault){.text = ""};
    return ses_handover_read(fd, ret_handover, ret_fault);
}

/* A value of a later version is read only where it is there, and missed nowhere. */
static void what_may_be_missing(void **state)
{
    struct ses_handover handover;
    struct ses_fault fault;
    struct thing written;
    int fd = make(&written);

    (void)state;
    assert_ok(ses_handover_begin(&handover));
    assert_true(ses_handover_has(&handover, "later"));
    ses_handover_done(&handover);
    assert_ok(read_it(fd, &handover, &fault));
    assert_true(ses_handover_has(&handover, "flag"));
    assert_false(ses_handover_has(&handover, "later"));
    assert_false(ses_handover_has(&handover, "child"));
    assert_true(ses_handover_enter_child(&handover, 1));
    assert_true(ses_handover_has(&handover, "child"));
    assert_ok(ses_handover_check(&handover, &fault));
    ses_handover_done(&handover);
    free_thing(&written);
    (void)close(fd);
}

static void what_is_written_is_read(void **state)
{
    struct ses_handover handover;
    struct ses_fault fault;
    struct thing written;
    struct thing found = empty_thing();
    int fd = make(&written);

    (void)state;
    for (int i = 0; i < 2; i++) { /* the way back reads the same document again */
        assert_ok(read_it(fd, &handover, &fault));
        pass(&handover, &found);
        assert_ok(ses_handover_check(&handover, &fault));
        ses_handover_done(&handover);
    }
    assert_true(found.number == written.number);
    assert_true(found.flag);
    assert_string_equal(found.text, "fifteen letters");
    assert_slice_equal(ses_buf_view(&found.bytes), "\0\xff\n\"");
    assert_int_equal(found.count, 2);
    assert_true(found.list[0] == 0 && found.list[1] == 7);
    assert_int_equal(found.fd, written.fd);
    assert_true(found.child[0] == 0 && found.child[1] == 42);
    ses_buf_done(&found.bytes);
    free_thing(&written);
    (void)close(fd);
}

static bool is_inherited(int fd)
{
    int flags = fcntl(fd, F_GETFD);

    assert_true(flags >= 0);
    return (flags & FD_CLOEXEC) == 0;
}

/* Everything stays open until it is settled, then what nobody knows is closed. */
static void descriptors_are_kept_or_closed(void **state)
{
    struct ses_handover handover;
    struct ses_fault fault;
    struct thing written;
    struct thing found = empty_thing();
    int fd = make(&written);

    (void)state;
    assert_ok(read_it(fd, &handover, &fault));
    pass(&handover, &found);
    assert_false(is_inherited(found.fd));
    ses_handover_keep(&handover, true);
    assert_true(is_inherited(found.fd));
    assert_true(is_inherited(written.other));
    ses_handover_settle(&handover);
    assert_false(is_inherited(found.fd));
    assert_int_equal(fcntl(written.other, F_GETFD), -1);
    ses_handover_done(&handover);
    ses_buf_done(&found.bytes);
    free_thing(&written);
    (void)close(fd);
}

/* Any byte, each of its bits: nothing of a damaged document is believed. */
static void damage_is_found(void **state)
{
    struct ses_handover handover;
    struct ses_fault fault;
    struct thing written;
    int fd = make(&written);
    off_t len = lseek(fd, 0, SEEK_END);
    char byte;

    (void)state;
    for (off_t i = 0; i < len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            assert_int_equal(pread(fd, &byte, 1, i), 1);
            byte = (char)(byte ^ 1 << bit);
            assert_int_equal(pwrite(fd, &byte, 1, i), 1);
            assert_int_not_equal(read_it(fd, &handover, &fault), SES_OK);
            byte = (char)(byte ^ 1 << bit);
            assert_int_equal(pwrite(fd, &byte, 1, i), 1);
        }
    }
    assert_int_equal(ftruncate(fd, len - 1), 0);
    assert_int_equal(read_it(fd, &handover, &fault), SES_MALFORMED);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(read_it(fd, &handover, &fault), SES_MALFORMED);
    free_thing(&written);
    (void)close(fd);
}

static void another_format_needs_a_restart(void **state)
{
    struct ses_handover handover;
    struct ses_fault fault;
    struct thing written;
    int fd = make(&written);

    (void)state;
    assert_int_equal(pwrite(fd, "9", 1, sizeof("sessiond-handover ") - 1), 1);
    assert_int_equal(read_it(fd, &handover, &fault), SES_FAILED_PRECONDITION);
    assert_non_null(strstr(fault.text, "format 9"));
    assert_non_null(strstr(fault.text, "restart sessiond instead"));
    free_thing(&written);
    (void)close(fd);
}

/* The first one that is missing, or is something else, is named; and the value stays what it was. */
static void what_is_missing_is_named(void **state)
{
    struct ses_handover handover;
    struct ses_fault fault;
    struct thing written;
    struct thing found = empty_thing();
    uint64_t number = 5;
    char small[4] = "old";
    size_t count = 0;
    int none = -1;
    int fd = make(&written);

    (void)state;
    assert_ok(read_it(fd, &handover, &fault));
    ses_handover_fd(&handover, "nowhere", &none); /* whoever needs it looks */
    assert_ok(ses_handover_check(&handover, &fault));
    assert_int_equal(none, -1);
    ses_handover_u64(&handover, "nothing", &number);
    ses_handover_u64(&handover, "nothing else", &number);
    assert_int_equal(ses_handover_check(&handover, &fault), SES_MALFORMED);
    assert_non_null(strstr(fault.text, "damaged: nothing"));
    assert_null(strstr(fault.text, "else"));
    assert_int_equal(number, 5);
    handover.missing[0] = '\0';
    ses_handover_u64(&handover, "text", &number);
    assert_string_equal(handover.missing, "text");
    handover.missing[0] = '\0';
    ses_handover_str(&handover, "text", small, sizeof(small));
    assert_string_equal(handover.missing, "text");
    assert_string_equal(small, "old");
    handover.missing[0] = '\0';
    ses_handover_list(&handover, "list", found.list, 1, &count);
    assert_string_equal(handover.missing, "list");
    handover.missing[0] = '\0';
    ses_handover_bytes(&handover, "text", &found.bytes);
    assert_string_equal(handover.missing, "text");
    assert_false(ses_handover_enter_child(&handover, 2));
    ses_handover_done(&handover);
    ses_buf_done(&found.bytes);
    free_thing(&written);
    (void)close(fd);
}

/* A number that is no descriptor of ours any more. */
static void closed_descriptors_are_missed(void **state)
{
    struct ses_handover handover;
    struct ses_fault fault;
    struct thing written;
    int fd = make(&written);
    int found = -1;

    (void)state;
    assert_int_equal(close(written.fd), 0);
    assert_ok(read_it(fd, &handover, &fault));
    ses_handover_fd(&handover, "fd", &found);
    assert_int_equal(found, -1);
    assert_int_equal(ses_handover_check(&handover, &fault), SES_MALFORMED);
    ses_handover_done(&handover);
    free_thing(&written);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),        cmocka_unit_test(what_may_be_missing),
        cmocka_unit_test(descriptors_are_kept_or_closed), cmocka_unit_test(damage_is_found),
        cmocka_unit_test(another_format_needs_a_restart), cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(closed_descriptors_are_missed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
