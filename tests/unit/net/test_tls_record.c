/* Where a stream of records stands, however it is cut. */
#include "unit.h"

#include "tls_impl.h"

static void test_every_cut(void **state)
{
    /* Three records: of 3 bytes, of none, of 300. */
    static uint8_t bytes[5 + 3 + 5 + 5 + 300] = {0x17, 3, 3, 0, 3,    'a', 'b', 'c', 0x15,
                                                 3,    3, 0, 0, 0x17, 3,   3,   1,   44};

    (void)state;
    for (size_t a = 0; a <= sizeof(bytes); a++) {
        for (size_t b = a; b <= sizeof(bytes); b += 7) {
            struct ses_tls_record record = {.left = 0};

            ses_tls_record_pass(&record, ses_slice(bytes, a));
            assert_int_equal(ses_tls_record_inside(&record),
                             a != 0 && a != 8 && a != 13 && a != sizeof(bytes));
            ses_tls_record_pass(&record, ses_slice(bytes + a, b - a));
            ses_tls_record_pass(&record, ses_slice(bytes + b, sizeof(bytes) - b));
            assert_false(ses_tls_record_inside(&record));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_cut)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
