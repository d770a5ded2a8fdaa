/* database.hpp - 32 connections to one PostgreSQL, kept, with prepared statements, one statement at a time on each; none blocks.
 *
 * Each loop is a thread with its part of the connections; a statement goes to the loops in turn and waits there, in order, for a
 * connection that is free. Commits wait for the standby as the server is set (synchronous_commit, synchronous_standby_names).
 */
#ifndef PEER_PG_DATABASE_HPP
#define PEER_PG_DATABASE_HPP

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <libpq-fe.h>

namespace peer
{

enum class statement {
    create, /* key, write id, retain until, record */
    read,   /* key */
    change, /* key, revision and write id that it has, write id, retain until, record */
    count
};

/* Integers as PostgreSQL's binary parameters are: most significant byte first. */
std::string binary(int32_t number);
std::string binary(int64_t number);

/* One statement; the caller's until done is called, which is once, on a loop's thread. */
class query
{
  public:
    virtual ~query() = default;
    /* Null: the statement failed, or nobody knows what became of it. Valid during the call only. */
    virtual void done(const PGresult *result) = 0;

    statement what;
    std::vector<std::string> values;
};

class database
{
  public:
    /* Throws std::runtime_error with what the server said. */
    database(const std::string &conninfo, unsigned connections, unsigned loops);
    ~database();

    void run(query *what);

  private:
    struct connection {
        PGconn *conn;
        query *running = nullptr;
        PGresult *result = nullptr; /* of the running one, until the server is ready for the next */
        bool wants_write = false;
    };

    struct loop {
        std::mutex mutex;
        std::deque<query *> coming; /* under the mutex */
        std::deque<query *> waiting;
        std::vector<connection> connections;
        std::vector<connection *> free;
        int epoll_fd = -1, event_fd = -1;
        std::atomic<bool> stop{false};
        std::thread thread;
    };

    static void turn(loop &it);
    static void start_waiting(loop &it);
    static void send(loop &it, connection &on, query *what);
    static void flush(loop &it, connection &on);
    static void receive(loop &it, connection &on);
    static void end(loop &it, connection &on);
    static void reopen(loop &it, connection &on);

    std::vector<std::unique_ptr<loop>> loops_;
    std::atomic<unsigned> next_{0};
};

} // namespace peer

#endif
