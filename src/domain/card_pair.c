/* One pass that remembers where the last key stands, and looks at it only when something assigns to it.
 * Formats are not told apart: JSON, XML, forms, headers and prose all put a word, perhaps a quote, and a sign
 * before a value.
 */
#include "card_pair.h"

#include <sessiond/base/ascii.h>

#include "card_key.h"
#include "card_text.h"

enum class {
    CLASS_OTHER,
    CLASS_WORD,  /* part of a key */
    CLASS_JOIN,  /* may stand inside one: "card cvc", "card_cvc", "card-cvc" */
    CLASS_QUOTE, /* may stand between a key and what assigns to it */
    CLASS_ASSIGN
};

/* Of folded characters. */
/* clang-format off */
#define W CLASS_WORD
#define J CLASS_JOIN
#define Q CLASS_QUOTE
#define A CLASS_ASSIGN
static const uint8_t classes[256] = {
    ['\t'] = Q, ['\n'] = Q, ['\r'] = Q, [' '] = J, ['"'] = Q, ['\''] = Q, ['-'] = J, [':'] = A, ['='] = A,
    ['>'] = A, ['\\'] = Q, [']'] = Q, ['_'] = J,
    ['0'] = W, W, W, W, W, W, W, W, W, W,
    ['A'] = W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
    ['a'] = W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W, W,
};
#undef W
#undef J
#undef Q
#undef A
/* clang-format on */

struct scan {
    struct ses_slice text;
    bool decode;
    struct ses_card_span word;   /* the key's place, should an assignment follow: most words are no keys */
    bool open;                   /* the next letter belongs to it */
    bool assigned;               /* the word is a value */
    enum ses_card_key_hit named; /* a value before the last comma: {"name": "cvv", "value": "123"} */
};

/* The key is read a second time, now that something assigns to it: most words of a text never are. */
static void word_take(const struct scan *scan, struct ses_card_key *ret_key)
{
    size_t at = scan->word.from;

    ret_key->len = 0;
    ret_key->cut = false;
    while (at < scan->word.to) {
        uint8_t c = 0;

        at += ses_card_next(scan->text, at, scan->decode, &c);
        if (classes[c] == CLASS_WORD)
            ses_card_key_push(ret_key, c);
    }
}

static enum ses_card_key_hit word_check(const struct scan *scan)
{
    struct ses_card_key key;

    word_take(scan, &key);
    return ses_card_key_check(&key);
}

/* A form as a list of fields: the key is itself a value. What it announces must look like it, for a field's
 * name alone says nothing yet. */
static enum ses_card_key_hit field_check(const struct scan *scan)
{
    struct ses_card_key key;

    if (scan->named == SES_CARD_KEY_NONE)
        return SES_CARD_KEY_NONE;
    word_take(scan, &key);
    if (!ses_slice_eq_str(ses_slice(key.text, key.len), "value"))
        return SES_CARD_KEY_NONE;
    return scan->named == SES_CARD_KEY_ANY ? SES_CARD_KEY_SHORT : scan->named;
}

static bool begins_value(uint8_t c)
{
    return c != SES_FOLD_SKIP && classes[c] != CLASS_QUOTE && c != ' ' && c != '>' && c != '=';
}

static bool ends_value(uint8_t c)
{
    static const char delimiters[] = "\"',;&<>)]} \t\r\n";

    return c != SES_FOLD_SKIP && memchr(delimiters, c, sizeof(delimiters) - 1) != NULL;
}

/* What stands behind the assignment: its digits when they are all that counts, else up to a delimiter. */
static unsigned take_value(const struct scan *scan, size_t at, bool digits_only,
                           struct ses_card_span *ret_value)
{
    unsigned digits = 0;
    bool begun = false;

    *ret_value = (struct ses_card_span){at, at};
    while (at < scan->text.len) {
        uint8_t c = 0;
        size_t len = ses_card_next(scan->text, at, scan->decode, &c);

        if (!begun && begins_value(c)) {
            begun = true;
            *ret_value = (struct ses_card_span){at, at};
        }
        if (begun && (digits_only ? !ses_ascii_is_digit(c) && c != SES_FOLD_SKIP : ends_value(c)))
            break;
        digits += ses_ascii_is_digit(c) ? 1 : 0;
        at += len;
        if (begun)
            ret_value->to = at;
    }
    return digits;
}

/* "</cvv>" and "cvv -> see below" assign nothing: behind '>' the value decides. */
static bool assign_check(const struct scan *scan, size_t behind, uint8_t sign,
                         struct ses_card_span *ret_value)
{
    enum ses_card_key_hit hit = word_check(scan);
    struct ses_card_span value;
    unsigned digits;

    if (hit == SES_CARD_KEY_NONE)
        hit = field_check(scan);
    if (hit == SES_CARD_KEY_NONE)
        return false;
    if (hit == SES_CARD_KEY_ANY && sign == '>')
        hit = SES_CARD_KEY_SHORT;
    digits = take_value(scan, behind, hit != SES_CARD_KEY_ANY, &value);
    if (!ses_card_key_fits(hit, digits))
        return false;
    *ret_value = value;
    return true;
}

static void forget_word(struct scan *scan, size_t at)
{
    scan->word = (struct ses_card_span){at, at};
    scan->open = false;
}

static void extend_word(struct scan *scan, size_t from, size_t to)
{
    if (!scan->open)
        scan->word.from = from;
    scan->open = true;
    scan->word.to = to;
}

/* Most of a text is letters. */
static size_t skip_word(struct scan *scan, size_t at)
{
    while (at < scan->text.len && classes[scan->text.data[at]] == CLASS_WORD)
        at++;
    scan->word.to = at;
    return at;
}

bool ses_card_pair_find(struct ses_slice text, size_t from, bool decode, struct ses_card_span *ret_value)
{
    struct scan scan = {.text = text, .decode = decode, .word = {from, from}};
    size_t at = from;

    while (at < text.len) {
        uint8_t c = 0;
        size_t begin = at;

        at += ses_card_next(text, at, decode, &c);
        if (c == SES_FOLD_SKIP)
            continue;
        switch ((enum class)classes[c]) {
        case CLASS_WORD:
            extend_word(&scan, begin, at);
            at = skip_word(&scan, at);
            break;
        case CLASS_QUOTE:
            scan.open = false;
            break;
        case CLASS_ASSIGN:
            if (assign_check(&scan, at, c, ret_value))
                return true;
            scan.named = SES_CARD_KEY_NONE;
            scan.assigned = true;
            forget_word(&scan, at);
            break;
        case CLASS_OTHER:
            scan.named = c == ',' && scan.assigned ? word_check(&scan) : SES_CARD_KEY_NONE;
            scan.assigned = false;
            forget_word(&scan, at);
            break;
        case CLASS_JOIN:
            break;
        }
    }
    return false;
}
