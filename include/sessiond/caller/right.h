/* right.h - what a caller may do, in the words of the callers file and of refusals. */
#ifndef SESSIOND_CALLER_RIGHT_H
#define SESSIOND_CALLER_RIGHT_H

#include <sessiond/base/slice.h>

/* What one needs to be called, a caller has some of these; a route asks for one of those that it lists. */
enum ses_right {
    SES_RIGHT_CREATE = 1u << 0,   /* make a session, continue it by the same call */
    SES_RIGHT_CONTINUE = 1u << 1, /* read and continue a session by its token */
    SES_RIGHT_WEBHOOK = 1u << 2,  /* tell events without a token */
    SES_RIGHT_OPERATE = 1u << 3,  /* look into any session of the own merchants, revoke it, without a token */
};

#define SES_RIGHTS_OPEN 0u /* of a route: for everybody, also for who has no rights at all */
#define SES_RIGHTS_ANY                                                                                       \
    ((unsigned)SES_RIGHT_CREATE | (unsigned)SES_RIGHT_CONTINUE | (unsigned)SES_RIGHT_WEBHOOK |               \
     (unsigned)SES_RIGHT_OPERATE)

/* Which sessions: those of test_mode, and the others. */
enum ses_caller_mode {
    SES_CALLER_TEST = 1u << 0,
    SES_CALLER_LIVE = 1u << 1,
};

/* One word of a set of bits. */
struct ses_caller_word {
    struct ses_slice text;
    unsigned bit;
};

#define SES_RIGHT_WORDS       4u
#define SES_CALLER_MODE_WORDS 2u
extern const struct ses_caller_word ses_right_words[SES_RIGHT_WORDS];
extern const struct ses_caller_word ses_caller_mode_words[SES_CALLER_MODE_WORDS];

#define SES_RIGHTS_TEXT_SIZE 40

/* [any] The bit of a word; 0: there is no such word. */
unsigned ses_caller_word_bit(const struct ses_caller_word *words, size_t count, struct ses_slice text);
/* [any] The words of the bits, ", " between, and a NUL into ret_text[SES_RIGHTS_TEXT_SIZE]. Returns the
 * length. */
size_t ses_caller_words_text(const struct ses_caller_word *words, size_t count, unsigned bits,
                             char ret_text[SES_RIGHTS_TEXT_SIZE]);

#endif
