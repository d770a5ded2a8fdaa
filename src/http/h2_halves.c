/* The two halves of a stream as tables: what may happen to a request and to its answer, in which state, and
 * what follows. In this file only the halves are changed.
 *
 * A stranger decides what happens to a request: what has no place in the table is refused, and the caller
 * does nothing. What happens to an answer is ours: there it is a fault of this program. */
#include "h2.h"

/* clang-format off */
#define NONE 0xff
#define REFU SES_H2_REQUEST_REFUSED
#define BODY SES_H2_REQUEST_BODY
#define PASS SES_H2_REQUEST_PASSED_OVER
#define WAIT SES_H2_REQUEST_WAITING
#define ENDE SES_H2_REQUEST_ENDED

/*  columns: HEAD_REFUSED, HEAD_WHOLE, END_STREAM, KEPT_BACK, TAKEN_IN, LEFT_BEHIND, CLOSED */
#define REQUEST_TABLE(ROW)                                                                                   \
    ROW(HEAD,        REFU, BODY, ENDE, NONE, NONE, NONE, ENDE)                                               \
    ROW(REFUSED,     NONE, BODY, ENDE, NONE, NONE, NONE, ENDE)                                               \
    ROW(BODY,        NONE, NONE, ENDE, NONE, NONE, PASS, ENDE)                                               \
    ROW(PASSED_OVER, NONE, NONE, ENDE, NONE, NONE, NONE, ENDE)                                               \
    ROW(WAITING,     NONE, NONE, NONE, NONE, ENDE, NONE, ENDE)                                               \
    ROW(ENDED,       NONE, NONE, NONE, WAIT, NONE, NONE, ENDE)

#define OPEN SES_H2_ANSWER_OPEN
#define DEFE SES_H2_ANSWER_DEFERRED
#define LAST SES_H2_ANSWER_ENDED
#define HAND SES_H2_ANSWER_HANDED_OVER

/*  columns: HEADERS, DEFER, RESUME, END, TRAILERS. Trailers may go before the end of the data: what is broken
    off (ses_h2_stream_break_off) leaves the rest unsaid. */
#define ANSWER_TABLE(ROW)                                                                                    \
    ROW(NONE,        OPEN, NONE, NONE, NONE, NONE)                                                           \
    ROW(OPEN,        NONE, DEFE, NONE, LAST, HAND)                                                           \
    ROW(DEFERRED,    NONE, DEFE, OPEN, LAST, HAND)                                                           \
    ROW(ENDED,       NONE, NONE, NONE, NONE, HAND)                                                           \
    ROW(HANDED_OVER, NONE, NONE, NONE, NONE, NONE)

/* A row that lacks an event, or has one too many, does not compile: the macros take exactly these. */
#define REQUEST_CELLS(state, a, b, c, d, e, f, g)                                                            \
    [SES_H2_REQUEST_##state] = {[SES_H2_HEAD_REFUSED] = (a),                                                 \
                                [SES_H2_HEAD_WHOLE] = (b),                                                   \
                                [SES_H2_END_STREAM] = (c),                                                   \
                                [SES_H2_KEPT_BACK] = (d),                                                    \
                                [SES_H2_TAKEN_IN] = (e),                                                     \
                                [SES_H2_LEFT_BEHIND] = (f),                                                  \
                                [SES_H2_CLOSED] = (g)},
/* clang-format on */
static const uint8_t request_table[SES_H2_REQUEST_COUNT][SES_H2_REQUEST_EVENT_COUNT] = {
    REQUEST_TABLE(REQUEST_CELLS)};

#define ANSWER_CELLS(state, a, b, c, d, e)                                                                   \
    [SES_H2_ANSWER_##state] = {[SES_H2_HEADERS] = (a),                                                       \
                               [SES_H2_DEFER] = (b),                                                         \
                               [SES_H2_RESUME] = (c),                                                        \
                               [SES_H2_END] = (d),                                                           \
                               [SES_H2_TRAILERS] = (e)},
static const uint8_t answer_table[SES_H2_ANSWER_COUNT][SES_H2_ANSWER_EVENT_COUNT] = {
    ANSWER_TABLE(ANSWER_CELLS)};

#define COUNT_ROW(...) +1 // NOLINT(bugprone-macro-parentheses): a sum of them
_Static_assert(0 REQUEST_TABLE(COUNT_ROW) == SES_H2_REQUEST_COUNT, "a new state needs a row");
_Static_assert(0 ANSWER_TABLE(COUNT_ROW) == SES_H2_ANSWER_COUNT, "a new state needs a row");
_Static_assert(SES_H2_REQUEST_EVENT_COUNT == 7 && SES_H2_ANSWER_EVENT_COUNT == 5,
               "a new event needs a column");

bool ses_h2_request_on(struct ses_h2_stream *stream, enum ses_h2_request_event event)
{
    uint8_t to = request_table[stream->request][event];
    unsigned *incomplete = &stream->h2->incomplete_count;

    if (to == NONE)
        return false;
    *incomplete += (unsigned)(to == BODY) - (unsigned)(stream->request == BODY);
    stream->request = (enum ses_h2_request)to;
    return true;
}

void ses_h2_answer_on(struct ses_h2_stream *stream, enum ses_h2_answer_event event)
{
    uint8_t to = answer_table[stream->answer][event];

    SES_REQUIRE(to != NONE);
    stream->answer = (enum ses_h2_answer)to;
}
