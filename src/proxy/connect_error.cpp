#include <cerrno>

#include "proxy/endpoint.h"

namespace holdfast {

Error connect_error(int system) {
  switch (system) {
    case ECONNREFUSED:
      return make_error(ErrorCode::connect_refused, system);
    case ETIMEDOUT:
      return make_error(ErrorCode::connect_timeout, system);
    case EADDRNOTAVAIL:
    case EADDRINUSE:
      return make_error(ErrorCode::out_of_ports, system);
    case EMFILE:
    case ENFILE:
      return make_error(ErrorCode::out_of_descriptors, system);
    // A Unix socket whose queue is full says so at once, where TCP would try again by itself.
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
    case EACCES:
    case EPERM:
      return make_error(ErrorCode::local_failure, system);
    default:
      return make_error(ErrorCode::connect_failed, system);
  }
}

}  // namespace holdfast
