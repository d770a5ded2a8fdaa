/* h1_text.h - requests and answers of HTTP/1.1 as text, for what stands on h1_rig.h and cmocka. */
#ifndef SESSIOND_TESTS_UNIT_HTTP_H1_TEXT_H
#define SESSIOND_TESTS_UNIT_HTTP_H1_TEXT_H

#include "unit.h"

#include "h1_rig.h"

#define HOST "Host: a.example\r\n"
#define JSON "Content-Type: application/json\r\n"
#define POST "POST /t.S/Echo HTTP/1.1\r\n" HOST JSON
#define GET  "GET /page HTTP/1.1\r\n" HOST
#define HOLD "POST /t.S/Hold HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}"

/* Without a connection; limits as usual. */
int h1_rig_setup(void **state);

int h1_rig_teardown(void **state);

void feed(const char *text);

/* The text is somewhere in what the server has written. */
bool wrote(const char *text);

/* The same, and fails the test otherwise. */
void expect(const char *text);

/* Status lines written. */
unsigned answers(void);

void forget_wire(void);

/* A request on a connection of its own. */
void fresh(struct ses_slice request);

/* head, unit count times, tail; the caller ends it by ses_buf_done. */
struct ses_buf text_of(const char *head, const char *unit, size_t count, const char *tail);

#endif
