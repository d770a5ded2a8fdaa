/* codec_json_number.h - JSON's numbers as they were written.
 *
 * A parser that makes a double of "9007199254740993.0" has changed an amount before anybody could look at it.
 * So every number that is not a short integer is taken out of jansson's hands: before parsing it becomes a
 * string of U+0000 and the literal, which no client can write (a NUL in a string is refused), and whoever
 * reads the field works with the literal.
 */
#ifndef SESSIOND_SRC_CODEC_CODEC_JSON_NUMBER_H
#define SESSIOND_SRC_CODEC_CODEC_JSON_NUMBER_H

#include <jansson.h>

#include <sessiond/base/arena.h>

/* An integer of any proto type before its range is known. */
struct ses_json_integer {
    bool negative;
    uint64_t magnitude;
};

/* What the raw text holds, found in one walk before the parser sees it. */
struct ses_json_survey {
    unsigned depth_max; /* brackets open at once */
    unsigned values;    /* commas and brackets outside of strings: no fewer than the values */
    unsigned literals;  /* numbers that are not short integers */
    bool nul;           /* an escaped NUL in a string or key */
};

/* [any] */
void ses_json_survey(struct ses_slice text, struct ses_json_survey *ret_survey);
/* [any] The same text with its literals as marked strings; JSON_ALLOW_NUL must be given to the parser.
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_json_mark_literals(struct ses_slice text,
                                                      const struct ses_json_survey *survey,
                                                      struct ses_arena *arena, struct ses_slice *ret_text);

/* [any] Whether value is such a literal; ret_text borrows from value. */
bool ses_json_literal(const json_t *value, struct ses_slice *ret_text);
/* [any] Whether value is a string of the client's. */
bool ses_json_is_text(const json_t *value);

/* [any] A literal of RFC 8259 section 6 whose value is a whole number, however it is written (1000, 1e3,
 * 1000.0, 100000e-2), exactly. False: another text, a fraction, or more than 64 bits. */
bool ses_json_integer_of(struct ses_slice literal, struct ses_json_integer *ret_integer);
/* [any] Whether text is a number by RFC 8259 section 6, and nothing else. */
bool ses_json_is_number(struct ses_slice text);

#endif
