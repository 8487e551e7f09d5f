#include "net/resolver.h"

#include <netdb.h>

#include <memory>

namespace holdfast {

tl::expected<SocketAddress, std::string> resolve(const std::string& host_and_port) {
  if (const auto numeric = SocketAddress::parse(host_and_port)) {
    return *numeric;
  }
  const std::size_t colon = host_and_port.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return tl::unexpected<std::string>("it is not of the form host:port");
  }
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = getaddrinfo(host_and_port.substr(0, colon).c_str(),
                                 host_and_port.substr(colon + 1).c_str(), &hints, &found);
  if (failed != 0) {
    return tl::unexpected<std::string>(gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  return SocketAddress(*found->ai_addr);
}

}  // namespace holdfast
