#include "load.h"

#include <stdio.h>

/* Protocol Buffers wire format (protobuf.dev/programming-guides/encoding): key = field << 3 | type. */
#define KEY_LEN(field)    (uint8_t)((field) << 3 | 2)
#define KEY_VARINT(field) (uint8_t)((field) << 3)

static size_t put_bytes(uint8_t *at, uint8_t key, const void *bytes, size_t len)
{
    at[0] = key;
    at[1] = (uint8_t)len; /* every part here is shorter than 128 bytes */
    memcpy(at + 2, bytes, len);
    return len + 2;
}

/* Twelve letters, most significant first: a long run of digits might pass for a card number, which is
 * refused. */
static void spell_number(uint64_t number, char ret_letters[13])
{
    for (size_t i = 12; i-- > 0; number /= 16)
        ret_letters[i] = (char)('a' + number % 16);
    ret_letters[12] = '\0';
}

size_t load_message_encode(const struct load_plan *plan, uint64_t number, uint8_t ret_bytes[LOAD_MESSAGE_MAX])
{
    static const uint8_t money[] = {KEY_VARINT(1), 0x90, 0x4E,
                                    KEY_VARINT(2), 0x92, 0x01}; /* 10000 USD (146) */
    static const char accept[] = "text/html";
    static const char agent[] =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36";
    uint8_t browser[128];
    char id[64], letters[13];
    size_t browser_len = 0, at = 5;
    int id_len;

    spell_number(plan->same_id ? 0 : number, letters);
    id_len = snprintf(id, sizeof(id), "%s-%s", plan->id_prefix, letters);
    browser_len += put_bytes(browser + browser_len, KEY_LEN(8), accept, sizeof(accept) - 1);
    browser_len += put_bytes(browser + browser_len, KEY_LEN(9), agent, sizeof(agent) - 1);
    at += put_bytes(ret_bytes + at, KEY_LEN(1), id, (size_t)id_len);
    at += put_bytes(ret_bytes + at, KEY_LEN(2), money, sizeof(money));
    at += put_bytes(ret_bytes + at, KEY_LEN(6), browser, browser_len);
    ret_bytes[at++] = KEY_VARINT(7);
    ret_bytes[at++] = 1; /* test_mode */
    ret_bytes[0] = 0;    /* not compressed */
    ret_bytes[1] = 0;
    ret_bytes[2] = 0;
    ret_bytes[3] = (uint8_t)((at - 5) >> 8);
    ret_bytes[4] = (uint8_t)(at - 5);
    return at;
}

static bool take_varint(struct ses_slice *s, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && s->len > 0; shift += 7) {
        uint8_t byte = s->data[0];

        *s = ses_slice_cut(*s, 1, s->len);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

bool load_message_check(struct ses_slice bytes)
{
    bool code = false, token = false;
    struct ses_slice body;

    if (bytes.len < 5 || bytes.data[0] != 0)
        return false;
    body = ses_slice_cut(bytes, 5, bytes.len);
    if (((size_t)bytes.data[1] << 24 | (size_t)bytes.data[2] << 16 | (size_t)bytes.data[3] << 8 |
         bytes.data[4]) != body.len)
        return false;
    while (body.len > 0) {
        uint64_t key, value;

        if (!take_varint(&body, &key) || !take_varint(&body, &value))
            return false;
        if (key == KEY_VARINT(2)) {
            code = value == 200;
        } else if ((key & 7) == 2) {
            if (value > body.len)
                return false;
            if (key == KEY_LEN(3))
                token = ses_slice_starts(body, SES_STR("sess_v4.public."));
            body = ses_slice_cut(body, (size_t)value, body.len);
        } else {
            return false;
        }
    }
    return code && token;
}
