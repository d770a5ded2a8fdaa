/* A state machine over single bytes, with one state for each place in a line where another byte is
 * allowed. Its limits are counted here too, before anything is kept. */
#include "h1_guard.h"

#include "refusal_text.h"
#include <sessiond/exchange/return_refusal.h>

/* RFC 9112 section 2.2: a server should ignore at least one empty line before the request line. */
#define EMPTY_LINES_MAX 2

enum state {
    REQUEST_START,
    EMPTY_CR,
    REQUEST_LINE,
    REQUEST_CR,
    FIELD_START,
    NAME,
    VALUE,
    VALUE_CR,
    END_CR,
    DONE
};

#define FAULT(status, text)                                                                                  \
    (struct ses_h1_fault)                                                                                    \
    {                                                                                                        \
        status, text                                                                                         \
    }
#define NO_FAULT FAULT(0, NULL)

/* tchar, RFC 9110 section 5.6.2: a bit per ASCII character. As a table, because every byte of every
 * name passes here. */
static bool is_token(uint8_t c)
{
    static const uint32_t bits[4] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};

    return c < 128 && (bits[c / 32] >> (c % 32) & 1) != 0;
}

/* field-vchar, SP, HTAB and obs-text, RFC 9110 section 5.5: everything but control characters. */
static bool is_text(uint8_t c)
{
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static bool is_visible_ascii(uint8_t c)
{
    return c > 0x20 && c < 0x7f;
}

/* The limits are given at the head and used up by head and trailers together. */
void ses_h1_guard_init(struct ses_h1_guard *guard, unsigned lines_max, size_t field_bytes_max)
{
    *guard = (struct ses_h1_guard){
        .state = REQUEST_START,
        .lines_max = lines_max,
        .field_bytes_max = field_bytes_max,
    };
}

void ses_h1_guard_trailer(struct ses_h1_guard *guard)
{
    guard->state = FIELD_START;
}

#define RETURN_PATH_LEN (sizeof(SES_RETURN_PATH) - 1)

/* A refusal may come before anybody else has seen the target. */
static void target_byte(struct ses_h1_guard *guard, uint8_t c)
{
    if (guard->target_bytes < RETURN_PATH_LEN && c != (uint8_t)SES_RETURN_PATH[guard->target_bytes++])
        guard->other_target = true;
}

bool ses_h1_guard_return_path(const struct ses_h1_guard *guard)
{
    return guard->target_bytes == RETURN_PATH_LEN && !guard->other_target;
}

/* Two single spaces, counted: any other white space in the line is a control character or too many. */
static struct ses_h1_fault request_byte(struct ses_h1_guard *guard, uint8_t c)
{
    if (++guard->line_bytes > SES_H1_REQUEST_LINE_MAX)
        return FAULT(414, SES_SAYS_URL_TOO_LONG);
    /* Method, target and version: fewer is HTTP/0.9, more cannot be told apart. */
    if ((c == '\r' && guard->spaces != 2) || (c == ' ' && guard->spaces == 2))
        return FAULT(400, "the request line is not method, target and version with single spaces between");
    if (guard->spaces == 1 && c != ' ')
        target_byte(guard, c);
    if (c == '\r') {
        guard->state = REQUEST_CR;
    } else if (c == ' ') {
        guard->spaces++;
    } else if (c == '\n') {
        return FAULT(400, "a line ends in a bare LF");
    } else if (!is_visible_ascii(c)) {
        return FAULT(400, "the request line holds a control or non-ASCII character");
    } else if (c == '#' && guard->spaces == 1) {
        return FAULT(400, "the request target holds a fragment");
    } else if (guard->spaces == 0 && !is_token(c)) {
        return FAULT(400, "the method is not a token");
    }
    return NO_FAULT;
}

/* Empty lines in front of a request are a habit of old clients after a body; two are enough. */
static struct ses_h1_fault first_byte(struct ses_h1_guard *guard, uint8_t c)
{
    if (c != '\r') {
        guard->state = REQUEST_LINE;
        return request_byte(guard, c);
    }
    guard->state = EMPTY_CR;
    if (++guard->empty_lines > EMPTY_LINES_MAX)
        return FAULT(400, "too many empty lines before the request line");
    return NO_FAULT;
}

/* The LF after a CR; anything else is a bare CR. */
static struct ses_h1_fault line_feed(struct ses_h1_guard *guard, uint8_t c, enum state next)
{
    guard->state = (uint8_t)next;
    return c == '\n' ? NO_FAULT : FAULT(400, "a CR without its LF");
}

/* obs-fold is refused, as RFC 9112 (section 5.2) allows: one parser joins the lines, another sees a new
 * field. */
static struct ses_h1_fault field_start(struct ses_h1_guard *guard, uint8_t c)
{
    if (c == '\r') {
        guard->state = END_CR;
        return NO_FAULT;
    }
    if (c == '\n')
        return FAULT(400, "a line ends in a bare LF");
    if (c == ' ' || c == '\t')
        return FAULT(400, "a header line begins with white space (obsolete line folding)");
    if (c == ':')
        return FAULT(400, "a header without a name");
    if (!is_token(c))
        return FAULT(400, "a header name holds a character that is not allowed");
    if (++guard->lines > guard->lines_max)
        return FAULT(431, SES_SAYS_TOO_MANY_HEADERS);
    guard->state = NAME;
    return NO_FAULT;
}

/* White space before the colon must be refused (RFC 9112, section 5.1): proxies have read such names
 * differently. */
static struct ses_h1_fault name_byte(struct ses_h1_guard *guard, uint8_t c)
{
    if (c == ':')
        guard->state = VALUE;
    else if (c == ' ' || c == '\t')
        return FAULT(400, "white space between a header name and its colon");
    else if (!is_token(c))
        return FAULT(400, "a header name holds a character that is not allowed");
    return NO_FAULT;
}

/* Bytes above 0x7f pass: obs-text, which nobody here gives a meaning. */
static struct ses_h1_fault value_byte(struct ses_h1_guard *guard, uint8_t c)
{
    if (c == '\r')
        guard->state = VALUE_CR;
    else if (c == '\n')
        return FAULT(400, "a line ends in a bare LF");
    else if (!is_text(c))
        return FAULT(400, "a header value holds a control character");
    return NO_FAULT;
}

/* CR, LF and colons count too: what is bounded is what was sent. */
static struct ses_h1_fault field_byte(struct ses_h1_guard *guard, uint8_t c)
{
    if (++guard->field_bytes > guard->field_bytes_max)
        return FAULT(431, SES_SAYS_HEADERS_TOO_LARGE);
    switch ((enum state)guard->state) {
    case FIELD_START:
        return field_start(guard, c);
    case NAME:
        return name_byte(guard, c);
    case VALUE:
        return value_byte(guard, c);
    case VALUE_CR:
        return line_feed(guard, c, FIELD_START);
    default:
        return line_feed(guard, c, DONE);
    }
}

static struct ses_h1_fault step(struct ses_h1_guard *guard, uint8_t c)
{
    switch ((enum state)guard->state) {
    case REQUEST_START:
        return first_byte(guard, c);
    case EMPTY_CR:
        return line_feed(guard, c, REQUEST_START);
    case REQUEST_LINE:
        return request_byte(guard, c);
    case REQUEST_CR:
        return line_feed(guard, c, FIELD_START);
    default:
        return field_byte(guard, c);
    }
}

/* The common run of ordinary value bytes, without the state machine; a head is mostly these. */
static size_t value_run(struct ses_h1_guard *guard, const uint8_t *bytes, size_t len)
{
    size_t left = guard->field_bytes_max - guard->field_bytes;
    size_t n = 0;

    while (n < len && n < left && is_text(bytes[n]))
        n++;
    guard->field_bytes += n;
    return n;
}

/* Between the states of a value most bytes are ordinary: they go in a run, everything else by one step. */
struct ses_h1_fault ses_h1_guard_step(struct ses_h1_guard *guard, struct ses_slice bytes, size_t *ret_used,
                                      bool *ret_done)
{
    size_t i = 0;
    struct ses_h1_fault fault = NO_FAULT;

    while (i < bytes.len && fault.http_status == 0 && guard->state != DONE) {
        if (guard->state == VALUE)
            i += value_run(guard, bytes.data + i, bytes.len - i);
        if (i < bytes.len)
            fault = step(guard, bytes.data[i++]);
    }
    *ret_used = i;
    *ret_done = guard->state == DONE;
    return fault;
}
