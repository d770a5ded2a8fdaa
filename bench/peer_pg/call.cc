#include "call.hpp"

#include <cstring>

#include <endian.h>

#include "text.hpp"

namespace peer
{

namespace
{

std::string_view column(const PGresult *result, int number)
{
    return {PQgetvalue(result, 0, number), static_cast<size_t>(PQgetlength(result, 0, number))};
}

constexpr uint64_t keep_ms = 60 * 1000; /* a session that is over can still be told so for that long */

} // namespace

std::string metadata(const grpc::CallbackServerContext &context, const char *name)
{
    auto found = context.client_metadata().find(name);

    return found == context.client_metadata().end() ? std::string()
                                                    : std::string(found->second.data(), found->second.size());
}

void call::finish(grpc::StatusCode code, const char *message)
{
    Finish(grpc::Status(code, message));
}

void call::finish_unavailable()
{
    finish(grpc::UNAVAILABLE, "the database did not answer, or refused: the same call again settles it");
}

void call::start_read()
{
    what = statement::read;
    values.assign({std::string(view(key_))});
    where_.store.run(this);
}

bool call::take_read(const PGresult *result, record *session, grpc::Status *status)
{
    int32_t revision;

    *status = grpc::Status::OK;
    if (PQntuples(result) == 0 || PQgetisnull(result, 0, 2))
        return false;
    std::memcpy(&revision, PQgetvalue(result, 0, 0), sizeof(revision));
    stored_.revision = static_cast<int32_t>(be32toh(static_cast<uint32_t>(revision)));
    stored_.write_id = column(result, 1);
    auto body = where_.keys.open(key_, column(result, 2));
    if (!body || !session->ParseFromString(*body)) {
        *status = grpc::Status(grpc::DATA_LOSS, "the stored session cannot be read");
        return false;
    }
    std::memcpy(stored_.id.data(), PQgetvalue(result, 0, 2) + 48, stored_.id.size());
    return true;
}

std::string call::seal(const record &session, int32_t revision)
{
    return where_.keys.seal({static_cast<uint32_t>(revision), session.expires_ms(), key_, stored_.id},
                            session.SerializeAsString());
}

void call::start_create(const record &session)
{
    std::string sealed = seal(session, 0);
    std::string write_id(secrets::write_id(sealed));

    what = statement::create;
    values.assign({std::string(view(key_)), std::move(write_id),
                   binary(static_cast<int64_t>(session.expires_ms() + keep_ms)), std::move(sealed)});
    where_.store.run(this);
}

void call::start_change(const record &session)
{
    std::string sealed = seal(session, stored_.revision + 1);
    std::string write_id(secrets::write_id(sealed));

    what = statement::change;
    values.assign({std::string(view(key_)), binary(stored_.revision), stored_.write_id, std::move(write_id),
                   binary(static_cast<int64_t>(session.expires_ms() + keep_ms)), std::move(sealed)});
    where_.store.run(this);
}

bool call::has_changed(const PGresult *result)
{
    return std::strcmp(PQcmdTuples(const_cast<PGresult *>(result)), "1") == 0;
}

} // namespace peer
