#include "database.hpp"

#include <cstdio>
#include <stdexcept>
#include <utility>

#include <endian.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace peer
{

namespace
{

struct prepared {
    const char *name;
    const char *text;
};

constexpr prepared statements[] = {
    {"create",
     "INSERT INTO session (key, revision, write_id, retain_ms, record) VALUES ($1::bytea, 0, $2::bytea, $3::int8, "
     "$4::bytea) ON CONFLICT (key) DO NOTHING"},
    {"read", "SELECT revision, write_id, record FROM session WHERE key = $1::bytea"},
    {"change",
     "UPDATE session SET revision = revision + 1, parent_id = write_id, write_id = $4::bytea, retain_ms = $5::int8, "
     "record = $6::bytea WHERE key = $1::bytea AND revision = $2::int4 AND write_id = $3::bytea"},
};
static_assert(sizeof(statements) / sizeof(statements[0]) == static_cast<size_t>(statement::count));
constexpr size_t values_max = 6;
constexpr int binary_format = 1;

/* A statement is planned once for each connection, not anew for each call. */
constexpr const char *options = " options='-c plan_cache_mode=force_generic_plan'";

bool prepare(PGconn *conn)
{
    for (const auto &each : statements) {
        PGresult *result = PQprepare(conn, each.name, each.text, 0, nullptr);
        bool right = PQresultStatus(result) == PGRES_COMMAND_OK;

        PQclear(result);
        if (!right)
            return false;
    }
    return PQsetnonblocking(conn, 1) == 0;
}

void watch(int epoll_fd, int how, PGconn *conn, void *whose, uint32_t events)
{
    epoll_event event{};

    event.events = events;
    event.data.ptr = whose;
    epoll_ctl(epoll_fd, how, PQsocket(conn), &event);
}

} // namespace

std::string binary(int32_t number)
{
    uint32_t swapped = htobe32(static_cast<uint32_t>(number));
    return {reinterpret_cast<const char *>(&swapped), sizeof(swapped)};
}

std::string binary(int64_t number)
{
    uint64_t swapped = htobe64(static_cast<uint64_t>(number));
    return {reinterpret_cast<const char *>(&swapped), sizeof(swapped)};
}

database::database(const std::string &conninfo, unsigned connections, unsigned loops)
{
    for (unsigned n = 0; n < loops; n++) {
        auto &it = *loops_.emplace_back(std::make_unique<loop>());
        unsigned share = connections / loops + (n < connections % loops);

        it.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        it.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        epoll_event event{};
        event.events = EPOLLIN;
        epoll_ctl(it.epoll_fd, EPOLL_CTL_ADD, it.event_fd, &event);
        it.connections.resize(share);
        for (auto &each : it.connections) {
            each.conn = PQconnectdb((conninfo + options).c_str());
            if (PQstatus(each.conn) != CONNECTION_OK || !prepare(each.conn))
                throw std::runtime_error(PQerrorMessage(each.conn));
            watch(it.epoll_fd, EPOLL_CTL_ADD, each.conn, &each, EPOLLIN);
            it.free.push_back(&each);
        }
    }
    for (auto &it : loops_)
        it->thread = std::thread([&it = *it] {
            while (!it.stop)
                turn(it);
        });
}

database::~database()
{
    for (auto &it : loops_) {
        it->stop = true;
        eventfd_write(it->event_fd, 1);
        it->thread.join();
        for (auto &each : it->connections)
            PQfinish(each.conn);
        close(it->epoll_fd);
        close(it->event_fd);
    }
}

void database::run(query *what)
{
    loop &it = *loops_[next_.fetch_add(1, std::memory_order_relaxed) % loops_.size()];
    bool first;

    {
        std::lock_guard lock(it.mutex);
        first = it.coming.empty();
        it.coming.push_back(what);
    }
    if (first && std::this_thread::get_id() != it.thread.get_id())
        eventfd_write(it.event_fd, 1); /* the loop takes all that came until it looks */
}

/* Waits for answers and for statements, and then sends all that may be sent. */
void database::turn(loop &it)
{
    epoll_event events[64];
    int count = epoll_wait(it.epoll_fd, events, 64, -1);

    for (int i = 0; i < count; i++) {
        auto *on = static_cast<connection *>(events[i].data.ptr);

        if (on == nullptr) {
            eventfd_t number;
            eventfd_read(it.event_fd, &number);
            continue;
        }
        if (events[i].events & EPOLLOUT)
            flush(it, *on);
        receive(it, *on);
    }
    start_waiting(it);
}

/* What done() of an answer asks for next is among it: a call's second statement needs no wake-up. */
void database::start_waiting(loop &it)
{
    {
        std::lock_guard lock(it.mutex);
        it.waiting.insert(it.waiting.end(), it.coming.begin(), it.coming.end());
        it.coming.clear();
    }
    while (!it.waiting.empty() && !it.free.empty()) {
        query *what = it.waiting.front();
        connection &on = *it.free.back();

        it.waiting.pop_front();
        it.free.pop_back();
        send(it, on, what);
    }
}

void database::send(loop &it, connection &on, query *what)
{
    const char *values[values_max];
    int lengths[values_max], formats[values_max];

    for (size_t i = 0; i < what->values.size(); i++) {
        values[i] = what->values[i].data();
        lengths[i] = static_cast<int>(what->values[i].size());
        formats[i] = binary_format;
    }
    on.running = what;
    if (PQsendQueryPrepared(on.conn, statements[static_cast<size_t>(what->what)].name,
                            static_cast<int>(what->values.size()), values, lengths, formats,
                            binary_format) == 0)
        reopen(it, on);
    else
        flush(it, on);
}

void database::flush(loop &it, connection &on)
{
    bool wants_write = PQflush(on.conn) == 1;

    if (wants_write != on.wants_write)
        watch(it.epoll_fd, EPOLL_CTL_MOD, on.conn, &on, wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN);
    on.wants_write = wants_write;
}

/* A statement is over when the server says that it is ready for the next: CommandComplete comes before the commit. */
void database::receive(loop &it, connection &on)
{
    if (PQconsumeInput(on.conn) == 0) {
        reopen(it, on);
        return;
    }
    while (on.running != nullptr && !PQisBusy(on.conn)) {
        PGresult *result = PQgetResult(on.conn);

        if (result == nullptr) {
            end(it, on);
            return;
        }
        PQclear(on.result);
        on.result = result;
    }
}

void database::end(loop &it, connection &on)
{
    query *what = std::exchange(on.running, nullptr);
    PGresult *result = std::exchange(on.result, nullptr);
    ExecStatusType status = PQresultStatus(result);
    bool right = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    it.free.push_back(&on);
    if (!right)
        fprintf(stderr, "session_peer: %s", PQresultErrorMessage(result));
    what->done(right ? result : nullptr);
    PQclear(result);
}

/* Blocks this loop until the server is there again or says no; what was on its way is told to the caller as failed. */
void database::reopen(loop &it, connection &on)
{
    query *what = std::exchange(on.running, nullptr);

    PQclear(std::exchange(on.result, nullptr));
    on.wants_write = false;
    fprintf(stderr, "session_peer: %s", PQerrorMessage(on.conn));
    std::erase(it.free, &on);
    while (PQreset(on.conn), PQstatus(on.conn) != CONNECTION_OK || !prepare(on.conn)) {
        if (it.stop)
            break;
        sleep(1);
    }
    watch(it.epoll_fd, EPOLL_CTL_ADD, on.conn, &on, EPOLLIN);
    it.free.push_back(&on);
    if (what != nullptr)
        what->done(nullptr);
}

} // namespace peer
