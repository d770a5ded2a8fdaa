/* A value is reduced to a tag, from the leaves up: a container is the tag of its children's tags, an object's
 * sorted by their keys. The text was checked, so that the reader meets no end and no fault, and its depth,
 * and with it the recursion, is bounded.
 */
#include <sessiond/domain/json_meaning.h>

#include <stdlib.h>

#include <sessiond/base/encode.h>
#include <sessiond/domain/json_check.h>

struct pair {
    uint64_t key; /* of an object's member; an array's have none */
    uint64_t value;
};

struct reader {
    const struct ses_tag_key *key;
    const uint8_t *at;
    const uint8_t *end;
    uint8_t *bytes;     /* room for one scalar */
    struct pair *pairs; /* children of the containers that are open */
    size_t count;
    bool ambiguous; /* a key was there twice */
};

static uint64_t tag_of(const struct reader *r, uint8_t kind, size_t len)
{
    r->bytes[0] = kind;
    return ses_tag(r->key, ses_slice(r->bytes, 1 + len));
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

/* ---- strings --------------------------------------------------------------------------------- */

static unsigned hex_unit(struct reader *r)
{
    unsigned unit = 0;

    for (int i = 0; i < 4; i++)
        unit = unit << 4 | (unsigned)ses_hex_digit(*r->at++);
    return unit;
}

static size_t put_utf8(uint8_t *to, unsigned point)
{
    if (point < 0x80) {
        to[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (uint8_t)(0xC0 | point >> 6);
        to[1] = (uint8_t)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (uint8_t)(0xE0 | point >> 12);
        to[1] = (uint8_t)(0x80 | (point >> 6 & 0x3F));
        to[2] = (uint8_t)(0x80 | (point & 0x3F));
        return 3;
    }
    to[0] = (uint8_t)(0xF0 | point >> 18);
    to[1] = (uint8_t)(0x80 | (point >> 12 & 0x3F));
    to[2] = (uint8_t)(0x80 | (point >> 6 & 0x3F));
    to[3] = (uint8_t)(0x80 | (point & 0x3F));
    return 4;
}

/* Behind the reverse solidus. */
static size_t unescape(struct reader *r, uint8_t *to)
{
    static const char letters[] = "bfnrt";
    static const char meant[] = "\b\f\n\r\t";
    uint8_t c = *r->at++;
    const char *letter = strchr(letters, c);
    unsigned point = 0;

    if (c != 'u') {
        *to = letter == NULL ? c : (uint8_t)meant[letter - letters];
        return 1;
    }
    point = hex_unit(r);
    if (point >= 0xD800 && point <= 0xDBFF) {
        r->at += 2;
        point = 0x10000 + ((point - 0xD800) << 10) + (hex_unit(r) - 0xDC00);
    }
    return put_utf8(to, point);
}

static uint64_t read_string(struct reader *r)
{
    size_t len = 0;

    r->at++;
    while (*r->at != '"') {
        if (*r->at == '\\') {
            r->at++;
            len += unescape(r, r->bytes + 1 + len);
        } else {
            r->bytes[1 + len++] = *r->at++;
        }
    }
    r->at++;
    return tag_of(r, '"', len);
}

/* ---- numbers --------------------------------------------------------------------------------- */

#define EXPONENT_MAX INT64_C(1000000000000000) /* beyond it the digits' places would not matter any more */

static bool is_digit(const struct reader *r)
{
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

/* The digits without those zeros that say nothing, and what power of ten the last one of them stands for. */
static size_t read_digits(struct reader *r, uint8_t *digits, int64_t *exponent)
{
    size_t len = 0;
    bool behind_point = false;

    for (; is_digit(r) || (r->at < r->end && *r->at == '.'); r->at++) {
        if (*r->at == '.') {
            behind_point = true;
            continue;
        }
        *exponent -= behind_point ? 1 : 0;
        if (len > 0 || *r->at != '0')
            digits[len++] = *r->at;
    }
    while (len > 0 && digits[len - 1] == '0') {
        len--;
        ++*exponent;
    }
    return len;
}

static int64_t read_exponent(struct reader *r)
{
    int64_t exponent = 0;
    bool negative = false;

    if (r->at == r->end || (*r->at | 0x20) != 'e')
        return 0;
    r->at++;
    negative = *r->at == '-';
    if (*r->at == '-' || *r->at == '+')
        r->at++;
    for (; is_digit(r); r->at++)
        exponent = exponent > EXPONENT_MAX ? exponent : exponent * 10 + (*r->at - '0');
    return negative ? -exponent : exponent;
}

/* Digits without zeros at either end, and the power of ten: 1.0, 1e0 and 10e-1 are all "1" and 0. */
static uint64_t read_number(struct reader *r)
{
    const uint8_t *start = r->at;
    bool negative = *r->at == '-';
    int64_t exponent = 0;
    size_t len = 0;
    int64_t told = 0;

    r->at += negative ? 1 : 0;
    len = read_digits(r, r->bytes + 1, &exponent);
    told = read_exponent(r);
    if (told > EXPONENT_MAX || told < -EXPONENT_MAX) { /* as it is written */
        len = (size_t)(r->at - start);
        memcpy(r->bytes + 1, start, len);
        return tag_of(r, 'E', len);
    }
    exponent = len == 0 ? 0 : exponent + told; /* zero is zero, with or without a sign */
    for (unsigned i = 0; i < 8; i++)
        r->bytes[1 + len + i] = (uint8_t)((uint64_t)exponent >> (8 * i));
    return tag_of(r, negative && len > 0 ? '-' : '+', len + 8);
}

/* ---- containers ------------------------------------------------------------------------------ */

static uint64_t read_value(struct reader *r);

static int by_key(const void *a, const void *b)
{
    uint64_t one = ((const struct pair *)a)->key;
    uint64_t two = ((const struct pair *)b)->key;

    return (one > two) - (one < two);
}

/* Two keys of one tag by accident (2^-64) count as one that is there twice: the texts then do not say the
 * same. */
static uint64_t tag_children(struct reader *r, size_t from, uint8_t kind)
{
    size_t count = r->count - from;
    struct ses_slice bytes = ses_slice(r->pairs + from, count * sizeof(*r->pairs));
    uint64_t tag = 0;

    if (kind == '{' && count > 1)
        qsort(r->pairs + from, count, sizeof(*r->pairs), by_key);
    for (size_t i = from + 1; kind == '{' && i < r->count; i++)
        r->ambiguous = r->ambiguous || r->pairs[i].key == r->pairs[i - 1].key;
    tag = ses_tag(r->key, bytes);
    memcpy(r->bytes + 1, &tag, sizeof(tag));
    r->count = from;
    return tag_of(r, kind, sizeof(tag));
}

static uint64_t read_container(struct reader *r)
{
    uint8_t kind = *r->at++;
    size_t from = r->count;

    for (skip_space(r); *r->at != ']' && *r->at != '}'; skip_space(r)) {
        struct pair pair = {0, 0};

        if (*r->at == ',') {
            r->at++;
            skip_space(r);
        }
        if (kind == '{') {
            pair.key = read_string(r);
            skip_space(r);
            r->at++; /* the colon */
        }
        pair.value = read_value(r);
        r->pairs[r->count++] = pair;
    }
    r->at++;
    return tag_children(r, from, kind);
}

/* NOLINTNEXTLINE(misc-no-recursion): SES_JSON_CHECK_DEPTH_MAX deep */
static uint64_t read_value(struct reader *r)
{
    uint8_t first = 0;

    skip_space(r);
    first = *r->at;
    if (first == '{' || first == '[')
        return read_container(r);
    if (first == '"')
        return read_string(r);
    if (first == '-' || is_digit(r))
        return read_number(r);
    r->at += first == 'f' ? 5 : 4;
    return tag_of(r, first, 0);
}

/* ---- both ------------------------------------------------------------------------------------ */

/* Every value but the outermost follows one of these. */
static size_t values_max(struct ses_slice text)
{
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == ',' || text.data[i] == '[' || text.data[i] == '{';
    return count;
}

#define SCALAR_EXTRA 16 /* its kind, and a number's exponent */

bool ses_json_meaning(const struct ses_tag_key *key, struct ses_slice text, struct ses_arena *arena,
                      uint64_t *ret_tag)
{
    struct reader r = {.key = key, .at = text.data, .end = text.data + text.len};

    if (!ses_utf8_check(text) || !ses_json_check(text))
        return false;
    r.bytes = ses_arena_alloc(arena, text.len + SCALAR_EXTRA);
    r.pairs = ses_arena_alloc(arena, values_max(text) * sizeof(*r.pairs));
    if (r.bytes == NULL || r.pairs == NULL)
        return false;
    *ret_tag = read_value(&r);
    return !r.ambiguous;
}

bool ses_json_same(const struct ses_tag_key *key, struct ses_slice a, struct ses_slice b,
                   struct ses_arena *arena)
{
    uint64_t tags[2];

    return ses_json_meaning(key, a, arena, &tags[0]) && ses_json_meaning(key, b, arena, &tags[1]) &&
           tags[0] == tags[1];
}
