/* link_impl.h - what the files of a link share. */
#ifndef SESSIOND_SRC_UPSTREAM_LINK_IMPL_H
#define SESSIOND_SRC_UPSTREAM_LINK_IMPL_H

#include "link.h"

/* Output is pulled up to the mark, and one piece may go beyond it. */
#define SES_UP_HIGH_WATER (128 * SES_KIB)
#define SES_UP_OUT_MAX    (512 * SES_KIB)
#define SES_UP_PLAIN_MAX  (512 * SES_KIB)

/* ---- link_life.c */
/* why NULL: as it should. */
void ses_up_link_close(struct ses_up_link *link, const char *why);
void ses_up_link_want_write(struct ses_up_link *link);
void ses_up_link_watch(struct ses_up_link *link);
/* Takes no more streams; closes behind the last one. */
void ses_up_link_retire(struct ses_up_link *link);
/* The peer has said that it speaks HTTP/2. */
void ses_up_link_greet(struct ses_up_link *link);
/* Its memory alone. */
void ses_up_link_free(struct ses_up_link *link);

/* ---- link_bytes.c */
/* Produces and writes, if it has come that far. */
void ses_up_link_move(struct ses_up_link *link);
/* Connected: TLS and HTTP/2 from here on. */
void ses_up_link_begin(struct ses_up_link *link);

#endif
