/* sniff.h - one port for everything: the first bytes of a connection decide which engine gets it.
 *
 *   first bytes                      what it gets
 *   0x16 0x03                        TLS, and inside it the rest of this table again; without a certificate a
 *                                    plain HTTP/1.1 400 and the end
 *   "PRI * HTTP/2.0 .." whole        HTTP/2, if the port speaks it
 *   the beginning of that            waits, at most header_ms
 *   anything else                    HTTP/1.1
 *
 * Inside TLS what ALPN has agreed on is what is spoken: the engine refuses a client that then says something else.
 * Where plain text is not allowed it is refused in the words of its protocol.
 */
#ifndef SESSIOND_SRC_HTTP_SNIFF_H
#define SESSIOND_SRC_HTTP_SNIFF_H

#include "engine.h"

enum ses_sniff {
    SES_SNIFF_MORE,  /* the bytes so far fit more than one */
    SES_SNIFF_HTTP1, /* also for rubbish: HTTP/1.1 can answer with a reason */
    SES_SNIFF_HTTP2, /* the whole client connection preface (RFC 9113 section 3.4) */
    SES_SNIFF_TLS    /* a TLS record that holds a handshake (RFC 8446 section 5.1) */
};

/* Pure: what the first bytes of a connection are. */
enum ses_sniff ses_sniff_check(struct ses_slice first, bool http2);
/* Attaches the sniffer, first is what has been read already; a connection that no memory is left for is cut. */
void ses_sniff_attach(struct ses_doors *doors, struct ses_conn *conn, struct ses_slice first);

#endif
