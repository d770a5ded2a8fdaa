/* arena.hpp - both messages of a call, and what it reads from the store, in one arena that begins with room of its own. */
#ifndef PEER_PG_ARENA_HPP
#define PEER_PG_ARENA_HPP

#include <google/protobuf/arena.h>
#include <grpcpp/support/message_allocator.h>

namespace peer
{

template <typename request, typename response> class arena_allocator final
    : public grpc::MessageAllocator<request, response>
{
    class holder final : public grpc::MessageHolder<request, response>
    {
      public:
        holder() : arena_(options())
        {
            this->set_request(google::protobuf::Arena::CreateMessage<request>(&arena_));
            this->set_response(google::protobuf::Arena::CreateMessage<response>(&arena_));
        }

        void Release() override
        {
            delete this;
        }

      private:
        google::protobuf::ArenaOptions options()
        {
            google::protobuf::ArenaOptions result;
            result.initial_block = first_;
            result.initial_block_size = sizeof(first_);
            return result;
        }

        alignas(8) char first_[4096];
        google::protobuf::Arena arena_;
    };

  public:
    grpc::MessageHolder<request, response> *AllocateMessages() override
    {
        return new holder;
    }
};

} // namespace peer

#endif
