// Lets the n-th allocation of a worker fail, for n from 1 on, while it carries one exchange of each
// kind: operator new throws or says "none", libuv's allocator says "none". Nothing may crash, hang
// or leak: the client gets its answer, a 503 or the end of its connection, and the next client is
// served as if nothing had been. It replaces operator new and is therefore a program of its own.
//
// Not made to fail is realloc() in libuv: it grows the table of descriptors with it and ends the
// process itself if it cannot.

#include <gtest/gtest.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "config/config.h"
#include "server/server.h"
#include "talk.h"

namespace {

std::atomic<int> until_failure{0};  // 0: none fails; else that one from now on fails
std::atomic<bool> failed{false};
// Set on the threads of this test, whose allocations always succeed.
thread_local bool outside = false;

bool fails_now() {
  if (outside || until_failure.load() <= 0 || until_failure.fetch_sub(1) != 1) {
    return false;
  }
  failed = true;
  return true;
}

void* allocate(std::size_t size, std::size_t alignment) {
  if (fails_now()) {
    return nullptr;
  }
  return alignment <= alignof(std::max_align_t)
             ? std::malloc(size == 0 ? 1 : size)
             : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
  void* made = allocate(size, alignment);
  if (made == nullptr) {
    throw std::bad_alloc();
  }
  return made;
}

void* failing_malloc(std::size_t size) { return fails_now() ? nullptr : std::malloc(size); }
void* failing_calloc(std::size_t count, std::size_t size) {
  return fails_now() ? nullptr : std::calloc(count, size);
}

// libuv wants to be told before it is used at all.
const bool libuv_fails =
    uv_replace_allocator(failing_malloc, std::realloc, failing_calloc, std::free) == 0;

}  // namespace

// Not inlined, or the compiler sees free() called on what came from operator new.
[[gnu::noinline]] void* operator new(std::size_t size) { return allocate_or_throw(size, 0); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return allocate_or_throw(size, 0); }
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, 0);
}
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, 0);
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
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

// More than all kernel buffers on the way hold, so that the proxy has to keep some of it.
constexpr std::size_t big_body = 16 * 1024 * 1024;

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// A backend with a thread per connection. What it answers is chosen by the target.
class Backend {
 public:
  Backend() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, raw, size), 0);
    EXPECT_EQ(::listen(listener_, 64), 0);
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
      threads_.emplace_back([descriptor] {
        outside = true;
        serve(Talk(descriptor));
      });
    }
  }

  static void serve(Talk talk) {
    bool deaf = false;  // its next request meets the end of the connection
    while (true) {
      const std::string request = talk.hear();
      const std::string_view target = std::string_view(request).substr(request.find(' ') + 1);
      if (request.empty() || deaf || !talk.say(answer_to(target)) || target.starts_with("/end ")) {
        return;
      }
      deaf = target.starts_with("/last ");
    }
  }

  static std::string answer_to(std::string_view target) {
    if (target.starts_with("/big ")) {
      return with_length("HTTP/1.1 200 OK\r\n", big_body);
    }
    if (target.starts_with("/chunked ")) {
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    }
    if (target.starts_with("/end ")) {
      return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end";
    }
    const std::string small = with_length("HTTP/1.1 200 OK\r\n", 1024);
    return target.starts_with("/interim ") ? "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + small
                                           : small;
  }

  int listener_;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> threads_;  // of the acceptor until it has ended
};

// One worker before a backend, new for each allocation that fails: its slabs are empty.
class World {
 public:
  World() {
    ListenerOptions listener;
    listener.name = "web";
    listener.address = *SocketAddress::parse("127.0.0.1:0");
    listener.upstream = "legacy";
    UpstreamOptions upstream;
    upstream.name = "legacy";
    upstream.servers = {"127.0.0.1:" + std::to_string(backend_.port())};
    upstream.pool.max_connections = 1;  // so that whoever comes second has to queue
    Config config;
    config.status.address.reset();
    config.workers = 1;
    config.listeners = {listener};
    config.upstreams = {upstream};
    server_ = std::make_unique<Server>(config);
    EXPECT_TRUE(server_->start().has_value());
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    server_->stop_now();
    server_->wait();
  }

  // A client whose kernel takes little before it reads.
  [[nodiscard]] Talk connect() const {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int few_bytes = 4096;
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &few_bytes, sizeof(few_bytes));
    const sockaddr_in address = loopback(server_->listening_address(0).port());
    EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    return Talk(descriptor);
  }

 private:
  Backend backend_;
  std::unique_ptr<Server> server_;
};

std::string get(std::string_view target, std::string_view more = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(more) + "\r\n";
}

// One request and its answer, or an empty string for a connection that ended without one.
std::string ask(Talk& client, const std::string& request) {
  return client.say(request) ? client.hear() : std::string();
}

std::string status_of(const std::string& answer) {
  return answer.empty() ? "none" : answer.substr(9, 3);
}

struct Kind {
  std::string_view name;
  // What comes before, with memory for all.
  std::function<void(Talk&)> before;
  // The exchange, as its client sees it: the status of its answer, or "none".
  std::function<std::string(const World&, Talk&)> exchange;
  // What the answer may be; "none" may be always.
  std::vector<std::string> outcomes{"200", "503"};
};

std::function<std::string(const World&, Talk&)> asking(const std::string& request) {
  return [request](const World&, Talk& client) { return status_of(ask(client, request)); };
}

std::string chunked_request() {
  std::string request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 40; ++i) {
    request += "2000\r\n" + std::string(0x2000, 'x') + "\r\n";
  }
  return request + "0\r\n\r\n";
}

std::string ask_in_two_pieces(const World& world, Talk& client) {
  const std::string request = get("/", "A: b\r\n");
  static_cast<void>(client.say(request.substr(0, 10)));
  Talk other = world.connect();  // its answer says that the first piece has been read
  static_cast<void>(ask(other, get("/")));
  return status_of(ask(client, request.substr(10)));
}

std::string ask_beside_another(const World& world, Talk& client) {
  Talk other = world.connect();
  static_cast<void>(other.say(get("/big")));
  static_cast<void>(client.say(get("/")));
  static_cast<void>(other.hear());
  return status_of(client.hear());
}

std::vector<Kind> kinds() {
  const auto nothing = [](Talk&) {};
  const auto asks = [](std::string_view target) {
    return [target](Talk& client) { EXPECT_EQ(status_of(ask(client, get(target))), "200"); };
  };
  const std::string big_post = with_length("POST / HTTP/1.1\r\nHost: a\r\n", big_body);
  return {
      {"a first request", nothing, asking(get("/"))},
      {"a kept-alive request", asks("/"), asking(get("/"))},
      {"a short client", nothing, asking(get("/", "Connection: close\r\n"))},
      {"a request with a length",
       nothing,
       asking(with_length("POST / HTTP/1.1\r\nHost: a\r\n", 64 * 1024)),
       {"200", "502", "503"}},
      {"a chunked request, collected", nothing, asking(chunked_request()), {"200", "502", "503"}},
      {"a chunked answer", nothing, asking(get("/chunked"))},
      {"an answer that ends with its connection", nothing, asking(get("/end"))},
      {"an interim answer", nothing, asking(get("/interim")), {"103", "503"}},
      {"a replay after a stale connection", asks("/last"), asking(get("/")), {"200", "502", "503"}},
      {"a head in two pieces", nothing, ask_in_two_pieces},
      {"a request that queues", nothing, ask_beside_another},
      {"a request that is refused", nothing, asking("GET / HTTP/1.1\r\n\r\n"), {"400", "503"}},
      {"a large answer to a slow reader", nothing, asking(get("/big"))},
      {"a large request", nothing, asking(big_post), {"200", "502", "503"}},
  };
}

// Runs the exchange with the n-th allocation failing. False if there were fewer than n.
bool survives(const Kind& kind, int n) {
  const World world;
  {
    Talk client = world.connect();
    kind.before(client);
    failed = false;
    until_failure = n;
    const std::string outcome = kind.exchange(world, client);
    until_failure = 0;
    EXPECT_FALSE(client.gave_up());
    EXPECT_TRUE(outcome == "none" ||
                std::count(kind.outcomes.begin(), kind.outcomes.end(), outcome))
        << outcome;
    EXPECT_TRUE(failed || outcome == kind.outcomes.front()) << outcome;
  }
  Talk next = world.connect();
  EXPECT_EQ(status_of(ask(next, get("/"))), "200") << "for the next client";
  return failed;
}

TEST(AllocationFailure, CostsOneExchangeAtMost) {
  outside = true;
  ASSERT_TRUE(libuv_fails);
  { const World first; }  // libuv opens a pipe for signals, once
  const std::size_t before = open_descriptors();
  for (const Kind& kind : kinds()) {
    int n = 1;
    while (survives(kind, n) && !HasFailure()) {
      ++n;
    }
    ASSERT_FALSE(HasFailure()) << kind.name << ", allocation " << n;
    std::printf("%3d places in %s\n", n - 1, std::string(kind.name).c_str());
    ASSERT_EQ(open_descriptors(), before) << kind.name;
  }
}

}  // namespace
}  // namespace holdfast
