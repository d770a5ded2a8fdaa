/* libsodium's generator reads the kernel's; there is no state of ours that a fork could double. */
#include <sessiond/base/random.h>

#include <sodium.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/status.h>

void ses_random_init(void)
{
    SES_REQUIRE(sodium_init() >= 0);
}

void ses_random_bytes(void *ret_bytes, size_t len)
{
    randombytes_buf(ret_bytes, len);
}

void ses_uuid_v4(char *ret_text)
{
    static const uint8_t group_ends[] = {4, 6, 8, 10, 16}; /* in bytes: 8-4-4-4-12 digits */
    uint8_t bytes[16];
    char hex[SES_HEX_SIZE(sizeof(bytes))];
    size_t at = 0, from = 0;

    ses_random_bytes(bytes, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40); /* version 4 */
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80); /* variant of RFC 9562 */
    (void)ses_hex_encode(ses_slice(bytes, sizeof(bytes)), hex);
    for (size_t group = 0; group < sizeof(group_ends); group++) {
        size_t to = (size_t)group_ends[group] * 2;

        if (group > 0)
            ret_text[at++] = '-';
        while (from < to)
            ret_text[at++] = hex[from++];
    }
    ret_text[at] = '\0';
}
