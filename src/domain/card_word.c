/* Words of digits that are no card, by their own form: an UUID, an IBAN whose check digits are right. */
#include "card_word.h"

#include <sessiond/base/ascii.h>
#include <sessiond/base/encode.h>

enum {
    UUID_LEN = 36,
    IBAN_HEAD = 4,       /* country and check digits */
    IBAN_COUNT_MIN = 15, /* Norway's */
    IBAN_COUNT_MAX = 34, /* ISO 13616-1 */
    IBAN_MODULUS = 97    /* ISO/IEC 7064 */
};

static bool ends_word(struct ses_slice text, size_t at)
{
    return at >= text.len || !(ses_ascii_is_digit(text.data[at]) || ses_ascii_is_letter(text.data[at]));
}

static bool uuid_check(struct ses_slice text, size_t at)
{
    const uint8_t *p = text.data + at;

    if (text.len - at < UUID_LEN || p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-')
        return false;
    for (size_t i = 0; i < UUID_LEN; i++) {
        if (i != 8 && i != 13 && i != 18 && i != 23 && ses_hex_digit(p[i]) < 0)
            return false;
    }
    return ends_word(text, at + UUID_LEN);
}

/* Letters count as 10 to 35. */
static unsigned push(unsigned rest, uint8_t c)
{
    if (ses_ascii_is_digit(c))
        return (rest * 10 + (unsigned)(c - '0')) % IBAN_MODULUS;
    return (rest * 100 + (unsigned)((c | 0x20) - 'a') + 10) % IBAN_MODULUS;
}

/* The check is over what stands behind the head, then the head. */
static bool iban_check(const uint8_t *head, unsigned rest)
{
    for (size_t i = 0; i < IBAN_HEAD; i++)
        rest = push(rest, head[i]);
    return rest == 1;
}

/* In one word, or printed in fours: up to the first end of a word where the check digits are right. Its fours
 * look like a card's: without this every fifteenth printed IBAN of some countries is one. */
static size_t iban_length(struct ses_slice text, size_t at)
{
    const uint8_t *p = text.data;
    size_t count = IBAN_HEAD;
    unsigned rest = 0;

    if (text.len - at < IBAN_COUNT_MIN || !ses_ascii_is_letter(p[at]) || !ses_ascii_is_letter(p[at + 1]) ||
        !ses_ascii_is_digit(p[at + 2]) || !ses_ascii_is_digit(p[at + 3]))
        return 0;
    for (size_t i = at + IBAN_HEAD; i < text.len && count < IBAN_COUNT_MAX; i++) {
        if ((p[i] == ' ' || p[i] == '-') && !ends_word(text, i + 1))
            continue;
        if (ends_word(text, i))
            break;
        rest = push(rest, p[i]);
        count++;
        if (count >= IBAN_COUNT_MIN && ends_word(text, i + 1) && iban_check(p + at, rest))
            return i + 1 - at;
    }
    return 0;
}

size_t ses_card_word_length(struct ses_slice text, size_t at)
{
    return uuid_check(text, at) ? UUID_LEN : iban_length(text, at);
}
