#include "paserk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sessiond/base/random.h>

/* The published key of bytes 0x00 (k4.public-1 of the PASERK vectors). */
#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void one_key_has_one_text(void **state)
{
    char text[SES_PASERK_PUBLIC_SIZE] = "k4.public." ZEROS;
    uint8_t key[SES_PASETO_PUBLIC_BYTES];

    (void)state;
    assert_int_equal(ses_paserk_public_decode(ses_slice_str(text), key), SES_OK);
    /* Any other byte in any place gives another key or none; libsodium alone takes e.g. 0xAB for a letter. */
    for (size_t at = 10; at < sizeof(text) - 1; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            char again[SES_PASERK_PUBLIC_SIZE];

            text[at] = (char)byte;
            if (ses_paserk_public_decode(ses_slice(text, sizeof(text) - 1), key) == SES_OK) {
                assert_int_equal(ses_paserk_public_encode(ses_slice(key, sizeof(key)), again), SES_OK);
                assert_memory_equal(text, again, sizeof(text));
            }
        }
        text[at] = 'A';
    }
}

static void other_types_and_lengths_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "k4.public.",
        "k3.public." ZEROS,
        "k4.secret." ZEROS,
        "k4.local." ZEROS,
        "K4.public." ZEROS,
        ZEROS,
        "k4.public." ZEROS "A",
        "k4.public." ZEROS "=",
        "k4.public." ZEROS "\n",
        "k4.public.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "k4.public.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB", /* unused bits not zero */
        "k4.public.+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };
    uint8_t key[SES_PASETO_PUBLIC_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ses_paserk_public_decode(ses_slice_str(bad[i]), key) != SES_MALFORMED)
            fail_msg("accepted: %s", bad[i]);
    }
}

static void secret_with_a_foreign_public_half_is_refused(void **state)
{
    uint8_t key[SES_PASETO_SECRET_BYTES];

    (void)state;
    /* Seed of zeros with the public key of seed 707172... (k4.secret-1 and -2). */
    assert_int_equal(ses_paserk_secret_decode(
                         SES_STR("k4.secret.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA7aie8zrakLWKjqNAq"
                                 "bw1zZTIVdx3iQ6Y6wEihi1naKQ"),
                         key),
                     SES_OK);
    assert_int_equal(ses_paserk_secret_decode(
                         SES_STR("k4.secret.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAc5WpIyC_5kWKhS8VE"
                                 "YSZ05dYfuTF-ZdQFV4D9vLTcNQ"),
                         key),
                     SES_MALFORMED);
}

static void only_ids_pass_as_file_names(void **state)
{
    (void)state;
    assert_true(ses_paserk_pid_check(SES_STR("k4.pid." ZEROS "A")));
    assert_false(ses_paserk_pid_check(SES_STR("k4.pid." ZEROS)));
    assert_false(ses_paserk_pid_check(SES_STR("k4.lid." ZEROS "A")));
    assert_false(ses_paserk_pid_check(SES_STR("k4.pid." ZEROS "/")));
    assert_false(ses_paserk_pid_check(SES_STR("k4.pid." ZEROS ".")));
    assert_false(ses_paserk_pid_check(SES_STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_key_has_one_text),
        cmocka_unit_test(other_types_and_lengths_are_refused),
        cmocka_unit_test(secret_with_a_foreign_public_half_is_refused),
        cmocka_unit_test(only_ids_pass_as_file_names),
    };

    ses_random_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
