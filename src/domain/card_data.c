/* One survey of the bytes says which kinds of search can find anything at all; most texts are done with after
 * it. Then a card number is looked for, and only where there is none a key with its value.
 */
#include <sessiond/domain/card_data.h>

#include "card_network.h"
#include "card_number.h"
#include "card_pair.h"
#include "card_word.h"

#define GROUP_MIN 4 /* the first group of any card number */

/* ---- what need not be read --------------------------------------------------------------------- */

enum { HAS_DIGIT = 1, HAS_ASSIGN = 2, HAS_CODE = 4, HAS_SPELLING = 8 };

/* What is not printable ASCII may be a spelling of what is. */
/* clang-format off */
#define D HAS_DIGIT
#define A HAS_ASSIGN
#define S HAS_SPELLING
#define S32 S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S
static const uint8_t marks[256] = {
    [0x00] = S32, [0x7F] = S, S32, S32, S32, S32,
    ['0'] = D, D, D, D, D, D, D, D, D, D, [':'] = A, ['='] = A, ['>'] = A,
    ['%'] = HAS_CODE | S, ['&'] = HAS_CODE | S, ['\\'] = S,
};
#undef D
#undef A
#undef S
#undef S32
/* clang-format on */

static unsigned survey(struct ses_slice text)
{
    unsigned has = 0;

    for (size_t i = 0; i < text.len; i++)
        has |= marks[text.data[i]];
    return has;
}

static bool is_digit(uint8_t c)
{
    return marks[c] == HAS_DIGIT;
}

/* Where the first row of GROUP_MIN digits begins; text.len: nowhere. Looks at every fourth byte only: a row
 * of four has a digit at one of these. */
static size_t first_group(struct ses_slice text)
{
    for (size_t i = GROUP_MIN - 1; i < text.len; i += GROUP_MIN) {
        size_t from = i, to = i;

        if (!is_digit(text.data[i]))
            continue;
        while (from > 0 && is_digit(text.data[from - 1]))
            from--;
        while (to < text.len && is_digit(text.data[to]))
            to++;
        if (to - from >= GROUP_MIN)
            return from;
    }
    return text.len;
}

static bool enough_digits(struct ses_slice text, size_t from)
{
    size_t digits = 0;

    for (size_t i = from; i < text.len; i++)
        digits += is_digit(text.data[i]) ? 1 : 0;
    return digits >= SES_PAN_DIGITS_MIN;
}

/* Where the search for a number begins; text.len: there is none. In plain ASCII most texts have none. */
static size_t number_start(struct ses_slice text, unsigned has)
{
    size_t from;

    if ((has & HAS_SPELLING) != 0)
        return 0;
    if ((has & HAS_DIGIT) == 0)
        return text.len;
    from = first_group(text);
    if (from == text.len || !enough_digits(text, from))
        return text.len;
    return from < SES_CARD_WORD_BEGIN ? 0 : from - SES_CARD_WORD_BEGIN; /* what stands before it counts too */
}

/* ---- finding ----------------------------------------------------------------------------------- */

/* A '%' and a '&' are read both ways: "%20" may be a blank, and "100%4111.." is none. */
static bool find_number(struct ses_slice text, unsigned has, size_t from, struct ses_card_span *ret_span)
{
    return ses_card_number_find(text, from, true, ret_span) ||
           ((has & HAS_CODE) != 0 && ses_card_number_find(text, from, false, ret_span));
}

static bool find_pair(struct ses_slice text, unsigned has, size_t from, struct ses_card_span *ret_span)
{
    if ((has & (HAS_ASSIGN | HAS_SPELLING)) == 0)
        return false;
    return ses_card_pair_find(text, from, true, ret_span) ||
           ((has & HAS_CODE) != 0 && ses_card_pair_find(text, from, false, ret_span));
}

enum ses_card_data ses_card_data_find(struct ses_slice text)
{
    unsigned has = survey(text);
    size_t from = number_start(text, has);
    struct ses_card_span span;

    if (from < text.len && find_number(text, has, from, &span))
        return SES_CARD_DATA_PAN;
    return find_pair(text, has, 0, &span) ? SES_CARD_DATA_CVV : SES_CARD_DATA_NONE;
}

/* ---- masking ----------------------------------------------------------------------------------- */

typedef bool find_fn(struct ses_slice text, size_t from, bool decode, struct ses_card_span *ret_span);

static bool mask_all(find_fn *find, bool decode, uint8_t *text, size_t len)
{
    struct ses_card_span span = {0, 0};
    bool masked = false;

    while (span.to < len && find(ses_slice(text, len), span.to, decode, &span)) {
        memset(text + span.from, '*', span.to - span.from);
        masked = masked || span.to > span.from;
    }
    return masked;
}

/* By both readings of '%', and numbers before pairs: what was masked is no digit any more to what comes
 * after. */
bool ses_card_data_mask(uint8_t *text, size_t len)
{
    unsigned has = survey(ses_slice(text, len));
    bool masked = false;

    for (int decode = 1; decode >= ((has & HAS_CODE) != 0 ? 0 : 1); decode--) {
        if (number_start(ses_slice(text, len), has) < len)
            masked = mask_all(ses_card_number_find, decode != 0, text, len) || masked;
        if ((has & (HAS_ASSIGN | HAS_SPELLING)) != 0)
            masked = mask_all(ses_card_pair_find, decode != 0, text, len) || masked;
    }
    return masked;
}

/* ---- a key and its value that came apart ------------------------------------------------------- */

#define NAME_BYTES_MAX  256
#define VALUE_BYTES_MAX 16

/* A value that is no number decides nothing but that there is one: what it holds by itself is another
 * matter. */
static struct ses_slice number_or_mark(struct ses_slice value)
{
    struct ses_slice number = ses_slice_trim(value);

    for (size_t i = 0; i < number.len; i++) {
        if (!is_digit(number.data[i]))
            return SES_STR("x");
    }
    return ses_slice_cut(number, 0, VALUE_BYTES_MAX);
}

bool ses_card_data_pair(struct ses_slice name, struct ses_slice value)
{
    uint8_t text[NAME_BYTES_MAX + 1 + VALUE_BYTES_MAX];
    struct ses_card_span span;

    if (name.len == 0 || value.len == 0)
        return false;
    name = ses_slice_cut(name, name.len > NAME_BYTES_MAX ? name.len - NAME_BYTES_MAX : 0, name.len);
    value = number_or_mark(value);
    memcpy(text, name.data, name.len);
    text[name.len] = '=';
    if (value.len > 0)
        memcpy(text + name.len + 1, value.data, value.len);
    return ses_card_pair_find(ses_slice(text, name.len + 1 + value.len), 0, false, &span);
}
