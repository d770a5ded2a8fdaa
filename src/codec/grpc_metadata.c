/* The formats of gRPC's own header values; nothing here knows a stream. */
#include <sessiond/codec/grpc_metadata.h>

#include <sessiond/base/encode.h>

#define TIMEOUT_DIGITS_MAX 8

/* The protocol's six letters; 0 for any other, which is no unit. */
static uint64_t unit_ns(uint8_t unit)
{
    switch (unit) {
    case 'H':
        return UINT64_C(3600000000000);
    case 'M':
        return UINT64_C(60000000000);
    case 'S':
        return UINT64_C(1000000000);
    case 'm':
        return UINT64_C(1000000);
    case 'u':
        return UINT64_C(1000);
    case 'n':
        return 1;
    default:
        return 0;
    }
}

/* At most eight digits, says the protocol; what does not fit 64 bits is as good as no limit. */
enum ses_status ses_grpc_timeout_decode(struct ses_slice text, uint64_t *ret_ns)
{
    if (text.len < 2 || text.len > TIMEOUT_DIGITS_MAX + 1)
        return SES_MALFORMED;
    uint64_t scale = unit_ns(text.data[text.len - 1]);
    uint64_t value;

    if (scale == 0)
        return SES_MALFORMED;
    SES_TRY(ses_parse_u64(ses_slice_cut(text, 0, text.len - 1), 99999999, &value));
    /* 99999999 H is 3.6e20 ns: above 64 bits. */
    if (__builtin_mul_overflow(value, scale, ret_ns))
        *ret_ns = UINT64_MAX;
    return SES_OK;
}

/* '%' must be encoded too, or it would begin a code that is none. */
static bool plain_byte(uint8_t byte)
{
    return byte >= 0x20 && byte <= 0x7e && byte != '%';
}

/* Cuts between characters: the receiver decodes the bytes as UTF-8. Back over at most three
 * continuation bytes (10xxxxxx): more is no UTF-8, and cut where it is. */
static struct ses_slice cut_message(struct ses_slice message)
{
    if (message.len <= SES_GRPC_MESSAGE_MAX)
        return message;
    size_t end = SES_GRPC_MESSAGE_MAX;

    while (end > SES_GRPC_MESSAGE_MAX - 4 && (message.data[end] & 0xc0) == 0x80)
        end--;
    return ses_slice_cut(message, 0, end);
}

/* Most messages are ASCII and go out as they are. */
enum ses_status ses_grpc_message_encode(struct ses_slice message, struct ses_arena *arena,
                                        struct ses_slice *ret_text)
{
    size_t encoded = 0;

    message = cut_message(message);
    for (size_t i = 0; i < message.len; i++)
        encoded += plain_byte(message.data[i]) ? 0 : 1;
    if (encoded == 0) {
        *ret_text = message;
        return SES_OK;
    }
    uint8_t *text = ses_arena_alloc(arena, message.len + 2 * encoded);
    size_t len = 0;

    if (text == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < message.len; i++) {
        uint8_t byte = message.data[i];

        if (plain_byte(byte)) {
            text[len++] = byte;
            continue;
        }
        len += ses_percent_encode(byte, text + len);
    }
    *ret_text = ses_slice(text, len);
    return SES_OK;
}

size_t ses_grpc_message_decode(struct ses_slice message, uint8_t *ret_text)
{
    size_t len = 0;

    for (size_t i = 0; i < message.len; i++) {
        int high = -1, low = -1;

        if (message.data[i] == '%' && message.len - i > 2) {
            high = ses_hex_digit(message.data[i + 1]);
            low = ses_hex_digit(message.data[i + 2]);
        }
        if (high < 0 || low < 0) {
            ret_text[len++] = message.data[i];
            continue;
        }
        ret_text[len++] = (uint8_t)(high * 16 + low);
        i += 2;
    }
    return len;
}

bool ses_grpc_metadata_is_binary(struct ses_slice name)
{
    return name.len > 4 && memcmp(name.data + name.len - 4, "-bin", 4) == 0;
}

enum ses_status ses_grpc_binary_decode(struct ses_slice text, struct ses_arena *arena,
                                       struct ses_slice *ret_bytes)
{
    size_t room = text.len / 4 * 3 + 3;
    uint8_t *bytes = ses_arena_alloc(arena, room);
    size_t len;

    if (bytes == NULL)
        return SES_NO_MEMORY;
    SES_TRY(ses_base64_decode(text, bytes, room, &len));
    *ret_bytes = ses_slice(bytes, len);
    return SES_OK;
}

enum ses_status ses_grpc_binary_encode(struct ses_slice bytes, struct ses_arena *arena,
                                       struct ses_slice *ret_text)
{
    char *text = ses_arena_alloc(arena, SES_BASE64_SIZE(bytes.len));

    if (text == NULL)
        return SES_NO_MEMORY;
    size_t len = ses_base64_encode(bytes, text);

    while (len > 0 && text[len - 1] == '=')
        len--;
    *ret_text = ses_slice(text, len);
    return SES_OK;
}

/* What the protocol calls an ASCII-Value, without blanks at the ends: receivers may take
 * them off. */
bool ses_grpc_ascii_check(struct ses_slice value)
{
    if (value.len == 0)
        return true;
    if (value.data[0] == ' ' || value.data[value.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < 0x20 || value.data[i] > 0x7e)
            return false;
    }
    return true;
}
