/* The walk over raw JSON text, and whole numbers out of literals. */
#include "codec_json_number.h"

#include <sessiond/base/ascii.h>

/* Up to so many characters an integer fits 64 bits, and jansson takes it as it is. */
#define SHORT_INTEGER_MAX 18
/* What opens a marked literal, as JSON source: a quote and an escaped NUL. A text that holds a NUL of the
 * client's own is refused after the survey, so that nothing else in the tree can begin so. */
#define MARK       "\"\\u0000"
#define MARK_BYTES (sizeof(MARK) - 1)
/* Exponents beyond this are zero or out of range for every text of a request's size. */
#define EXPONENT_MAX 1000000

static size_t digits_at(struct ses_slice text, size_t at)
{
    size_t end = at;

    while (end < text.len && ses_ascii_is_digit(text.data[end]))
        end++;
    return end - at;
}

/* The parts of -12.50e+3: RFC 8259 section 6. */
struct literal {
    struct ses_slice whole;    /* "12" */
    struct ses_slice fraction; /* "50" */
    struct ses_slice exponent; /* "3" */
    bool negative;
    bool exponent_negative;
};

static bool take_exponent(struct ses_slice text, size_t *at, struct literal *literal)
{
    size_t count;

    if (*at == text.len || (text.data[*at] | 0x20) != 'e')
        return true;
    ++*at;
    if (*at < text.len && (text.data[*at] == '+' || text.data[*at] == '-'))
        literal->exponent_negative = text.data[(*at)++] == '-';
    count = digits_at(text, *at);
    literal->exponent = ses_slice_cut(text, *at, *at + count);
    *at += count;
    return count > 0;
}

static bool take_fraction(struct ses_slice text, size_t *at, struct literal *literal)
{
    size_t count;

    if (*at == text.len || text.data[*at] != '.')
        return true;
    count = digits_at(text, ++*at);
    literal->fraction = ses_slice_cut(text, *at, *at + count);
    *at += count;
    return count > 0;
}

/* Strictly RFC 8259: no leading zero, no '+', no bare '.', nothing behind it. */
static bool split(struct ses_slice text, struct literal *ret_literal)
{
    struct literal literal = {.negative = text.len > 0 && text.data[0] == '-'};
    size_t at = literal.negative;
    size_t count = digits_at(text, at);

    if (count == 0 || (count > 1 && text.data[at] == '0'))
        return false;
    literal.whole = ses_slice_cut(text, at, at + count);
    at += count;
    if (!take_fraction(text, &at, &literal) || !take_exponent(text, &at, &literal) || at != text.len)
        return false;
    *ret_literal = literal;
    return true;
}

bool ses_json_is_number(struct ses_slice text)
{
    struct literal literal;

    return split(text, &literal);
}

/* Where the characters end that a number is made of. */
static size_t number_end(struct ses_slice text, size_t at)
{
    while (at < text.len && (ses_ascii_is_digit(text.data[at]) || text.data[at] == '-' ||
                             text.data[at] == '+' || text.data[at] == '.' || (text.data[at] | 0x20) == 'e'))
        at++;
    return at;
}

/* What jansson would not keep exactly. Text that is no number stays as it is: the parser says where it
 * is wrong. Up to 18 digits fit 64 bits with room; everything with a point, an exponent or more digits
 * is looked at by us. */
static bool is_odd(struct ses_slice number)
{
    bool short_integer = number.len <= SHORT_INTEGER_MAX;

    for (size_t i = 0; i < number.len && short_integer; i++)
        short_integer = ses_ascii_is_digit(number.data[i]) || number.data[i] == '-';
    return !short_integer && ses_json_is_number(number);
}

/* Behind the string that begins at at; the end of the text if it does not end. The escape for NUL is
 * looked for here because only here it is known to be inside a string; \\u0000 behind a backslash of
 * its own is none, hence the step over the escaped character. */
static size_t string_end(struct ses_slice text, size_t at, bool *nul)
{
    for (at++; at < text.len && text.data[at] != '"'; at++) {
        if (text.data[at] != '\\')
            continue;
        if (text.len - at >= 6 && memcmp(text.data + at, "\\u0000", 6) == 0)
            *nul = true;
        at++;
    }
    return at < text.len ? at + 1 : text.len;
}

static bool begins_number(uint8_t c)
{
    return ses_ascii_is_digit(c) || c == '-';
}

/* A value but for the outermost stands behind a bracket or a comma: these are counted. An empty array
 * counts one too many. */
static void count_bracket(struct ses_json_survey *survey, uint8_t c, unsigned *depth)
{
    if (c == '{' || c == '[') {
        survey->values++;
        if (++*depth > survey->depth_max)
            survey->depth_max = *depth;
    } else if ((c == '}' || c == ']') && *depth > 0) {
        --*depth;
    } else if (c == ',') {
        survey->values++;
    }
}

/* Not a parser: it only has to find strings (whose contents must not be counted) and numbers. Whatever
 * it makes of text that is no JSON, the parser refuses that afterwards. */
void ses_json_survey(struct ses_slice text, struct ses_json_survey *ret_survey)
{
    struct ses_json_survey survey = {0};
    unsigned depth = 0;
    size_t at = 0;

    while (at < text.len) {
        uint8_t c = text.data[at];

        if (c == '"') {
            at = string_end(text, at, &survey.nul);
        } else if (begins_number(c)) {
            size_t end = number_end(text, at);

            survey.literals += is_odd(ses_slice_cut(text, at, end));
            at = end;
        } else {
            count_bracket(&survey, c, &depth);
            at++;
        }
    }
    *ret_survey = survey;
}

static size_t put(uint8_t *to, const void *bytes, size_t len)
{
    memcpy(to, bytes, len);
    return len;
}

/* The token at at, whole, to to; marked if it is an odd number. */
static size_t copy_token(struct ses_slice text, size_t at, size_t end, uint8_t *to)
{
    struct ses_slice token = ses_slice_cut(text, at, end);
    size_t len;

    if (!begins_number(text.data[at]) || !is_odd(token))
        return put(to, token.data, token.len);
    len = put(to, MARK, MARK_BYTES);
    len += put(to + len, token.data, token.len);
    return len + put(to + len, "\"", 1);
}

/* The room is exact but for one byte: each literal grows by its mark and the closing quote. The walk is
 * the survey's, token by token; both must agree on where a number ends. */
enum ses_status ses_json_mark_literals(struct ses_slice text, const struct ses_json_survey *survey,
                                       struct ses_arena *arena, struct ses_slice *ret_text)
{
    uint8_t *marked = ses_arena_alloc(arena, text.len + survey->literals * (MARK_BYTES + 1) + 1);
    size_t len = 0;
    bool nul = false;

    if (marked == NULL)
        return SES_NO_MEMORY;
    for (size_t at = 0, end; at < text.len; at = end) {
        if (text.data[at] == '"')
            end = string_end(text, at, &nul);
        else
            end = begins_number(text.data[at]) ? number_end(text, at) : at + 1;
        len += copy_token(text, at, end, marked + len);
    }
    *ret_text = ses_slice(marked, len);
    return SES_OK;
}

bool ses_json_literal(const json_t *value, struct ses_slice *ret_text)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);

    if (text == NULL || len == 0 || text[0] != '\0')
        return false;
    *ret_text = ses_slice(text + 1, len - 1);
    return true;
}

bool ses_json_is_text(const json_t *value)
{
    struct ses_slice literal;

    return json_is_string(value) && !ses_json_literal(value, &literal);
}

/* Checked before the multiplication: UINT64_MAX itself still fits. */
static bool append_digit(uint64_t *value, unsigned digit)
{
    if (*value > (UINT64_MAX - digit) / 10)
        return false;
    *value = *value * 10 + digit;
    return true;
}

/* Digit i of the whole and the fraction written one behind the other. */
static unsigned digit_of(const struct literal *literal, size_t i)
{
    uint8_t c =
        i < literal->whole.len ? literal->whole.data[i] : literal->fraction.data[i - literal->whole.len];

    return (unsigned)(c - '0');
}

/* Out of range is refused: no text of a request's size can make up for such an exponent by its digits. */
static bool exponent_of(const struct literal *literal, int64_t *ret_exponent)
{
    uint64_t magnitude = 0;

    if (literal->exponent.len > 0 && ses_parse_u64(literal->exponent, EXPONENT_MAX, &magnitude) != SES_OK)
        return false;
    *ret_exponent = literal->exponent_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

static bool is_zero(const struct literal *literal, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        if (digit_of(literal, i) != 0)
            return false;
    }
    return true;
}

/* Whole if nothing but zeros stands behind the point once the exponent has moved it; with a negative
 * exponent the point may stand before the first digit. A huge exponent costs nothing: zero is answered
 * before the loop, and of anything else append_digit refuses at most the 21st digit. */
bool ses_json_integer_of(struct ses_slice text, struct ses_json_integer *ret_integer)
{
    struct ses_json_integer integer = {0};
    struct literal literal;
    int64_t exponent;
    int64_t point; /* how many digits stand before the point */
    size_t digits;

    if (!split(text, &literal))
        return false;
    integer.negative = literal.negative;
    digits = literal.whole.len + literal.fraction.len;
    if (is_zero(&literal, 0, digits)) {
        *ret_integer = integer;
        return true;
    }
    if (!exponent_of(&literal, &exponent))
        return false;
    point = (int64_t)literal.whole.len + exponent;
    for (int64_t i = 0; i < point; i++) {
        if (!append_digit(&integer.magnitude, i < (int64_t)digits ? digit_of(&literal, (size_t)i) : 0))
            return false;
    }
    if (!is_zero(&literal, point > 0 ? (size_t)point : 0, digits))
        return false;
    *ret_integer = integer;
    return true;
}
