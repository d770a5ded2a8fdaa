/* unit.h - what every unit test includes: cmocka in the order it needs. */
#ifndef SESSIOND_TESTS_UNIT_H
#define SESSIOND_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sessiond/base/slice.h>

#define assert_ok(expr) assert_int_equal((expr), SES_OK)
#define assert_slice_equal(slice, literal)                                                                   \
    do {                                                                                                     \
        struct ses_slice unit_slice_ = (slice);                                                              \
        assert_int_equal(unit_slice_.len, sizeof(literal) - 1);                                              \
        assert_memory_equal(unit_slice_.data, literal, sizeof(literal) - 1);                                 \
    } while (0)

#endif
