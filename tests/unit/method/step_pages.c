/* A return, and whether it was written down. */
#include "method/step_pages.h"

static struct ses_slice location_of(const struct call *call)
{
    for (size_t i = 0; i < call->x->reply_headers_count; i++) {
        if (ses_slice_eq_str(call->x->reply_headers[i].name, "location"))
            return call->x->reply_headers[i].value;
    }
    return SES_SLICE_EMPTY;
}

void returns(struct core *core, const struct ses_step_return *what, int page, bool written)
{
    struct call *call =
        call_new(core, "/health", 0); /* any plain route: the door of a return is another's matter */
    uint64_t puts = core_puts(core);

    ses_step_return_start(core->service, call->x, what);
    call_wait(call);
    assert_int_equal(call->door.raws, 1);
    assert_int_equal(call->door.http_status, page);
    assert_int_equal(core_puts(core) - puts, written);
    if (page == 303)
        assert_true(ses_slice_eq_str(location_of(call), BACK_URL));
    call_free(call);
}

void come_back(struct core *core, const char *handle, const char *cres, int page, bool written)
{
    struct ses_return_parameter parameter = {SES_STR("cres"), ses_slice_str(cres)};

    returns(core,
            &(struct ses_step_return){.handle = ses_slice_str(handle),
                                      .http_method = SES_STR("POST"),
                                      .query = SES_SLICE_EMPTY,
                                      .parameters = &parameter,
                                      .parameters_count = 1},
            page, written);
}
