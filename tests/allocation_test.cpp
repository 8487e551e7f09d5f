// Counts what the proxy allocates: operator new and libuv's own allocations, on the worker's thread
// only. It replaces operator new and is therefore a program of its own.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "config/config.h"
#include "server/server.h"
#include "talk.h"

namespace {

std::atomic<std::size_t> allocations{0};
std::atomic<bool> counting{false};
// Set on the threads of this test, whose allocations are their own affair.
thread_local bool outside = false;

void count_allocation() {
  if (!outside && counting.load(std::memory_order_relaxed)) {
    allocations.fetch_add(1, std::memory_order_relaxed);
  }
}

void* allocate(std::size_t size, std::size_t alignment) {
  count_allocation();
  // aligned_alloc wants a multiple of the alignment.
  void* made = alignment <= alignof(std::max_align_t)
                   ? std::malloc(size == 0 ? 1 : size)
                   : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (made == nullptr) {
    std::abort();
  }
  return made;
}

void* counted_malloc(std::size_t size) {
  count_allocation();
  return std::malloc(size);
}

void* counted_calloc(std::size_t count, std::size_t size) {
  count_allocation();
  return std::calloc(count, size);
}

void* counted_realloc(void* old, std::size_t size) {
  count_allocation();
  return std::realloc(old, size);
}

// libuv wants to be told before it is used at all.
const bool libuv_counts =
    uv_replace_allocator(counted_malloc, counted_realloc, counted_calloc, std::free) == 0;

}  // namespace

// Not inlined, or the compiler sees free() called on what came from operator new.
[[gnu::noinline]] void* operator new(std::size_t size) { return allocate(size, 0); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return allocate(size, 0); }
// A sanitizer has its own of these, which would not come here.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, 0);
}
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, 0);
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace holdfast {
namespace {

constexpr std::size_t big_body = 64 * 1024;

// A keep-alive backend with a thread per connection. What it answers is chosen by the target.
class Backend {
 public:
  Backend() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, raw, size), 0);
    EXPECT_EQ(::listen(listener_, 1024), 0);
    EXPECT_EQ(::getsockname(listener_, raw, &size), 0);
    port_ = ::ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  ~Backend() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : threads_) {
      thread.join();
    }
    ::close(listener_);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void accept_all() {
    outside = true;
    while (true) {
      const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) {
        return;
      }
      threads_.emplace_back([this, descriptor] { serve(Talk(descriptor)); });
    }
  }

  void serve(Talk talk) const {
    outside = true;
    while (true) {
      const std::string request = talk.hear();
      if (request.empty() || !talk.say(answer_to(request)) ||
          request.find(" /closing ") != std::string::npos) {
        return;
      }
    }
  }

  [[nodiscard]] const std::string& answer_to(std::string_view request) const {
    const std::string_view target = request.substr(request.find(' ') + 1);
    if (target.starts_with("/big ")) {
      return big_;
    }
    if (target.starts_with("/chunked ")) {
      return chunked_;
    }
    return target.starts_with("/closing ") ? closing_ : small_;
  }

  const std::string small_ = with_length("HTTP/1.1 200 OK\r\n", 1024);
  const std::string big_ = with_length("HTTP/1.1 200 OK\r\n", big_body);
  const std::string closing_ = with_length("HTTP/1.1 200 OK\r\nConnection: close\r\n", 1024);
  const std::string chunked_ =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
  int listener_;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> threads_;  // of the acceptor until it has ended
};

// One worker between clients and a backend, all in this process.
class AllocationTest : public testing::Test {
 protected:
  static constexpr std::size_t requests = 1000;
  static constexpr std::size_t clients_at_a_time = 8;

  AllocationTest() {
    outside = true;
    ListenerOptions listener;
    listener.name = "web";
    listener.address = *SocketAddress::parse("127.0.0.1:0");
    listener.upstream = "legacy";
    UpstreamOptions upstream;
    upstream.name = "legacy";
    upstream.servers = {"127.0.0.1:" + std::to_string(backend_.port())};
    Config config;
    config.status.address.reset();
    config.listeners = {listener};
    config.upstreams = {upstream};
    server_ = std::make_unique<Server>(config);
    started_ = server_->start().has_value();
  }
  ~AllocationTest() override {
    if (started_) {
      server_->stop_now();
      server_->wait();
    }
  }

  void SetUp() override {
    ASSERT_TRUE(libuv_counts);
    ASSERT_TRUE(started_);
  }

  [[nodiscard]] Talk connect() const {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(server_->listening_address(0).port());
    EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    return Talk(descriptor);
  }

  static void expect_answer(Talk& client) {
    const std::string answer = client.hear();
    ASSERT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer.substr(0, 200);
  }

  // Each of the clients asks, `depth` requests at once, then all of the answers are heard.
  void ask_all(std::vector<Talk>& clients, const std::string& request, std::size_t depth = 1) {
    std::string together;
    for (std::size_t i = 0; i < depth; ++i) {
      together += request;
    }
    for (Talk& client : clients) {
      ASSERT_TRUE(client.say(together));
    }
    for (Talk& client : clients) {
      for (std::size_t i = 0; i < depth; ++i) {
        ASSERT_NO_FATAL_FAILURE(expect_answer(client));
      }
    }
  }

  void ask_kept_alive(const std::string& request, std::size_t depth = 1) {
    std::vector<Talk> clients;
    for (std::size_t i = 0; i < clients_at_a_time; ++i) {
      clients.push_back(connect());
    }
    for (std::size_t asked = 0; asked < requests; asked += clients_at_a_time * depth) {
      ASSERT_NO_FATAL_FAILURE(ask_all(clients, request, depth));
    }
  }

  void ask_with_short_connections(const std::string& request) {
    for (std::size_t asked = 0; asked < requests; asked += clients_at_a_time) {
      std::vector<Talk> clients;
      for (std::size_t i = 0; i < clients_at_a_time; ++i) {
        clients.push_back(connect());
      }
      ASSERT_NO_FATAL_FAILURE(ask_all(clients, request));
    }
  }

  // Runs the load until one run of it allocates nothing. The first ones warm up: slabs and tables
  // grow to the most that was ever needed at a time, which the order of events decides. What is
  // allocated per request or per connection is allocated in every run.
  template <class Load>
  void expect_no_allocations(Load load) {
    constexpr int runs = 8;
    std::string seen;
    for (int run = 0; run < runs; ++run) {
      allocations = 0;
      counting = true;
      load();
      counting = false;
      if (HasFatalFailure() || allocations == 0) {
        return;
      }
      seen += ' ' + std::to_string(allocations);
    }
    ADD_FAILURE() << "allocations in each run of " << requests << " requests:" << seen;
  }

  Backend backend_;
  std::unique_ptr<Server> server_;
  bool started_ = false;
};

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";

// Or all others would pass without a reason.
TEST_F(AllocationTest, TheFirstRequestsOfAWorkerAreSeenToAllocate) {
  counting = true;
  allocations = 0;
  ask_kept_alive(get);
  counting = false;
  EXPECT_GT(allocations, 0U);
}

TEST_F(AllocationTest, WhatLibuvAllocatesIsSeen) {
  counting = true;
  allocations = 0;
  std::thread([] {
    uv_loop_t loop;
    EXPECT_EQ(uv_loop_init(&loop), 0);
    EXPECT_EQ(uv_loop_close(&loop), 0);
  }).join();
  counting = false;
  EXPECT_GT(allocations, 0U);
}

TEST_F(AllocationTest, KeptAliveRequestsNeedNone) {
  expect_no_allocations([this] { ask_kept_alive(get); });
}

TEST_F(AllocationTest, ShortConnectionsNeedNone) {
  expect_no_allocations([this] {
    ask_with_short_connections("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  });
}

TEST_F(AllocationTest, Http10ClientsNeedNone) {
  expect_no_allocations([this] { ask_with_short_connections("GET / HTTP/1.0\r\n\r\n"); });
}

TEST_F(AllocationTest, PipelinedRequestsNeedNone) {
  expect_no_allocations([this] { ask_kept_alive(get, 8); });
}

TEST_F(AllocationTest, LargeAnswersNeedNone) {
  expect_no_allocations([this] { ask_kept_alive("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"); });
}

TEST_F(AllocationTest, LargeRequestsNeedNone) {
  const std::string request = with_length("POST / HTTP/1.1\r\nHost: a\r\n", big_body);
  expect_no_allocations([this, &request] { ask_kept_alive(request); });
}

TEST_F(AllocationTest, ChunkedAnswersNeedNone) {
  expect_no_allocations([this] { ask_kept_alive("GET /chunked HTTP/1.1\r\nHost: a\r\n\r\n"); });
}

TEST_F(AllocationTest, ChunkedRequestsNeedNone) {
  const std::string request =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  expect_no_allocations([this, &request] { ask_kept_alive(request); });
}

TEST_F(AllocationTest, NewBackendConnectionsNeedNone) {
  expect_no_allocations([this] { ask_kept_alive("GET /closing HTTP/1.1\r\nHost: a\r\n\r\n"); });
}

}  // namespace
}  // namespace holdfast
