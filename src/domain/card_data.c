#include <sessiond/domain/card_data.h>

enum {
    PAN_DIGITS_MIN = 13,
    PAN_DIGITS_MAX = 19,
    RING = 32,    /* digits remembered, a power of two above PAN_DIGITS_MAX */
    WORD_MAX = 48 /* letters of a key remembered; of a longer one its end */
};

enum class {
    CLASS_OTHER,
    CLASS_DIGIT,
    CLASS_LETTER,
    CLASS_JOIN,  /* may stand inside a key: "card cvc", "card_cvc", "card-cvc" */
    CLASS_QUOTE, /* may stand between a key and its ':' or '=' */
    CLASS_ASSIGN
};

/* clang-format off */
#define D CLASS_DIGIT
#define L CLASS_LETTER
#define J CLASS_JOIN
#define Q CLASS_QUOTE
#define A CLASS_ASSIGN
static const uint8_t classes[256] = {
    ['\t'] = Q, ['\n'] = Q, ['\r'] = Q, [' '] = J, ['"'] = Q, ['\''] = Q, ['-'] = J, [':'] = A, ['='] = A,
    ['\\'] = Q, [']'] = Q, ['_'] = J,
    ['0'] = D, D, D, D, D, D, D, D, D, D,
    ['A'] = L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
    ['a'] = L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
};
#undef D
#undef L
#undef J
#undef Q
#undef A
/* clang-format on */

static bool is(uint8_t byte, enum class class)
{
    return classes[byte] == class;
}

static int hex_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Length of what is read as one byte: 6 for \u00XX, else 1. */
static size_t take_byte(struct ses_slice text, size_t at, uint8_t *ret_byte)
{
    const uint8_t *p = text.data + at;
    int high = 0;
    int low = 0;

    *ret_byte = p[0];
    if (p[0] != '\\' || text.len - at < 6 || p[1] != 'u' || p[2] != '0' || p[3] != '0')
        return 1;
    high = hex_value(p[4]);
    low = hex_value(p[5]);
    if (high < 0 || low < 0)
        return 1;
    *ret_byte = (uint8_t)(high << 4 | low);
    return 6;
}

/* ---- card numbers ---------------------------------------------------------------------------- */

#define LENGTH(n)       (1u << (n))
#define LENGTHS(lo, hi) ((LENGTH((hi) + 1) - 1) & ~(LENGTH(lo) - 1))

/* First six digits of the networks and the lengths they issue (ISO/IEC 7812 prefixes as the networks publish
 * them). Prefixes 0, 1 and 7 (airlines, fuel) are left out: times in milliseconds and most running numbers
 * start with 1. */
static const struct network {
    uint32_t low, high;
    uint32_t lengths;
} networks[] = {
    {220000, 220499, LENGTHS(16, 19)},                         /* Mir */
    {222100, 272099, LENGTH(16)},                              /* Mastercard */
    {300000, 305999, LENGTHS(14, 19)},                         /* Diners */
    {309500, 309599, LENGTHS(14, 19)},                         /* Diners */
    {340000, 349999, LENGTH(15)},                              /* American Express */
    {352800, 358999, LENGTHS(16, 19)},                         /* JCB */
    {360000, 369999, LENGTHS(14, 19)},                         /* Diners */
    {370000, 379999, LENGTH(15)},                              /* American Express */
    {380000, 399999, LENGTHS(14, 19)},                         /* Diners */
    {400000, 499999, LENGTH(13) | LENGTH(16) | LENGTH(19)},    /* Visa */
    {500000, 509999, LENGTHS(PAN_DIGITS_MIN, PAN_DIGITS_MAX)}, /* Maestro, RuPay, Elo, Verve */
    {510000, 559999, LENGTH(16)},                              /* Mastercard */
    {560000, 699999, LENGTHS(PAN_DIGITS_MIN, PAN_DIGITS_MAX)}, /* Maestro, Discover, UnionPay, RuPay */
    {810000, 829999, LENGTHS(16, 19)},                         /* UnionPay, RuPay */
    {979200, 979289, LENGTH(16)},                              /* Troy */
};

/* A chain is a row of digit groups with one space or dash between them. */
struct chain {
    uint8_t ring[RING]; /* its last digits */
    uint32_t starts;    /* bit k: a group began k digits ago */
    size_t count;       /* digits in all */
    bool letter_before; /* what stood before the chain */
    bool fraction;      /* it stands behind the point of a decimal number */
};

static unsigned digit_back(const struct chain *chain, size_t back)
{
    return chain->ring[(chain->count - 1 - back) % RING];
}

static bool luhn_check(const struct chain *chain, size_t length)
{
    unsigned sum = 0;

    for (size_t back = 0; back < length; back++) {
        unsigned digit = digit_back(chain, back);

        if (back % 2 == 1)
            digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
        sum += digit;
    }
    return sum % 10 == 0;
}

static bool network_check(const struct chain *chain, size_t length)
{
    uint32_t prefix = 0;

    for (size_t i = 1; i <= 6; i++)
        prefix = prefix * 10 + digit_back(chain, length - i);
    for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
        if (prefix >= networks[i].low && prefix <= networks[i].high)
            return (networks[i].lengths & LENGTH(length)) != 0;
    }
    return false;
}

/* A group has just ended: is there a PAN that ends here and begins where some group began? */
static bool chain_check(const struct chain *chain, bool letter_behind)
{
    uint32_t starts = chain->starts & LENGTHS(PAN_DIGITS_MIN - 1, PAN_DIGITS_MAX - 1);

    for (size_t length = PAN_DIGITS_MIN; starts != 0 && length <= PAN_DIGITS_MAX; length++) {
        bool whole = length == chain->count;

        if ((starts & LENGTH(length - 1)) == 0)
            continue;
        if (whole && ((chain->letter_before && letter_behind) || chain->fraction))
            continue;
        if (network_check(chain, length) && luhn_check(chain, length))
            return true;
    }
    return false;
}

static void chain_push(struct chain *chain, uint8_t digit, bool starts_group)
{
    chain->ring[chain->count % RING] = digit;
    chain->count++;
    chain->starts = chain->starts << 1 | (starts_group ? 1u : 0u);
}

/* ---- keys of verification values ------------------------------------------------------------- */

/* A key's place in the text. Its letters are looked at only when a ':' or '=' follows: most words are no
 * keys. */
struct word {
    size_t start;
    size_t end;
    bool open; /* the next letter belongs to it */
};

struct key {
    char text[WORD_MAX]; /* lower case, joins left out */
    size_t len;
    bool cut; /* its beginning was dropped */
};

static void key_push(struct key *key, uint8_t byte)
{
    if (key->len == WORD_MAX) {
        memmove(key->text, key->text + WORD_MAX / 2, WORD_MAX / 2);
        key->len = WORD_MAX / 2;
        key->cut = true;
    }
    key->text[key->len++] = (char)(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
}

enum key_rule {
    KEY_NAME,     /* the whole key, with or without a card prefix */
    KEY_SUFFIX,   /* also the end of a longer key, when the value looks like one */
    KEY_PREFIXED, /* only behind a card prefix: alone the word means other things too */
};

static const struct {
    struct ses_slice name;
    enum key_rule rule;
} key_names[] = {
    {SES_STR_INIT("cvv"), KEY_SUFFIX},
    {SES_STR_INIT("cvv2"), KEY_SUFFIX},
    {SES_STR_INIT("cvc"), KEY_SUFFIX},
    {SES_STR_INIT("cvc2"), KEY_SUFFIX},
    {SES_STR_INIT("securitycode"), KEY_SUFFIX},
    {SES_STR_INIT("verificationvalue"), KEY_SUFFIX},
    {SES_STR_INIT("cvvcode"), KEY_NAME},
    {SES_STR_INIT("cvccode"), KEY_NAME},
    {SES_STR_INIT("cvvnumber"), KEY_NAME},
    {SES_STR_INIT("cvcnumber"), KEY_NAME},
    {SES_STR_INIT("cvn"), KEY_NAME},
    {SES_STR_INIT("cvn2"), KEY_NAME},
    {SES_STR_INIT("cvd"), KEY_NAME},
    {SES_STR_INIT("verificationcode"), KEY_PREFIXED},
    {SES_STR_INIT("csc"), KEY_PREFIXED},
    {SES_STR_INIT("cid"), KEY_PREFIXED},
};

static const struct ses_slice key_prefixes[] = {
    SES_STR_INIT("payment"), SES_STR_INIT("method"), SES_STR_INIT("credit"),
    SES_STR_INIT("debit"),   SES_STR_INIT("card"),   SES_STR_INIT("cc"),
};

static struct ses_slice strip_prefixes(struct ses_slice key, bool *ret_stripped)
{
    size_t i = 0;

    while (i < sizeof(key_prefixes) / sizeof(key_prefixes[0])) {
        struct ses_slice prefix = key_prefixes[i];

        i++;
        if (key.len >= prefix.len && key.data[0] == prefix.data[0] && ses_slice_starts(key, prefix)) {
            key = ses_slice_cut(key, prefix.len, key.len);
            *ret_stripped = true;
            i = 0;
        }
    }
    return key;
}

static bool ends_with(struct ses_slice s, struct ses_slice end)
{
    return s.len >= end.len && s.data[s.len - 1] == end.data[end.len - 1] &&
           ses_slice_eq(ses_slice_cut(s, s.len - end.len, s.len), end);
}

enum key_hit { KEY_NONE, KEY_IF_DIGITS, KEY_FOUND };

/* Last letters of the names above: half of all keys need no further look. */
static bool may_end_name(uint8_t byte)
{
    return byte == 'v' || byte == 'c' || byte == '2' || byte == 'e' || byte == 'r' || byte == 'n' ||
           byte == 'd';
}

static enum key_hit key_check(const struct key *key)
{
    struct ses_slice text = ses_slice(key->text, key->len);
    enum key_hit hit = KEY_NONE;
    bool stripped = false;
    struct ses_slice bare;

    if (!may_end_name(text.data[text.len - 1]))
        return KEY_NONE;
    bare = strip_prefixes(text, &stripped);
    for (size_t i = 0; i < sizeof(key_names) / sizeof(key_names[0]); i++) {
        struct ses_slice name = key_names[i].name;

        if (!key->cut && ses_slice_eq(bare, name) && (key_names[i].rule != KEY_PREFIXED || stripped))
            return KEY_FOUND;
        if (key_names[i].rule == KEY_SUFFIX && ends_with(text, name))
            hit = KEY_IF_DIGITS;
    }
    return hit;
}

static enum key_hit word_check(const struct word *word, struct ses_slice text)
{
    struct key key;
    size_t at = word->start;

    if (word->end - word->start < 3)
        return KEY_NONE;
    key.len = 0;
    key.cut = false;
    while (at < word->end) {
        uint8_t byte = 0;

        at += take_byte(text, at, &byte);
        if (is(byte, CLASS_LETTER) || is(byte, CLASS_DIGIT))
            key_push(&key, byte);
    }
    return key.len < 3 ? KEY_NONE : key_check(&key);
}

/* ---- the pass -------------------------------------------------------------------------------- */

struct scan {
    struct ses_slice text;
    size_t at;   /* behind the byte being looked at */
    size_t from; /* where it began: six before at for \u00XX */
    struct chain chain;
    struct word word;
    uint8_t last[2]; /* the byte before and the one before that; 0 at the start */
    bool value;      /* behind a key that counts if its value has 3 or 4 digits */
    unsigned value_digits;
};

static void scan_word(struct scan *scan)
{
    if (!scan->word.open)
        scan->word.start = scan->from;
    scan->word.open = true;
    scan->word.end = scan->at;
}

/* Most of a text is letters. */
static void scan_letters(struct scan *scan)
{
    while (scan->at < scan->text.len && is(scan->text.data[scan->at], CLASS_LETTER)) {
        scan->last[1] = scan->last[0];
        scan->last[0] = scan->text.data[scan->at++];
    }
    scan->word.end = scan->at;
}

static void scan_digit(struct scan *scan, uint8_t byte)
{
    bool in_group = is(scan->last[0], CLASS_DIGIT);
    bool next_group = (scan->last[0] == ' ' || scan->last[0] == '-') && is(scan->last[1], CLASS_DIGIT);

    if (!in_group && !next_group) {
        scan->chain.count = 0;
        scan->chain.starts = 0;
        scan->chain.letter_before = is(scan->last[0], CLASS_LETTER);
        scan->chain.fraction = scan->last[0] == '.' && is(scan->last[1], CLASS_DIGIT);
    }
    chain_push(&scan->chain, (uint8_t)(byte - '0'), !in_group);
}

/* True when the value has ended and had 3 or 4 digits. */
static bool scan_value(struct scan *scan, uint8_t byte)
{
    if (is(byte, CLASS_DIGIT)) {
        scan->value_digits++;
        return false;
    }
    if (scan->value_digits == 0 && (is(byte, CLASS_QUOTE) || byte == ' '))
        return false;
    scan->value = false;
    return scan->value_digits == 3 || scan->value_digits == 4;
}

static enum ses_card_data scan_assign(struct scan *scan)
{
    enum key_hit hit = word_check(&scan->word, scan->text);

    scan->word = (struct word){scan->at, scan->at, false};
    if (hit == KEY_IF_DIGITS) {
        scan->value = true;
        scan->value_digits = 0;
    }
    return hit == KEY_FOUND ? SES_CARD_DATA_CVV : SES_CARD_DATA_NONE;
}

static enum ses_card_data scan_byte(struct scan *scan, uint8_t byte)
{
    enum ses_card_data found = SES_CARD_DATA_NONE;

    if (scan->value && scan_value(scan, byte))
        return SES_CARD_DATA_CVV;
    if (is(scan->last[0], CLASS_DIGIT) && !is(byte, CLASS_DIGIT) &&
        chain_check(&scan->chain, is(byte, CLASS_LETTER)))
        return SES_CARD_DATA_PAN;
    switch ((enum class)classes[byte]) {
    case CLASS_DIGIT:
        scan_digit(scan, byte);
        scan_word(scan);
        break;
    case CLASS_LETTER:
        scan_word(scan);
        break;
    case CLASS_QUOTE:
        scan->word.open = false;
        break;
    case CLASS_ASSIGN:
        found = scan_assign(scan);
        break;
    case CLASS_OTHER:
        scan->word = (struct word){scan->at, scan->at, false};
        break;
    case CLASS_JOIN:
        break;
    }
    scan->last[1] = scan->last[0];
    scan->last[0] = byte;
    return found;
}

enum ses_card_data ses_card_data_find(struct ses_slice text)
{
    struct scan scan = {.text = text};

    while (scan.at < text.len) {
        uint8_t byte = 0;
        enum ses_card_data found;

        scan.from = scan.at;
        scan.at += take_byte(text, scan.at, &byte);
        found = scan_byte(&scan, byte);
        if (found != SES_CARD_DATA_NONE)
            return found;
        if (is(byte, CLASS_LETTER))
            scan_letters(&scan);
    }
    /* What the last group or value still owes. */
    return text.len == 0 ? SES_CARD_DATA_NONE : scan_byte(&scan, 0);
}
