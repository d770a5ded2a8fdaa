/* excess.h - how a connection is to be read while there is too much to do, by what came over it lately. Pure.
 *
 * One that carries little else than creations is read little by little, so that turns are short and what continues
 * payments does not stand behind it. One with little else than creations beyond their merchants' shares is not read
 * at all for a while, once refusing them costs too much. One that others use, too, or that continues payments, is read
 * as ever: they would wait with it.
 */
#ifndef SESSIOND_SRC_ADMISSION_EXCESS_H
#define SESSIOND_SRC_ADMISSION_EXCESS_H

#include <stdbool.h>

#include <sessiond/net/conn.h>

/* Another call came; excess: a creation beyond its merchant's share. spent: the allowance (allowance.h). */
enum ses_conn_reading ses_excess_note(struct ses_conn_calls *calls, bool creation, bool excess, bool spent);

#endif
