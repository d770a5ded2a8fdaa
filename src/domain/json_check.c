/* RFC 8259's grammar without recursion: the open containers are bits of a word, and the loop goes value, then
 * what ends behind it, then the next value.
 */
#include <sessiond/domain/json_check.h>

#include <sessiond/base/encode.h>

/* A cursor that never leaves the text: peek at its end is -1. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static int peek(const struct cursor *c)
{
    return c->at == c->end ? -1 : *c->at;
}

static bool take(struct cursor *c, int byte)
{
    if (peek(c) != byte)
        return false;
    c->at++;
    return true;
}

static void skip_space(struct cursor *c)
{
    while (peek(c) == ' ' || peek(c) == '\t' || peek(c) == '\n' || peek(c) == '\r')
        c->at++;
}

static bool take_word(struct cursor *c, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
        return false;
    c->at += len;
    return true;
}

/* A digit is looked at before it is taken, and the end of the text is no digit. */
static bool take_hex4(struct cursor *c, unsigned *ret_unit)
{
    unsigned unit = 0;

    for (int i = 0; i < 4; i++) {
        int value = c->at < c->end ? ses_hex_digit(*c->at) : -1;

        if (value < 0)
            return false;
        unit = unit << 4 | (unsigned)value;
        c->at++;
    }
    *ret_unit = unit;
    return true;
}

/* Behind "\u". A high surrogate must be followed by a low one, and a low one must not stand alone. */
static bool take_unicode(struct cursor *c)
{
    unsigned unit = 0;

    if (!take_hex4(c, &unit) || (unit >= 0xDC00 && unit <= 0xDFFF))
        return false;
    if (unit < 0xD800 || unit > 0xDBFF)
        return true;
    return take(c, '\\') && take(c, 'u') && take_hex4(c, &unit) && unit >= 0xDC00 && unit <= 0xDFFF;
}

static bool take_escape(struct cursor *c)
{
    static const char escapes[] = {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'};
    int byte = peek(c);

    if (byte < 0)
        return false;
    c->at++;
    return byte == 'u' ? take_unicode(c) : memchr(escapes, byte, sizeof(escapes)) != NULL;
}

/* Behind the opening quote. */
static bool take_string(struct cursor *c)
{
    for (;;) {
        int byte = peek(c);

        if (byte < 0x20)
            return false; /* the end too */
        c->at++;
        if (byte == '"')
            return true;
        if (byte == '\\' && !take_escape(c))
            return false;
    }
}

static bool take_digits(struct cursor *c)
{
    const uint8_t *start = c->at;

    while (peek(c) >= '0' && peek(c) <= '9')
        c->at++;
    return c->at != start;
}

/* RFC 8259 section 6: a zero stands alone before the point, a point and an exponent have digits behind
 * them. */
static bool take_number(struct cursor *c)
{
    (void)take(c, '-');
    if (!take(c, '0') && !take_digits(c))
        return false;
    if (take(c, '.') && !take_digits(c))
        return false;
    if (take(c, 'e') || take(c, 'E')) {
        if (!take(c, '+'))
            (void)take(c, '-');
        return take_digits(c);
    }
    return true;
}

static bool take_scalar(struct cursor *c)
{
    switch (peek(c)) {
    case '"':
        c->at++;
        return take_string(c);
    case 't':
        return take_word(c, "true");
    case 'f':
        return take_word(c, "false");
    case 'n':
        return take_word(c, "null");
    default:
        return take_number(c);
    }
}

/* `"key" :` */
static bool take_key(struct cursor *c)
{
    skip_space(c);
    if (!take(c, '"') || !take_string(c))
        return false;
    skip_space(c);
    return take(c, ':');
}

/* The open containers: one bit each, set for an object. No recursion, hence the depth's maximum is the word's
 * width. */
struct nest {
    uint64_t objects;
    unsigned depth;
};

_Static_assert(SES_JSON_CHECK_DEPTH_MAX <= 64, "one bit a level");

static bool in_object(const struct nest *nest)
{
    return (nest->objects & 1) != 0;
}

/* Opens what starts here, and again what starts directly inside; then ret_value says whether a value is still
 * owed. */
static bool open_containers(struct cursor *c, struct nest *nest, bool *ret_value)
{
    for (;;) {
        bool object = false;

        skip_space(c);
        object = peek(c) == '{';
        if (!object && peek(c) != '[') {
            *ret_value = true;
            return true;
        }
        if (nest->depth == SES_JSON_CHECK_DEPTH_MAX)
            return false;
        c->at++;
        nest->depth++;
        nest->objects = nest->objects << 1 | (object ? 1u : 0u);
        skip_space(c);
        if (peek(c) == (object ? '}' : ']')) {
            *ret_value = false;
            return true;
        }
        if (object && !take_key(c))
            return false;
    }
}

/* Behind a value: closes what ends here. ret_more: a comma was taken, another value follows. */
static bool close_containers(struct cursor *c, struct nest *nest, bool *ret_more)
{
    *ret_more = false;
    while (nest->depth > 0) {
        skip_space(c);
        if (take(c, ',')) {
            *ret_more = true;
            return !in_object(nest) || take_key(c);
        }
        if (!take(c, in_object(nest) ? '}' : ']'))
            return false;
        nest->objects >>= 1;
        nest->depth--;
    }
    return true;
}

bool ses_json_check(struct ses_slice text)
{
    struct cursor c = {text.data, text.len == 0 ? text.data : text.data + text.len};
    struct nest nest = {0, 0};
    bool more = true;

    while (more) {
        bool value = false;

        if (!open_containers(&c, &nest, &value))
            return false;
        if (value && !take_scalar(&c))
            return false;
        if (!close_containers(&c, &nest, &more))
            return false;
    }
    skip_space(&c);
    return c.at == c.end;
}
