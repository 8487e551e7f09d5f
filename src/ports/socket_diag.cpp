#include "ports/socket_diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "ports/proc_file.h"

namespace holdfast {
namespace {

constexpr std::uint32_t bit_of(SocketState state) {
  return std::uint32_t{1} << static_cast<unsigned>(state);
}
constexpr std::uint32_t all_states = (std::uint32_t{1} << socket_state_count) - 1;
constexpr std::uint32_t connection_states =
    all_states & ~(1U | bit_of(SocketState::listening) | bit_of(SocketState::closed));

constexpr std::size_t answer_bytes = std::size_t{64} * 1024;

Unexpected failure(int system) { return unexpected(make_error(ErrorCode::local_failure, system)); }

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) {
      ::close(number_);
    }
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

// A question for the sockets of one family, with the kernel's filter behind it: one condition on
// the other end, and a jump past the end for whoever does not meet it.
class DumpQuestion {
 public:
  DumpQuestion(std::uint8_t family, const std::optional<SocketEnd>& destination) {
    put(inet_diag_req_v2{.sdiag_family = family,
                         .sdiag_protocol = IPPROTO_TCP,
                         .idiag_ext = 0,
                         .pad = 0,
                         .idiag_states = connection_states,
                         .id = {}});
    if (destination) {
      put_filter(*destination);
    }
    nlmsghdr head{};
    head.nlmsg_len = static_cast<std::uint32_t>(used_);
    head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    std::memcpy(bytes_.data(), &head, sizeof head);
  }

  [[nodiscard]] std::string_view bytes() const { return {bytes_.data(), used_}; }

 private:
  void put_filter(const SocketEnd& destination) {
    const bool v4 = destination.is_v4();
    const std::size_t address_bytes = v4 ? 4 : 16;
    const std::size_t size = sizeof(inet_diag_bc_op) + sizeof(inet_diag_hostcond) + address_bytes;
    nlattr attribute{};
    attribute.nla_type = INET_DIAG_REQ_BYTECODE;
    attribute.nla_len = static_cast<std::uint16_t>(sizeof attribute + size);
    put(attribute);
    inet_diag_bc_op step{};
    step.code = INET_DIAG_BC_D_COND;
    step.yes = static_cast<std::uint8_t>(size);
    step.no = static_cast<std::uint16_t>(size + 4);
    put(step);
    // The address follows in place of the struct's own last member, which has no size.
    std::array<char, sizeof(inet_diag_hostcond)> condition{};
    const auto family = static_cast<std::uint8_t>(v4 ? AF_INET : AF_INET6);
    const auto prefix = static_cast<std::uint8_t>(8 * address_bytes);
    const int port = destination.port;
    std::memcpy(&condition[offsetof(inet_diag_hostcond, family)], &family, sizeof family);
    std::memcpy(&condition[offsetof(inet_diag_hostcond, prefix_len)], &prefix, sizeof prefix);
    std::memcpy(&condition[offsetof(inet_diag_hostcond, port)], &port, sizeof port);
    put(condition);
    append(&destination.address[v4 ? mapped_prefix.size() : 0], address_bytes);
  }

  template <class Part>
  void put(const Part& part) {
    append(&part, sizeof part);
  }
  void append(const void* from, std::size_t size) {
    std::memcpy(&bytes_[used_], from, size);
    used_ += size;
  }

  std::array<char, 256> bytes_{};
  std::size_t used_ = sizeof(nlmsghdr);
};

SocketEnd end_of(std::uint8_t family, const __be32* address, std::uint16_t port) {
  SocketEnd end;
  if (family == AF_INET) {
    std::copy(mapped_prefix.begin(), mapped_prefix.end(), end.address.begin());
    std::memcpy(&end.address[mapped_prefix.size()], address, 4);
  } else {
    std::memcpy(end.address.data(), address, end.address.size());
  }
  end.port = ntohs(port);
  return end;
}

// Takes the sockets out of one answer. True: it was the last one. An error ends the dump.
Result<bool> take_answer(std::string_view answer, std::vector<SocketEntry>& found) {
  nlmsghdr head{};
  while (answer.size() >= sizeof head) {
    std::memcpy(&head, answer.data(), sizeof head);
    if (head.nlmsg_len < sizeof head || head.nlmsg_len > answer.size()) {
      return failure(EPROTO);
    }
    const std::string_view body = answer.substr(sizeof head, head.nlmsg_len - sizeof head);
    inet_diag_msg row{};
    if (head.nlmsg_type == NLMSG_DONE) {
      return true;
    }
    if (head.nlmsg_type == NLMSG_ERROR) {
      nlmsgerr error{};
      std::memcpy(&error, body.data(), std::min(body.size(), sizeof error));
      return failure(-error.error);
    }
    if (head.nlmsg_type == SOCK_DIAG_BY_FAMILY && body.size() >= sizeof row) {
      std::memcpy(&row, body.data(), sizeof row);
      found.push_back({end_of(row.idiag_family, row.id.idiag_src, row.id.idiag_sport),
                       end_of(row.idiag_family, row.id.idiag_dst, row.id.idiag_dport),
                       static_cast<SocketState>(row.idiag_state)});
    }
    answer.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(head.nlmsg_len), answer.size()));
  }
  return false;
}

Result<void> dump_family(int descriptor, const DumpQuestion& question,
                         std::vector<SocketEntry>& found) {
  const std::string_view asked = question.bytes();
  if (::send(descriptor, asked.data(), asked.size(), 0) < 0) {
    return failure(errno);
  }
  std::vector<char> room(answer_bytes);
  while (true) {
    const ssize_t got = ::recv(descriptor, room.data(), room.size(), 0);
    if (got <= 0) {
      return failure(got == 0 ? EPROTO : errno);
    }
    const Result<bool> ended = take_answer({room.data(), static_cast<std::size_t>(got)}, found);
    if (!ended) {
      return unexpected(ended.error());
    }
    if (*ended) {
      return {};
    }
  }
}

Result<std::vector<SocketEntry>> ask_kernel(const std::optional<SocketEnd>& destination) {
  const Descriptor asking(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (asking.number() < 0) {
    return failure(errno);
  }
  // The kernel answers at once or not at all.
  constexpr timeval patience{.tv_sec = 2, .tv_usec = 0};
  if (::setsockopt(asking.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
    return failure(errno);
  }
  std::vector<SocketEntry> found;
  // A socket that speaks both families is listed under IPv6, whatever it is connected to.
  for (const std::uint8_t family : std::to_array<std::uint8_t>({AF_INET, AF_INET6})) {
    if (family == AF_INET && destination && !destination->is_v4()) {
      continue;
    }
    const DumpQuestion question(family, destination);
    if (const auto dumped = dump_family(asking.number(), question, found); !dumped) {
      return unexpected(dumped.error());
    }
  }
  return found;
}

Result<std::vector<SocketEntry>> read_tables(const std::optional<SocketEnd>& destination) {
  std::vector<SocketEntry> found;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const Result<std::string> text = read_proc_file(path);
    if (!text && text.error().system == ENOENT) {
      continue;  // a kernel without IPv6
    }
    if (!text) {
      return unexpected(text.error());
    }
    std::string_view table = *text;
    while (!table.empty()) {
      const std::string_view line = table.substr(0, table.find('\n'));
      table.remove_prefix(std::min(line.size() + 1, table.size()));
      const std::optional<SocketEntry> entry = parse_socket_entry(line);
      if (entry && (connection_states & bit_of(entry->state)) != 0 &&
          (!destination || entry->remote == *destination)) {
        found.push_back(*entry);
      }
    }
  }
  return found;
}

}  // namespace

Result<std::vector<SocketEntry>> dump_sockets(const std::optional<SocketEnd>& destination) {
  Result<std::vector<SocketEntry>> found = ask_kernel(destination);
  return found ? std::move(found) : read_tables(destination);
}

}  // namespace holdfast
