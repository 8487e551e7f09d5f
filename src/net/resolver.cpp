#include "net/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/memory.h"

namespace holdfast {
namespace {

// More addresses of one name than that are left out.
constexpr std::size_t max_addresses = 1024;

// glibc's words are for those who know the call.
std::string words_for(int failure, int system) {
  switch (failure) {
    case EAI_NONAME:
      return "there is no such name";
    case EAI_NODATA:
      return "the name exists but has no address of this kind";
    case EAI_AGAIN:
      return "no DNS server gave an answer";
    case EAI_FAIL:
      return "the DNS server refused to answer or failed";
    case EAI_SYSTEM:
      return std::strerror(system);
    default:
      return gai_strerror(failure);
  }
}

int family_of(AddressFamily family) {
  switch (family) {
    case AddressFamily::any:
      return AF_UNSPEC;
    case AddressFamily::ipv4:
      return AF_INET;
    case AddressFamily::ipv6:
      return AF_INET6;
  }
  return AF_UNSPEC;
}

}  // namespace

std::optional<Question> parse_question(std::string_view host_and_port) {
  const std::size_t colon = host_and_port.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return std::nullopt;
  }
  Question question{.host = std::string(host_and_port.substr(0, colon))};
  const std::string_view port = host_and_port.substr(colon + 1);
  const auto [end, failure] =
      std::from_chars(port.data(), port.data() + port.size(), question.port);
  const bool is_number = failure == std::errc() && end == port.data() + port.size();
  if (!is_number || question.port == 0 || question.host.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  return question;
}

Answer look_up(const Question& question) {
  addrinfo hints{};
  hints.ai_family = family_of(question.family);
  hints.ai_socktype = SOCK_STREAM;
  // With a family that was chosen, a machine that has no such address yet gets to know it later.
  hints.ai_flags = AI_NUMERICSERV | (question.family == AddressFamily::any ? AI_ADDRCONFIG : 0);
  addrinfo* found = nullptr;
  const int failed =
      getaddrinfo(question.host.c_str(), std::to_string(question.port).c_str(), &hints, &found);
  if (failed != 0) {
    return {.addresses = {}, .error = words_for(failed, errno)};
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  Answer answer;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    const SocketAddress address(*at->ai_addr);
    const auto& known = answer.addresses;
    if (known.size() < max_addresses &&
        std::find(known.begin(), known.end(), address) == known.end()) {
      answer.addresses.push_back(address);
    }
  }
  return answer;
}

// One lookup and its thread. It has two holders, the thread and the resolver, either of which may
// go first; the second one frees it.
struct Lookup {
  Question question;
  Asker* asker = nullptr;
  std::uint64_t ticket = 0;
  Answer answer;

  std::mutex mutex;                    // guards the next one
  SystemResolver* resolver = nullptr;  // null once nobody wants the answer
  std::atomic<bool> is_let_go{false};  // by one of the two

  static void let_go(Lookup* lookup) {
    if (lookup->is_let_go.exchange(true, std::memory_order_acq_rel)) {
      const std::unique_ptr<Lookup> last(lookup);
    }
  }

  static void* run(void* argument) {
    auto* lookup = static_cast<Lookup*>(argument);
    // Without memory for the answer there is none, and the asker's time limit says so.
    if (has_memory_for([&] { lookup->answer = look_up(lookup->question); })) {
      const std::lock_guard lock(lookup->mutex);
      if (SystemResolver* resolver = lookup->resolver) {
        // The resolver is there as long as its loop runs tasks; without a loop nobody listens.
        static_cast<void>(
            resolver->loop_.post([resolver, lookup] { resolver->on_looked_up(*lookup); }));
      }
    }
    let_go(lookup);
    return nullptr;
  }

  // A thread that nobody waits for. Signals are for the others.
  [[nodiscard]] static bool start(Lookup* lookup) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
      return false;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread{};
    const int failed = pthread_create(&thread, &attributes, run, lookup);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    return failed == 0;
  }
};

SystemResolver::~SystemResolver() {
  for (Lookup* lookup : lookups_) {
    {
      const std::lock_guard lock(lookup->mutex);
      lookup->resolver = nullptr;
    }
    Lookup::let_go(lookup);
  }
}

std::optional<std::uint64_t> SystemResolver::ask(const Question& question, Asker& asker) {
  if (lookups_.size() >= max_lookups) {
    return std::nullopt;
  }
  std::unique_ptr<Lookup> lookup;
  if (!has_memory_for([&] {
        lookups_.reserve(lookups_.size() + 1);
        lookup = std::make_unique<Lookup>();
        lookup->question = question;
      })) {
    return std::nullopt;
  }
  lookup->asker = &asker;
  lookup->ticket = ++last_ticket_;
  lookup->resolver = this;
  if (!Lookup::start(lookup.get())) {
    return std::nullopt;
  }
  lookups_.push_back(lookup.release());
  return last_ticket_;
}

void SystemResolver::on_looked_up(Lookup& lookup) {
  std::erase(lookups_, &lookup);
  Asker& asker = *lookup.asker;
  const std::uint64_t ticket = lookup.ticket;
  Answer answer = std::move(lookup.answer);
  Lookup::let_go(&lookup);
  asker.on_answer(ticket, std::move(answer));
}

}  // namespace holdfast
