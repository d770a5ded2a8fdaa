#include "unit.h"
#include <sessiond/codec/wire.h>

static enum ses_status varint(const char *bytes, size_t len, uint64_t *ret_value)
{
    struct ses_wire wire = ses_wire(ses_slice(bytes, len));

    return ses_wire_varint(&wire, ret_value);
}

static void test_varints(void **state)
{
    (void)state;
    uint64_t value;

    assert_ok(varint("\x00", 1, &value));
    assert_int_equal(value, 0);
    assert_ok(varint("\x7f", 1, &value));
    assert_int_equal(value, 127);
    assert_ok(varint("\xac\x02", 2, &value));
    assert_int_equal(value, 300);
    assert_ok(varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, &value));
    assert_true(value == UINT64_MAX);
    assert_int_equal(varint("", 0, &value), SES_MALFORMED);
    assert_int_equal(varint("\x80", 1, &value), SES_MALFORMED);
    assert_int_equal(varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, &value), SES_MALFORMED);
    assert_int_equal(varint("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, &value), SES_MALFORMED);
}

static enum ses_status next(const char *bytes, size_t len, struct ses_wire_item *ret_item)
{
    struct ses_wire wire = ses_wire(ses_slice(bytes, len));

    return ses_wire_next(&wire, ret_item);
}

static void test_items(void **state)
{
    (void)state;
    struct ses_wire_item item;

    assert_ok(next("\x08\x96\x01", 3, &item));
    assert_int_equal(item.number, 1);
    assert_int_equal(item.value, 150);
    assert_int_equal(item.raw.len, 2);
    assert_ok(next("\x12\x03"
                   "abcd",
                   6, &item));
    assert_slice_equal(item.bytes, "abc");
    assert_int_equal(item.raw.len, 4);
    assert_ok(next("\x1d\x01\x00\x00\x00", 5, &item));
    assert_int_equal(item.value, 1);
    assert_ok(next("\x19\x00\x00\x00\x00\x00\x00\x00\x80", 9, &item));
    assert_true(item.value == UINT64_C(1) << 63);

    assert_int_equal(next("\x00\x01", 2, &item), SES_MALFORMED); /* field number 0 */
    assert_int_equal(next("\x0b\x0c", 2, &item), SES_MALFORMED); /* a group */
    assert_int_equal(next("\x0e\x00", 2, &item), SES_MALFORMED); /* wire type 6 */
    assert_int_equal(next("\x12\x04"
                          "abc",
                          5, &item),
                     SES_MALFORMED); /* length behind the end */
    assert_int_equal(next("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, &item), SES_MALFORMED);
    assert_int_equal(next("\x1d\x01\x00\x00", 4, &item), SES_MALFORMED);
    assert_int_equal(next("\x80\x80\x80\x80\x80\x01\x00", 7, &item), SES_MALFORMED); /* tag above 32 bits */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varints),
        cmocka_unit_test(test_items),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
