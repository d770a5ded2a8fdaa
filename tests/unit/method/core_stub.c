/* The stub: accepts, reads, notes, answers, closes. */
#include "method/core_stub.h"

void stub_note_key(struct stub *stub)
{
    const char *at = strcasestr(stub->last_request, "idempotency-key: ");

    stub->last_key[0] = '\0';
    if (at != NULL)
        (void)sscanf(at + 17, "%127[^\r\n]", stub->last_key);
    if (atomic_load(&stub->calls) == 0)
        memcpy(stub->first_key, stub->last_key, sizeof(stub->first_key));
}

void stub_serve(struct stub *stub, int fd)
{
    char reply[2048];
    size_t len = 0;
    const char *body;

    /* Bodies here are short: they come with their headers or right behind them. */
    while (len < sizeof(stub->last_request) - 1) {
        ssize_t n = recv(fd, stub->last_request + len, sizeof(stub->last_request) - 1 - len, 0);

        if (n <= 0)
            return;
        len += (size_t)n;
        stub->last_request[len] = '\0';
        if (strstr(stub->last_request, "order_id%5D=") != NULL ||
            strstr(stub->last_request, "checksum") != NULL)
            break;
    }
    stub_note_key(stub);
    atomic_fetch_add(&stub->calls, 1);
    while (atomic_load(&stub->held))
        (void)usleep(200);
    body = atomic_load(&stub->body);
    (void)snprintf(reply, sizeof(reply),
                   "HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %zu\r\nconnection: "
                   "close\r\n\r\n%s",
                   atomic_load(&stub->status), strlen(body), body);
    (void)!send(fd, reply, strlen(reply), MSG_NOSIGNAL);
}

void *stub_run(void *arg)
{
    struct stub *stub = arg;

    for (;;) {
        int fd = accept(stub->fd, NULL, NULL);

        if (fd < 0)
            return NULL;
        stub_serve(stub, fd);
        close(fd);
    }
}

void stub_start(struct stub *stub)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    stub->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(stub->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(stub->fd, 16), 0);
    assert_int_equal(getsockname(stub->fd, (struct sockaddr *)&address, &len), 0);
    (void)snprintf(stub->url, sizeof(stub->url), "http://127.0.0.1:%u/", ntohs(address.sin_port));
    atomic_store(&stub->status, 200);
    atomic_store(&stub->body, STRIPE_OK);
    assert_int_equal(pthread_create(&stub->thread, NULL, stub_run, stub), 0);
}

void stub_stop(struct stub *stub)
{
    atomic_store(&stub->held, false);
    (void)shutdown(stub->fd, SHUT_RDWR);
    (void)pthread_join(stub->thread, NULL);
    close(stub->fd);
}
