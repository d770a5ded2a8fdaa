/* status_page.h - one HTML page for a human: is it up, what does it do, how fast. No script, nothing fetched
 * from elsewhere. */
#ifndef SESSIOND_SRC_RUNTIME_STATUS_PAGE_H
#define SESSIOND_SRC_RUNTIME_STATUS_PAGE_H

#include <sessiond/base/buf.h>

#include "board.h"

struct ses_status_page_extra {
    uint64_t now_mono_ns;
    uint64_t table_used;
    uint64_t table_room;
    const char *(*method_name)(int metric);
    bool (*method_streams)(int metric);
};

/* SES_TOO_LARGE, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_status_page_render(const struct ses_board *board,
                                                      const struct ses_status_page_extra *extra,
                                                      struct ses_buf *ret_html);

#endif
