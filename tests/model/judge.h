/* judge.h - can what the calls of one round were told be explained by one order of them? Wing and Gong's search (1993)
 * with the memory of visited configurations that Lowe (2017) adds, over the states that the rounds before left
 * possible. A round ends when nothing is on its way any more, so that a call which has not happened by then never
 * does. */
#ifndef SESSIOND_TESTS_MODEL_JUDGE_H
#define SESSIOND_TESTS_MODEL_JUDGE_H

#include "client.h"

enum verdict { VERDICT_YES, VERDICT_NO, VERDICT_UNDECIDED };

/* Of the subject's round, which began at now_ms. YES: the subject's states are those after it, and its round is
 * empty. */
enum verdict judge_round(struct subject *subject, uint64_t now_ms);
/* The round and the states before it, for a person to look at; marked: the answer that nothing explains any more. */
void judge_print(const struct subject *subject, uint64_t now_ms);
void judge_print_state(const struct model_state *state);

#endif
