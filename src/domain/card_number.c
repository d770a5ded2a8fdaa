/* One pass over folded characters. It keeps the last five groups of the chain; each time a group ends it asks
 * whether a number ends with it, in one group or in one of the groupings. Time is linear: a group is looked
 * at a fixed number of times.
 */
#include "card_number.h"

#include <sessiond/base/ascii.h>

#include "card_network.h"
#include "card_text.h"
#include "card_word.h"

enum {
    GROUPS_MAX = 5,                    /* of one card number */
    GROUP_DIGITS = SES_PAN_DIGITS_MAX, /* kept of a group, without leading zeros */
    GAP_MAX = 4                        /* characters between two groups: a line end and an indent */
};

/* How cards are grouped: as embossed, as typed in fours whatever the network, in one. */
static const struct grouping {
    uint8_t count;
    uint8_t digits[GROUPS_MAX];
} groupings[] = {
    {4, {4, 4, 4, 4}}, /* most */
    {3, {4, 6, 5}},    /* American Express */
    {3, {4, 6, 4}},    /* Diners */
    {4, {4, 4, 4, 2}},    {4, {4, 4, 4, 3}},    {4, {4, 4, 4, 5}},    {4, {4, 4, 4, 6}}, {4, {4, 4, 4, 7}},
    {5, {4, 4, 4, 4, 1}}, {5, {4, 4, 4, 4, 2}}, {5, {4, 4, 4, 4, 3}}, {2, {6, 13}}, /* UnionPay, 19 digits */
};

struct group {
    size_t from, to;              /* bytes of the text */
    size_t zeros;                 /* leading ones */
    size_t count;                 /* digits behind them; not all are kept above GROUP_DIGITS */
    uint8_t digits[GROUP_DIGITS]; /* behind the zeros */
    bool touched;                 /* a letter stands before it */
    bool fraction;                /* it stands behind a number and a point */
};

/* The pass over a text. */
struct scan {
    struct ses_slice text;
    bool decode;
    struct group groups[GROUPS_MAX]; /* the last of the chain; [GROUPS_MAX - 1] is the newest */
    size_t groups_count;
    size_t gap; /* characters since the newest ended */
    bool in_group;
    uint8_t last[2]; /* the character before, and the one before that; 0 at the start */
};

static bool is_gap(uint8_t c)
{
    switch (c) {
    case ' ':
    case '\t':
    case '\n':
    case '\r':
    case '-':
    case '.':
    case '/':
    case '\\':
    case '_':
    case '+':
        return true;
    default:
        return false;
    }
}

/* ---- groups ------------------------------------------------------------------------------------ */

static struct group *newest(struct scan *scan)
{
    return &scan->groups[GROUPS_MAX - 1];
}

/* The count-th newest; 1 is the newest. */
static const struct group *back(const struct scan *scan, size_t count)
{
    return &scan->groups[GROUPS_MAX - count];
}

static void begin_group(struct scan *scan, size_t at)
{
    if (scan->groups_count > 0 && scan->gap > GAP_MAX)
        scan->groups_count = 0;
    if (scan->groups_count > 0)
        memmove(scan->groups, scan->groups + 1, (GROUPS_MAX - 1) * sizeof(scan->groups[0]));
    if (scan->groups_count < GROUPS_MAX)
        scan->groups_count++;
    newest(scan)->from = at;
    newest(scan)->zeros = 0;
    newest(scan)->count = 0;
    newest(scan)->touched = ses_ascii_is_letter(scan->last[0]);
    newest(scan)->fraction = scan->last[0] == '.' && ses_ascii_is_digit(scan->last[1]);
    scan->in_group = true;
}

static void push_digit(struct scan *scan, uint8_t digit, size_t from, size_t to)
{
    struct group *group;

    if (!scan->in_group)
        begin_group(scan, from);
    group = newest(scan);
    group->to = to;
    if (digit == 0 && group->count == 0) { /* it may be padding before the number: no network begins with 0 */
        group->zeros++;
        return;
    }
    if (group->count == 0)
        group->from = from;
    if (group->count < GROUP_DIGITS)
        group->digits[group->count] = digit;
    group->count++;
}

/* Digits of a group that is not the first of its number: zeros count. */
static size_t whole(const struct group *group)
{
    return group->zeros + group->count;
}

static size_t put_digits(const struct group *group, bool first, uint8_t *ret_digits)
{
    size_t zeros = first ? 0 : group->zeros;

    memset(ret_digits, 0, zeros);
    memcpy(ret_digits + zeros, group->digits, group->count);
    return zeros + group->count;
}

static bool digits_check(const struct scan *scan, size_t groups)
{
    uint8_t digits[SES_PAN_DIGITS_MAX];
    size_t count = 0;

    for (size_t i = groups; i > 0; i--)
        count += put_digits(back(scan, i), i == groups, digits + count);
    return ses_card_number_check(digits, count);
}

/* The first group may have zeros before it (padding), the others count theirs; the first must not touch a
 * letter. */
static bool grouping_check(const struct scan *scan, const struct grouping *grouping)
{
    const struct group *first;

    if (scan->groups_count < grouping->count)
        return false;
    first = back(scan, grouping->count);
    if (first->count != grouping->digits[0] || first->touched)
        return false;
    for (size_t i = 1; i < grouping->count; i++) {
        if (whole(back(scan, grouping->count - i)) != grouping->digits[i])
            return false;
    }
    return digits_check(scan, grouping->count);
}

/* The newest group has ended: does a card number end with it? */
static bool end_group(struct scan *scan, uint8_t behind, struct ses_card_span *ret_span)
{
    const struct group *group = newest(scan);
    size_t groups = 0;

    scan->in_group = false;
    scan->gap = 0;
    /* Track 1 of a magnetic stripe: %B, the number, ^. */
    if (ses_ascii_is_letter(behind) || (group->touched && behind != '^'))
        return false;
    if (group->count >= SES_PAN_DIGITS_MIN && group->count <= SES_PAN_DIGITS_MAX && !group->fraction &&
        digits_check(scan, 1))
        groups = 1;
    for (size_t i = 0; groups == 0 && i < sizeof(groupings) / sizeof(groupings[0]); i++) {
        if (grouping_check(scan, &groupings[i]))
            groups = groupings[i].count;
    }
    if (groups == 0)
        return false;
    *ret_span = (struct ses_card_span){back(scan, groups)->from, group->to};
    return true;
}

/* ---- the pass ---------------------------------------------------------------------------------- */

static bool begins_word(const struct scan *scan, uint8_t c)
{
    return (ses_ascii_is_digit(c) || ses_ascii_is_letter(c)) && !ses_ascii_is_digit(scan->last[0]) &&
           !ses_ascii_is_letter(scan->last[0]);
}

/* What is neither digit nor gap ends the chain. */
static void see(struct scan *scan, uint8_t c)
{
    if (is_gap(c))
        scan->gap++;
    else if (!ses_ascii_is_digit(c))
        scan->groups_count = 0;
    scan->last[1] = scan->last[0];
    scan->last[0] = c;
}

bool ses_card_number_find(struct ses_slice text, size_t from, bool decode, struct ses_card_span *ret_span)
{
    struct scan scan = {.text = text, .decode = decode};
    size_t at = from;

    while (at < text.len) {
        uint8_t c = 0;
        size_t len = ses_card_next(text, at, decode, &c);
        size_t word;

        if (c == SES_FOLD_SKIP) {
            at += len;
            continue;
        }
        if (scan.in_group && !ses_ascii_is_digit(c) && end_group(&scan, c, ret_span))
            return true;
        if (begins_word(&scan, c) && (word = ses_card_word_length(text, at)) > 0) {
            len = word;
            c = SES_FOLD_OTHER;
        }
        if (ses_ascii_is_digit(c))
            push_digit(&scan, (uint8_t)(c - '0'), at, at + len);
        see(&scan, c);
        at += len;
    }
    return scan.in_group && end_group(&scan, 0, ret_span);
}
