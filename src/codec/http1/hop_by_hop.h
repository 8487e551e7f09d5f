#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "codec/codec.h"
#include "codec/http1/fields.h"

namespace holdfast::http1 {

// The elements of a comma-separated list, without the blanks around them (RFC 9110 section 5.6.1).
// Empty elements are passed over. Knows no quoted strings.
class ListElements {
 public:
  explicit ListElements(std::string_view list) : rest_(list) {}

  // Gives the next element, or false at the end.
  [[nodiscard]] bool next(std::string_view& element);

 private:
  std::string_view rest_;
};

// More options than this in one head are refused: each is held against each field.
inline constexpr std::size_t max_connection_options = 32;

// What all Connection and Proxy-Connection fields of a head say together (RFC 9110 section 7.6.1).
struct ConnectionOptions {
  std::size_t count = 0;
  bool close = false;
  bool keep_alive = false;
  // There are names of fields beside.
  bool nominates = false;
  // One of the names is of a field that frames the message.
  bool nominates_framing = false;
  // One of the names is of a field that a client must not be able to take from its own request:
  // what routes it, says who sent it, or is written by proxies.
  bool nominates_guarded = false;
  // An option is no token, or there are too many.
  bool malformed = false;
  [[nodiscard]] bool too_many() const { return count > max_connection_options; }

  // Takes in the value of one Connection field.
  void add_connection(std::string_view value);
  // Takes in the value of one Proxy-Connection field: obsolete, never a reason to stay open.
  void add_proxy_connection(std::string_view value);
};

// The sender keeps the connection open after this message (RFC 9112 section 9.3).
[[nodiscard]] bool persists(Version version, const ConnectionOptions& options);

// What a Keep-Alive field announces (RFC 2068 section 19.7.1.1): seconds that the connection may be
// idle, and requests that it may carry beyond this one. What makes no sense is left out.
struct KeepAliveHint {
  std::optional<std::uint32_t> timeout{};
  std::optional<std::uint32_t> max{};
};
[[nodiscard]] KeepAliveHint read_keep_alive(std::string_view value);

// Marks the plain fields that Connection names as FieldId::nominated.
void mark_nominated(std::span<Field> fields);

// The field concerns one connection only, or holdfast writes it itself: it is not copied into the
// request to the backend.
[[nodiscard]] bool stops_in_request(FieldId id);
// The same for the answer to the client.
[[nodiscard]] bool stops_in_response(FieldId id);

// The credentials or challenges use a scheme that authenticates the connection, not the request:
// NTLM or Negotiate (RFC 4559).
[[nodiscard]] bool binds_connection(std::string_view value);

}  // namespace holdfast::http1
