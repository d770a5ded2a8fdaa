/* rates.h - how often somebody may call: one word of memory each, kept by all workers together without a lock.
 *
 * The generic cell rate algorithm (ITU-T I.371): the word is the moment at which the bucket would be full again
 * if nothing more came (TAT). A call moves it on by the interval of the rate, and is refused where that would
 * be further ahead of now than the burst. A word in the past says what an unused one says, a full bucket; so
 * nothing has to be refilled, and a place whose word lies in the past can be given to another name without
 * anybody losing by it.
 *
 * The table has a fixed size. A name is a keyed hash (nobody outside can aim at a place), and looks for its place
 * among the eight of its set. Where all eight belong to names that are not full again, a new name has none: its
 * call is let through and counted, because an honest newcomer must not pay for what others do. Names that anybody
 * can invent are bounded by the rates of their connection, their caller and the server instead.
 *
 * Of two processes that race for a place, or for a name that moves out just then, one call is counted for the
 * wrong name, or a burst is given twice. Nothing waits, and a process that dies leaves nothing behind.
 */
#ifndef SESSIOND_ADMISSION_RATES_H
#define SESSIOND_ADMISSION_RATES_H

#include <stdatomic.h>

#include <sessiond/base/slice.h>
#include <sessiond/base/status.h>

#define SES_RATES_NAMES 8192u

struct ses_rates;

/* What is allowed. interval_ns 0: everything. */
struct ses_rate {
    uint64_t interval_ns; /* between two calls, in the long run */
    uint64_t burst_ns;    /* so far ahead of now may the word be */
};

/* per_second 0: everything. burst 0: a second's worth; at least one call. */
struct ses_rate ses_rate_make(uint64_t per_second, uint64_t burst);

/* Pure: what one call makes of the word at now_ns. 0: it may go, *ret_word is the word from now on; else the
 * nanoseconds after which it might, and nothing is written. */
uint64_t ses_rate_step(const struct ses_rate *rate, uint64_t word, uint64_t now_ns, uint64_t *ret_word);

/* [supervisor] Before any fork: memory that all workers share. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_rates_new(struct ses_rates **ret_rates);
/* Unmaps in this process only. Takes NULL. */
void ses_rates_free(struct ses_rates *rates);

/* What a name is of: the same bytes as merchant and as caller are two names. */
enum ses_rate_kind { SES_RATE_CALLER, SES_RATE_MERCHANT, SES_RATE_SOURCE };

/* Never 0. Two texts, so that nobody has to join them. */
uint64_t ses_rates_name(const struct ses_rates *rates, enum ses_rate_kind kind, struct ses_slice first,
                        struct ses_slice second);

/* One call at now_ns (monotonic); the rate is one. 0: it may go; else the nanoseconds to wait. *ret_untracked: there was no
 * place. */
uint64_t ses_rates_take(struct ses_rates *rates, uint64_t name, const struct ses_rate *rate, uint64_t now_ns,
                        bool *ret_untracked);
/* That call was not made after all: somebody further on has refused it. */
void ses_rates_give_back(struct ses_rates *rates, uint64_t name, const struct ses_rate *rate);
/* The same for all calls of the server, which have a word of their own. */
uint64_t ses_rates_take_server(struct ses_rates *rates, const struct ses_rate *rate, uint64_t now_ns);

#endif
