/* history.h - a judge of what several clients of several stores did to some keys: it is told of each write
 * when it begins and ends and of what each get showed, and ends the test where no order of the writes, each at
 * one instant, explains it.
 *
 * A record's body names its write and what that was written on (its parent; a root is a key's absence). The
 * base of a write is its nearest forefather that is no intent. Then
 *   - of all writes on one base that are no intents, one has an effect, ever: the chain of a key does not fork
 *   - a get shows nothing that is behind what was acknowledged, or shown by a get that had ended, when it
 *     began; intents apart, which a release may take back
 *   - what was refused is never shown; what nobody knows the outcome of may be, under the same rules
 *   - a write has one version, a version one write, and revisions grow along the chain
 * SES_UNKNOWN is no refusal and no acknowledgement: a write that is shown has happened.
 */
#ifndef SESSIOND_TESTS_CONTRACT_HISTORY_H
#define SESSIOND_TESTS_CONTRACT_HISTORY_H

#include "contract.h"

#define HISTORY_WRITES_MAX 4096
#define HISTORY_KEYS       4

struct history_write {
    unsigned parent;
    unsigned base;
    unsigned key;
    unsigned depth;     /* of the base's chain; an intent has its base's */
    unsigned successor; /* 0: none */
    bool intent;
    bool refused;
    bool effective; /* acknowledged, or shown */
    bool shown;
    struct ses_store_version version;
    uint32_t revision;
};

/* Writes 0 .. HISTORY_KEYS - 1 stand for the keys' absence. */
struct history {
    struct history_write writes[HISTORY_WRITES_MAX];
    unsigned count;
    bool moves; /* CONTRACT_MOVES: a write has more versions than one, one after the other */
    unsigned floor[HISTORY_KEYS]; /* the furthest write that is known to every get that begins now */
};

/* What a body is made of. */
struct history_body {
    unsigned write;
    unsigned parent;
};

void history_init(struct history *history);
/* The number of a write that begins. */
unsigned history_begin(struct history *history, unsigned key, unsigned parent, bool intent);
/* Its end; of an intent SES_OK says only that it is leased. */
void history_end(struct history *history, unsigned write, enum ses_status status);
/* A get that began when the floor was this has ended; which write was shown. */
unsigned history_shown(struct history *history, unsigned key, unsigned floor, const struct ses_store_op *op,
                       enum ses_status status);

#endif
