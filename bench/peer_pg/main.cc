/* session_peer: the same sessions by the usual means, to be measured beside sessiond over PostgreSQL (bench/compare_pg.py): gRPC C++,
 * one statement a call, a pool of connections. Its keys live as long as the process. No part of the product. */
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>

#include <absl/synchronization/mutex.h>
#include <getopt.h>

#include <grpcpp/server.h>

#include "service.hpp"

namespace
{

constexpr const char *usage =
    "usage: session_peer --pg CONNINFO [--listen HOST:PORT] [--connections N] [--loops N] [--return-origin URL]\n"
    "  --pg CONNINFO        libpq's connection string; the tables are those of sessiondctl store schema\n"
    "  --listen HOST:PORT   (127.0.0.1:8090)\n"
    "  --connections N      to the database (32)\n"
    "  --loops N            threads that wait for them (as many as cores)\n"
    "  --return-origin URL  where a browser may be sent back to (https://merchant.example)\n";

struct settings {
    std::string conninfo;
    std::string listen = "127.0.0.1:8090";
    std::string return_origin = "https://merchant.example";
    unsigned connections = 32;
    unsigned loops = std::thread::hardware_concurrency();
};

[[noreturn]] void refuse()
{
    fputs(usage, stderr);
    exit(2);
}

unsigned number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || value < 1 || value > 1000)
        refuse();
    return static_cast<unsigned>(value);
}

settings parse(int argc, char **argv)
{
    static const option options[] = {{"pg", required_argument, nullptr, 'p'},
                                     {"listen", required_argument, nullptr, 'l'},
                                     {"connections", required_argument, nullptr, 'c'},
                                     {"loops", required_argument, nullptr, 't'},
                                     {"return-origin", required_argument, nullptr, 'r'},
                                     {}};
    settings result;
    int found;

    while ((found = getopt_long(argc, argv, "", options, nullptr)) != -1)
        switch (found) {
        case 'p':
            result.conninfo = optarg;
            break;
        case 'l':
            result.listen = optarg;
            break;
        case 'c':
            result.connections = number(optarg);
            break;
        case 't':
            result.loops = number(optarg);
            break;
        case 'r':
            result.return_origin = optarg;
            break;
        default:
            refuse();
        }
    if (result.conninfo.empty() || optind < argc)
        refuse();
    result.loops = std::min(result.loops, result.connections);
    return result;
}

int serve(const settings &how)
{
    sigset_t ends;
    int which, port = 0;

    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr); /* before the first thread */

    peer::secrets keys;
    peer::database store(how.conninfo, how.connections, how.loops);
    peer::services both({keys, store, "https://pay.example", how.return_origin});
    grpc::ServerBuilder builder;
    builder.AddListeningPort(how.listen, grpc::InsecureServerCredentials(), &port);
    both.add_to(builder);
    auto server = builder.BuildAndStart();
    if (!server || port == 0) {
        fprintf(stderr, "session_peer: cannot listen on %s\n", how.listen.c_str());
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    sigwait(&ends, &which);
    server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    return 0;
}

} // namespace

int main(int argc, char **argv)
{
    settings how = parse(argc, argv);

    /* Debian builds gRPC with a search for deadlocks in every lock: a twentieth of a call. */
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    if (sodium_init() < 0)
        return 1;
    try {
        return serve(how);
    } catch (const std::runtime_error &error) {
        fprintf(stderr, "session_peer: %s\n", error.what());
        return 1;
    }
}
